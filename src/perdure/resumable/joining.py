"""`gather` and `race`: a tree of coroutines that is captured and restored as one."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable
from typing import Any, Literal

from .waiting import Path, Pending, Raise, as_answers, under_asyncio

Outcome = tuple[bool, Any]  # (True, value) or (False, error)


class Driven(Coroutine[Any, Any, Any]):
    """Any awaitable, driven like a coroutine."""

    def __init__(self, awaitable: Awaitable[Any]) -> None:
        self.awaitable = awaitable
        self.iterator: Any = None

    def send(self, value: Any) -> Any:
        """Go on with *value*."""
        if self.iterator is None:
            self.iterator = self.awaitable.__await__()
        return next(self.iterator) if value is None else self.iterator.send(value)

    def throw(self, *error: Any) -> Any:
        """Raise an error where it waits."""
        if self.iterator is None:
            self.iterator = self.awaitable.__await__()
        return self.iterator.throw(*error)

    def close(self) -> None:
        """Give up."""
        if self.iterator is not None and hasattr(self.iterator, "close"):
            self.iterator.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return (yield from self.awaitable.__await__())


class Branch:
    """One of the awaitables of a `gather` or `race`."""

    def __init__(
        self,
        awaitable: Awaitable[Any] | None,
        outcome: Outcome | None = None,
        begin: Callable[[], Awaitable[Any]] | None = None,
    ) -> None:
        self.coroutine: Any = None
        self.outcome = outcome
        self.begin = begin  # makes the awaitable when the branch starts
        if awaitable is not None:
            self.drive(awaitable)
        self.cancelled = False
        self.task: asyncio.Task[Any] | None = None
        self.request: Any = None  # by hand: what it has asked for

    def drive(self, awaitable: Awaitable[Any]) -> None:
        """Take what is to be run."""
        self.coroutine = awaitable if asyncio.iscoroutine(awaitable) else Driven(awaitable)

    def start(self) -> None:
        """Make the awaitable, if it is still to be made."""
        if self.begin is not None:
            begin, self.begin = self.begin, None
            self.drive(begin())

    def step(self, answer: Any) -> None:
        """By hand: go on with an answer, until the next request or the end."""
        try:
            if isinstance(answer, Raise):
                self.request = self.coroutine.throw(answer.error)
            else:
                self.request = self.coroutine.send(answer)
        except StopIteration as end:
            self.outcome = True, end.value
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            self.outcome = False, error

    def collect(self) -> None:
        """Under asyncio: look whether the task has ended."""
        task = self.task
        if self.outcome is not None or task is None or not task.done():
            return
        if task.cancelled():
            self.outcome = False, asyncio.CancelledError()
        elif (error := task.exception()) is not None:
            self.outcome = False, error
        else:
            self.outcome = True, task.result()

    def cancel(self) -> None:
        """Tell the branch, once, that nobody wants its result."""
        if self.cancelled or self.outcome is not None:
            return
        self.cancelled = True
        if self.task is not None:
            self.task.cancel()
        else:
            self.step(Raise(asyncio.CancelledError()))

    def requests(self) -> dict[Path, Any]:
        """By hand: what it waits for, by path."""
        return self.request.requests if isinstance(self.request, Pending) else {(): self.request}

    def feed(self, answers: dict[Path, Any]) -> None:
        """By hand: hand on the answers that are meant for it."""
        if isinstance(self.request, Pending):
            self.step(answers)
        else:
            self.step(answers[()])


class Join:
    """What `gather` and `race` return; it holds the branches, so that capture finds them."""

    def __init__(
        self,
        kind: Literal["gather", "race"],
        branches: Iterable[Branch],
        *,
        return_exceptions: bool = False,
        decided: Outcome | None = None,
    ) -> None:
        self.kind = kind
        self.branches = list(branches)
        self.return_exceptions = return_exceptions
        self.decided = decided

    @property
    def live(self) -> list[Branch]:
        """The branches that have not ended."""
        return [branch for branch in self.branches if branch.outcome is None]

    @property
    def is_about_to_go_on(self) -> bool:
        """Whether what has ended decides the whole, and the loop has only not come to it yet."""
        return not self.live or (self.decided is None and self._decision() is not None)

    def __await__(self) -> Generator[Any, Any, Any]:
        return (yield from (self._as_tasks() if under_asyncio() else self._by_hand()))

    def _by_hand(self) -> Generator[Pending, Any, Any]:
        for branch in self.live:
            branch.start()
            branch.step(None)
        while self._settle():
            try:
                answers = yield self._pending()
            except GeneratorExit:
                for branch in self.live:
                    branch.coroutine.close()
                raise
            except BaseException as error:
                self.decided = False, error
            else:
                self._feed(as_answers(answers))
        return self._result()

    def _pending(self) -> Pending:
        requests = {
            (number, *path): request
            for number, branch in enumerate(self.branches)
            if branch.outcome is None
            for path, request in branch.requests().items()
        }
        return Pending(requests)

    def _feed(self, answers: Any) -> None:
        for number, branch in enumerate(self.branches):
            meant = {path[1:]: answer for path, answer in answers.items() if path[0] == number}
            if meant and branch.outcome is None:
                branch.feed(meant)

    def _as_tasks(self) -> Generator[Any, Any, Any]:
        loop = asyncio.get_running_loop()
        for branch in self.live:
            branch.start()
            branch.task = loop.create_task(branch.coroutine)
        while self._settle():
            tasks = [branch.task for branch in self.live if branch.task is not None]
            try:
                yield from asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED).__await__()
            except asyncio.CancelledError as error:
                self.decided = False, error
        return self._result()

    def _settle(self) -> bool:
        """See what has ended, and cancel what is no longer wanted; whether something still lives."""
        for branch in self.branches:
            branch.collect()
        if self.decided is None:
            self.decided = self._decision()
        if self.decided is not None:
            for branch in self.live:
                branch.cancel()
        return bool(self.live)

    def _decision(self) -> Outcome | None:
        """The outcome of the whole, if it no longer depends on live branches."""
        ended = [branch.outcome for branch in self.branches if branch.outcome is not None]
        if self.kind == "race":
            return ended[0] if ended else None
        if self.return_exceptions:
            return None
        return next((outcome for outcome in ended if not outcome[0]), None)

    def _result(self) -> Any:
        outcome = self.decided
        if outcome is None:
            return [branch.outcome[1] for branch in self.branches if branch.outcome is not None]
        value = outcome[1]
        if outcome[0] or (self.return_exceptions and self._is_own(outcome)):
            return value
        raise value

    def _is_own(self, outcome: Outcome) -> bool:
        """Whether the outcome is a branch's, rather than an error thrown in from outside."""
        return any(branch.outcome is outcome for branch in self.branches)


