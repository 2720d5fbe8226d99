"""Steps of a test: taken at once in a plain function, and awaited in an `async def`."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Generic, TypeVar

from perdure.core.errors import PerdureError
from perdure.testing.errors import NotAwaited, NotInTest
from perdure.testing.hosting import inside

T = TypeVar("T")

BLOCKS = "result_sync() would block the event loop that runs need, too: `await` result() instead."

Work = Callable[[], Coroutine[Any, Any, None]]
"""Makes the coroutine that takes a step."""


class Step(Generic[T]):
    """A step that was taken; in an `async def`, one that is taken when it is awaited.

    What `await` gives is what the step is about: a run, or nothing.
    """

    def __init__(self, what: str, work: Work | None, value: T) -> None:
        #: how the test spelled it, such as `advance('1d')`
        self.what = what
        self._work = work
        self._value = value

    @property
    def is_taken(self) -> bool:
        """Whether it was taken."""
        return self._work is None

    def __await__(self) -> Generator[Any, Any, T]:
        work, self._work = self._work, None
        if work is not None:
            yield from work().__await__()
        return self._value

    def __repr__(self) -> str:
        return f"<Step {self.what}{'' if self.is_taken else ', not awaited yet'}>"


class Steps:
    """Takes steps: in the event loop that runs, or else in one of its own."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._owed: list[Step[Any]] = []

    def take(self, what: str, work: Work, value: T, *, is_needed: bool = True) -> Step[T]:
        """Take a step now, or return one to be awaited.

        Args:
            what: how the test spelled it.
            work: does it.
            value: what the step gives.
            is_needed: whether to leave it out is an error of the test.

        Raises:
            NotInTest: a task, or what stands in for one, can't take steps that are needed.
        """
        __tracebackhide__ = True
        if inside.get() is not None:
            if is_needed:
                self.check_place(what)
            return Step(what, None, value)
        if is_in_loop():
            step = Step(what, work, value)
            if is_needed:
                self._owed.append(step)
            return step
        self._run(work)
        return Step(what, None, value)

    def check_place(self, what: str) -> None:
        """Raise NotInTest in the code of a run."""
        if (run := inside.get()) is not None:
            raise NotInTest(what=what, inside=f"run {run}")

    def block(self, work: Work) -> None:
        """Take a step now, in code that blocks; raises NotInTest where an event loop runs."""
        __tracebackhide__ = True
        if is_in_loop():
            raise NotInTest(BLOCKS)
        self._run(work)

    def check(self) -> None:
        """Raise NotAwaited if a step was left out."""
        for step in self._owed:
            if not step.is_taken:
                self._owed.clear()
                raise NotAwaited(what=step.what)

    def close(self, stop: Work) -> None:
        """End what still runs, and close the loop of our own.

        A run that was stored as bytes is still there as a coroutine that never goes on; were its
        asynchronous generators closed, as `asyncio.run` does it, their `finally` would run.
        """
        if self._loop is not None:
            self._loop.run_until_complete(stop())
            self._loop.close()
            self._loop = None

    def _run(self, work: Work) -> None:
        __tracebackhide__ = True
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        try:
            _run_to_its_end(self._loop, work)
        except PerdureError as error:  # what the test is told; how we came to it is of no use to it
            raise error.with_traceback(None) from None


def _run_to_its_end(loop: asyncio.AbstractEventLoop, work: Work) -> None:
    taken = loop.create_task(work())
    while not taken.done():
        # SystemExit leaves the loop from whichever run raises it, and is that run's outcome.
        with contextlib.suppress(SystemExit):
            loop.run_until_complete(taken)
    taken.result()


def is_in_loop() -> bool:
    """Tell whether an event loop runs in this thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
