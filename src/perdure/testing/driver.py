"""What lets the runs of a test go on, and its time pass.

*To settle* is to let every run go on until it has ended, is stored, or waits in memory.  Only then does
time move, to the next moment at which something happens by itself.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from perdure.testing.errors import RunStuck
from perdure.testing.hosting import Hosting, inside
from perdure.testing.lives import Life
from perdure.testing.stubs import Stub
from perdure.testing.telling import why_stuck
from perdure.testing.world import Moment, World

MOST_MOMENTS = 20_000
"""A run for which time has moved this often without its end waits for something that never comes."""


class Driver:
    """Runs the runs of a world."""

    def __init__(self, world: World, *, stores: bool, move_to: Callable[[int], object]) -> None:
        """Drive a world.

        Args:
            world: what there is.
            stores: whether runs are stored as bytes when they wait.
            move_to: moves its clock to a moment.
        """
        self.stubs: dict[str, Stub] = {}
        #: runs that could not be stored when they waited, and why; whoever tells of them empties this
        self.unstorable: list[tuple[Life, str]] = []
        self._world = world
        self._stores = stores
        self._move_to = move_to
        self._jobs: dict[asyncio.Task[Any], Hosting | None] = {}
        # Runs whose code waits for another by the API, `await handle.result()`, and for which.
        self._polls: dict[str, str] = {}
        self._changed = threading.Condition(world.lock)
        self._listeners: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self._broken: BaseException | None = None
        self._turn = asyncio.Lock()
        world.on_change = self._tell

    async def settle(self) -> None:
        """Let everything go on that can."""
        async with self._turn:
            await self._settle()

    async def advance_to(self, moment: int) -> None:
        """Let time pass until a moment, and everything happen until then."""
        async with self._turn:
            await self._settle()
            while (following := self._next()) is not None and following.at <= moment:
                await self._pass(following)
            self._move_to(moment)

    async def finish(self, life: Life) -> None:
        """Let time pass until a run has ended.

        Raises:
            RunStuck: it waits for something that does not come by itself.
        """
        __tracebackhide__ = True
        for _ in range(MOST_MOMENTS):
            async with self._turn:
                await self._settle()
                if life.has_ended:
                    return
                await self._pass(self._next_for(life))
        reason = f"time has moved {MOST_MOMENTS:,} times, until {self._world.now()}, and it still waits."
        raise RunStuck(run=life.id, task=life.row.task, reason=reason)

    async def end_of(self, life: Life) -> None:
        """Wait for the end of a run: in the test itself, by letting time pass."""
        waiter = inside.get()
        if waiter is None:
            await self.finish(life)
            return
        with self._polling(waiter, life), self._listening() as changed:
            while not life.has_ended:
                changed.clear()
                await changed.wait()

    def block_for_end_of(self, life: Life, waiter: str) -> None:
        """Wait for the end of a run, in a thread of another."""
        with self._polling(waiter, life), self._changed:
            while not life.has_ended:
                self._changed.wait()

    async def stop(self) -> None:
        """End whatever still runs or waits in memory."""
        jobs = list(self._jobs)
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)

    async def _settle(self) -> None:
        with self._listening() as changed:
            while True:
                changed.clear()
                for life in self._world.ready():
                    self._begin(life)
                if self._broken is not None:
                    raise self._broken
                if not any(self._is_busy(hosting) for hosting in self._jobs.values()):
                    return
                await changed.wait()

    def _is_busy(self, hosting: Hosting | None) -> bool:
        return hosting is None or not (hosting.is_idle or self._is_polling(hosting.life))

    def _is_polling(self, life: Life) -> bool:
        """Tell whether the code of a run waits for another run that has not ended."""
        awaited = self._polls.get(life.id)
        return awaited is not None and not self._world.lives[awaited].has_ended

    def _begin(self, life: Life) -> None:
        world = self._world
        handed = life.claim(world.clock.now(), world.answers(life))
        stub, hosting = self.stubs.get(life.row.task), None
        if stub is not None:
            work = stub.attempt(life, handed)
        else:
            hosting = Hosting(world, life, handed, stores=self._stores)
            work = hosting.result()
        job = asyncio.get_running_loop().create_task(work, name=life.id)
        self._jobs[job] = hosting
        job.add_done_callback(lambda done: self._landed(life, done))

    def _landed(self, life: Life, job: asyncio.Task[Any]) -> None:
        hosting = self._jobs.pop(job)
        if hosting is not None and hosting.reason is not None:
            self.unstorable.append((life, hosting.reason))
            hosting.reason = None
        if not job.cancelled():
            self._broken = self._broken or job.exception()
            if job.exception() is None:
                self._world.report(life, job.result())
        self._tell()

    def take_unstorable(self) -> list[tuple[Life, str]]:
        """Return the runs that could not be stored since this was last asked, and why."""
        found, self.unstorable = self.unstorable, []
        for hosting in self._jobs.values():
            if hosting is not None and hosting.reason is not None:
                found.append((hosting.life, hosting.reason))
                hosting.reason = None
        return found

    # Time.

    def _next(self) -> Moment | None:
        return min(self._world.moments(), key=_order, default=None)

    async def _pass(self, moment: Moment) -> None:
        self._move_to(moment.at)
        self._world.pass_moment()
        await self._settle()

    def _next_for(self, life: Life) -> Moment:
        """Return the next moment on the way of a run to its end.

        A token that the run waits for does not run out of time by this: whoever answers it was forgotten,
        or is not to come, and then the test says so.
        """
        __tracebackhide__ = True
        family = self._awaited_with(life)
        tokens = {waiting.subject for one in family.values() for waiting in self._world.waiting(one)}
        ours = [m for m in self._world.moments() if m.run in family or m.token in tokens]
        first = min(ours, key=_order, default=None)
        following = self._next()
        if first is None or first.token is not None or following is None:
            reason = why_stuck(self._world, list(family.values()))
            raise RunStuck(run=life.id, task=life.row.task, reason=reason)
        return following

    def _awaited_with(self, life: Life) -> dict[str, Life]:
        """Return a run, and those that it waits for, directly or not."""
        found: dict[str, Life] = {}
        open_lives = [life]
        while open_lives:
            one = open_lives.pop()
            if one.id not in found and not one.has_ended:
                found[one.id] = one
                open_lives += self._world.awaited(one)
                if one.id in self._polls:
                    open_lives.append(self._world.lives[self._polls[one.id]])
        return found

    # Changes, in whichever thread they are made.

    def _tell(self) -> None:
        with self._changed:
            self._changed.notify_all()
            for loop, event in list(self._listeners):
                if not loop.is_closed():
                    loop.call_soon_threadsafe(event.set)

    @contextmanager
    def _listening(self) -> Iterator[asyncio.Event]:
        """Give an event that is set whenever something has changed."""
        mine = asyncio.get_running_loop(), asyncio.Event()
        with self._changed:
            self._listeners.add(mine)
        try:
            yield mine[1]
        finally:
            with self._changed:
                self._listeners.discard(mine)

    @contextmanager
    def _polling(self, waiter: str, awaited: Life) -> Iterator[None]:
        """Note that the code of a run waits for another run."""
        self._polls[waiter] = awaited.id
        self._tell()
        try:
            yield
        finally:
            del self._polls[waiter]


def _order(moment: Moment) -> tuple[int, bool]:
    return moment.at, moment.token is not None