class Closing:
    """The rest of an ``aclose()`` of an async generator that was captured under way."""

    def __init__(self, generator: Any) -> None:
        self.generator = generator

    def __await__(self) -> Generator[Any, Any, None]:
        try:
            yield from self.generator.__anext__().__await__()
        except (StopAsyncIteration, GeneratorExit):
            return
        raise RuntimeError("async generator ignored GeneratorExit")


CLOSING_CODE: Any = Closing.__await__.__code__
JOIN_CODE: Any = Join.__await__.__code__


def gather(*awaitables: Awaitable[Any], return_exceptions: bool = False) -> Join:
    """Run awaitables at once; awaiting the result gives all their results, in order.

    The first error cancels the other branches, waits for them to end, and is raised. With
    *return_exceptions*, errors stand among the results instead.
    """
    return Join("gather", map(Branch, awaitables), return_exceptions=return_exceptions)


def race(*awaitables: Awaitable[Any], return_exceptions: bool = False) -> Join:
    """Run awaitables at once; awaiting the result gives that of the first to end.

    Its error is raised, or returned with *return_exceptions*. The others are cancelled and
    waited for. Raises ValueError without awaitables.
    """
    if not awaitables:
        raise ValueError("race() needs at least one awaitable")
    return Join("race", map(Branch, awaitables), return_exceptions=return_exceptions)
