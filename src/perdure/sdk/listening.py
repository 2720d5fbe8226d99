"""Taking what is sent to a run in memory: once, or for as long as the attempt runs."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

from perdure.client.calls import streams as calls
from perdure.client.results import Deadline
from perdure.core.duration import Duration
from perdure.core.errors import RunEnded, WaitTimeout
from perdure.sdk.handle import clients


async def take(run: str, name: str, key: str, timeout: Duration | None) -> Any:
    """Take the next value of an input, when it comes.

    Args:
        run: whose input it is.
        name: of the input.
        key: what this is known by in the run.
        timeout: how long to wait; for ever by default.

    Raises:
        WaitTimeout: none came in time.
    """
    deadline = Deadline(run, timeout)
    while True:
        call = calls.take(run, name, key, deadline.next_wait())
        taken = await clients.asynchronous.send(call)
        if taken.is_there:
            return taken.data
        try:
            deadline.check()
        except TimeoutError:
            raise WaitTimeout(what=f"A value of input {name}") from None


class Listener:
    """A function that is called with what comes, until the attempt ends or parks."""

    def __init__(self, once: Callable[[], Awaitable[Any]], handler: Callable[[Any], Any]) -> None:
        self._once = once
        self._handler = handler
        self._job = asyncio.ensure_future(self._listen())
        _listeners.get(set()).add(self)

    def off(self) -> None:
        """Listen no more."""
        self._job.cancel()

    async def _listen(self) -> None:
        while True:
            try:
                value = await self._once()
            except RunEnded:
                return
            answer = self._handler(value)
            if inspect.isawaitable(answer):
                await answer


_listeners: ContextVar[set[Listener]] = ContextVar("perdure_listeners")


def begin() -> None:
    """Begin an attempt, whose listeners are its own."""
    _listeners.set(set())


def end() -> None:
    """End the listeners of an attempt."""
    for listener in _listeners.get(set()):
        listener.off()
