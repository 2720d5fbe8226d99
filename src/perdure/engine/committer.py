"""Many callers, one commit.

What arrives while one commit is under way goes into the next, together; alone, nobody waits for
company.  So one caller has the latency of one transaction, and a thousand at once cost a few.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from perdure.core.errors import PerdureError
from perdure.core.storage_errors import DatabaseUnavailable

In = TypeVar("In")
Out = TypeVar("Out")

LIMIT = 500
"""The most commands in one commit: bounds how long the first waits for the last."""


class Committer(Generic[In, Out]):
    """Groups concurrent calls of one command.

    Args:
        work: carries out commands in one transaction, and returns for each its answer, or the error
            that is its caller's alone.
        limit: the most commands in one transaction.
        unheard: is given each answer whose caller went away meanwhile.
    """

    def __init__(
        self,
        work: Callable[[Sequence[In]], Awaitable[Sequence[Out | PerdureError]]],
        limit: int = LIMIT,
        unheard: Callable[[Out], None] | None = None,
    ) -> None:
        """Begin with nothing to do."""
        self._work = work
        self._limit = limit
        self._unheard = unheard
        self._waiting: list[tuple[In, asyncio.Future[Out]]] = []
        self._busy: asyncio.Task[None] | None = None

    async def submit(self, command: In) -> Out:
        """Carry out a command; return after the commit it was part of."""
        future: asyncio.Future[Out] = asyncio.get_running_loop().create_future()
        self._waiting.append((command, future))
        if self._busy is None:
            self._busy = asyncio.create_task(self._drain())
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                self._forget(future.result())  # it came at the last moment
            raise

    async def _drain(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting[: self._limit], self._waiting[self._limit :]
                await self._carry_out([entry for entry in group if not entry[1].done()])
        finally:
            self._busy = None

    async def _carry_out(self, group: list[tuple[In, asyncio.Future[Out]]]) -> None:
        """Answer each of a group; one that breaks the transaction is found and fails alone."""
        try:
            answers = await self._work([command for command, _ in group])
        except Exception as error:
            if len(group) > 1 and not isinstance(error, DatabaseUnavailable):
                for entry in group:
                    await self._carry_out([entry])
                return
            answers = [error] * len(group)
        for (_, future), answer in zip(group, answers, strict=True):
            if isinstance(answer, Exception):
                if not future.done():
                    future.set_exception(answer)
            elif future.done():
                self._forget(answer)
            else:
                future.set_result(answer)

    def _forget(self, answer: Out) -> None:
        if self._unheard is not None:
            self._unheard(answer)
