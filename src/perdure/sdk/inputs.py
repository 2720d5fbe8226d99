"""`input_stream`: what is sent to a run while it runs or waits.

    approval = input_stream[Answer]("approval")

    @task
    async def order(...):
        answer = await approval.wait(timeout="7d")      # parked: holds nothing

    await approval.send(run.id, Answer(...))

What is sent before anybody takes it is kept, in order, and each value is taken once: but a run that comes to
the same place again, as its worker was lost or a try has failed, gets again what it got there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeVar

from perdure import client, sdk
from perdure.core.duration import Duration
from perdure.core.errors import OutsideRun
from perdure.sdk import children, context
from perdure.sdk.handle import clients
from perdure.sdk.streams import Named

T = TypeVar("T")


class InputStream(Named[T]):
    """Values that are sent to a run; `T` is their type."""

    def wait(self, *, timeout: Duration | datetime | None = None) -> Awaitable[T]:
        """Wait for the next value; the run that waits is stored, and holds nothing.

        Args:
            timeout: a duration or a moment; for ever by default.

        Raises:
            WaitTimeout: none came in time.
            AnswerInvalid: the value does not fit the type.
            OutsideRun: this is no task.
        """
        context.check_waits("input_stream.wait")
        return sdk.waits.for_input(self.name, self._key(), timeout, self._hint)

    def wait_sync(self, *, timeout: Duration | datetime | None = None) -> T:
        """Wait as `wait` does, blocking, in a task that is a plain `def`: it keeps its process meanwhile."""
        context.check_blocking("input_stream.wait_sync")
        run = _run("input_stream.wait_sync")
        made = clients.blocking.send(client.calls.streams.wait(run, self.name, self._key(), timeout))
        return sdk.waits.block_for_token(made.waitpoint_id, self._hint)

    async def once(self, *, timeout: Duration | None = None) -> T:
        """Take the next value, in memory: the run keeps its process, which for some seconds is quicker.

        Args:
            timeout: how long to wait; for ever by default.

        Raises:
            WaitTimeout: none came in time.
            Unfit: the value does not fit the type.
            OutsideRun: this is no task.
        """
        run = _run("input_stream.once")
        taken = await sdk.listening.take(run, self.name, self._key(), timeout)
        return self.codec.read(taken)

    def on(self, handler: Callable[[T], Any]) -> sdk.listening.Listener:
        """Call a function, blocking or async, with each value that comes while this attempt runs.

        Values that were sent before come first.  When the run parks, or the attempt ends, it listens no more.

        Raises:
            OutsideRun: this is no task.
        """
        _run("input_stream.on")
        return sdk.listening.Listener(self.once, handler)

    async def send(self, run: str | Any, data: T) -> None:
        """Send a value to a run, given by its id or handle; one that waits for it goes on.

        Raises:
            NotFound: there is no such run.
            RunEnded: it has ended.
            Unwritable: the value is no JSON.
        """
        value = sdk.codec.parse(self.codec.write_json(data))
        await clients.asynchronous.streams.send(_id(run), self.name, value)

    def send_sync(self, run: str | Any, data: T) -> None:
        """Send a value as `send` does, blocking."""
        value = sdk.codec.parse(self.codec.write_json(data))
        clients.blocking.streams.send(_id(run), self.name, value)

    @property
    def _hint(self) -> Any:
        """The type of the values, to be stored with a run that waits."""
        hints = getattr(getattr(self, "__orig_class__", None), "__args__", ())
        return hints[0] if hints and not isinstance(hints[0], TypeVar) else None

    def _key(self) -> str:
        family = children.current()
        assert family is not None  # who calls has looked
        return family.input_key(self.name)


def _run(what: str) -> str:
    inside = context.current()
    if inside is None or children.current() is None:
        raise OutsideRun(what=what)
    return inside.run.id


def _id(run: str | Any) -> str:
    return run if isinstance(run, str) else run.id


input_stream = InputStream
"""`input_stream[Answer]("approval")` declares an input."""
