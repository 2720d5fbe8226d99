"""Runs the coroutine of one task, and parks it: when all that lives in it waits, it becomes bytes.

The coroutine is an asyncio task of its own, so that what is around it (middleware, hooks) is no part of
what is stored.  It hands its requests to `Parking`, which is the host of `perdure.resumable`.  Whenever
one comes, and now and then while some are open, the tree of its branches is looked at:

- every branch waits, and the state can be stored: the run parks, and `run` raises `RunParked`;
- one of them wants a checkpoint: the state is stored, and the branch goes on;
- the state can't be stored, or a branch has been busy with something else for a while: the run is
  *pinned*: it waits in memory, and what it waits for is told to the host, which brings the answers.
"""

import asyncio
import struct
import threading
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from perdure import resumable
from perdure.core.clock import Clock
from perdure.core.errors import CannotGoOn, CheckpointRefused, SnapshotTooLarge
from perdure.resumable import BadSnapshot, CodeChanged, NotResumable
from perdure.sdk import children
from perdure.sdk.requests import CheckpointRequest, Request, Subject, TimeWait, subject_of
from perdure.sdk.stack import frames_of, places_of
from perdure.wire.endpoint import MEGABYTE
from perdure.wire.waits import Answer, Changes, FrameView, Wait

MAX_SNAPSHOT = 10 * MEGABYTE
"""The largest state of a run, in bytes."""

# A tree in which something else goes on is looked at again after so many seconds: ever later.
_FIRST_LOOK = 0.001
_LAST_LOOK = 0.25
# A run with an open wait is pinned when something else has gone on in it for this long.
_BUSY_SECONDS = 1.0
_LARGEST = 3
# Ends a stored state: how long the counts before it are.
_LENGTH = struct.Struct(">I")


@dataclass(frozen=True)
class State:
    """A stored state, for the report."""

    snapshot: bytes
    frames: list[FrameView]
    waits: list[Wait]


class RunParked(BaseException):
    """The run waits, and is stored: everything around it ends, as if it were cancelled.

    Like `CancelledError` it is no `Exception`: middleware that closes connections by `finally` or `async
    with` does so, and `except Exception` does not stop it.
    """

    def __init__(self, state: State) -> None:
        self.state = state
        super().__init__("the run is parked")


class Desk(Protocol):
    """Who takes what becomes of a run before it has ended."""

    def pinned(self, waits: list[Wait], reason: str) -> None:
        """Take note that the run waits in memory, and what for; bring answers to `Parking.answer`."""
        ...

    async def checkpointed(self, request: CheckpointRequest, state: State) -> int:
        """Store a checkpoint; when it is stored, return its number."""
        ...


class Parking:
    """The host of one run's coroutine."""

    def __init__(self, desk: Desk, clock: Clock, key: bytes, answers: Iterable[Answer] = ()) -> None:
        """Host a run.

        Args:
            desk: takes pins and checkpoints.
            clock: what tells the time.
            key: signs the states.
            answers: what was over when the run was handed out.
        """
        self._desk = desk
        self._clock = clock
        self._key = key
        self._answers: dict[Subject, Answer] = {}
        self._open: dict[asyncio.Future[Any], Request | CheckpointRequest] = {}
        self._turn: asyncio.Future[None] | None = None
        self._look_in = _FIRST_LOOK
        self._busy_since: float | None = None
        # What the run is pinned with.
        self._pinned: set[Subject] = set()
        # Whether that was because something else went on in it.
        self._is_pinned_busy = False
        #: whether the task's own function runs now, and is a plain one: it may block until an answer comes
        self.may_block = False
        self._news = threading.Condition()
        self._know(answers)

    # The host of `perdure.resumable`.

    def wait(self, request: Any) -> asyncio.Future[Any]:
        """Return the future of an answer; called by the coroutine."""
        future = asyncio.get_running_loop().create_future()
        if self._is_over(request):
            future.set_result(None)
        else:
            self._open[future] = request
            future.add_done_callback(self._closed)
            self._look_in = _FIRST_LOOK
            self._resolve()
            self._stir()
        return future

    def _is_over(self, request: Any) -> bool:
        if isinstance(request, CheckpointRequest):
            return request.is_stored
        return isinstance(request, TimeWait) and request.until <= self._clock.now()

    def _closed(self, future: asyncio.Future[Any]) -> None:
        self._open.pop(future, None)
        self._stir()

    def now(self) -> int:
        """Return the moment, in milliseconds since the Unix epoch."""
        return self._clock.now()

    # What the host of the run calls.

    def restore(
        self, data: bytes, changes: Changes | None = None, parameters: Mapping[str, Any] | None = None
    ) -> Coroutine[Any, Any, Any]:
        """Return the coroutine that goes on from a stored state.

        Args:
            data: the state.
            changes: what to change in it.
            parameters: the task's arguments, which the changes may ask for.

        Raises:
            CodeChanged: the code is no longer there as it was.
            CannotGoOn: the state can't be read, or has no such local.
        """
        try:
            data, counted = _apart(data)
            if counted and (family := children.current()):
                family.go_on(counted)
            return resumable.restore(data, key=self._key, locals=self._places(data, changes, parameters))
        except CodeChanged:
            raise
        except (BadSnapshot, KeyError) as error:
            raise CannotGoOn(reason=error.args[0]) from error
        except Exception as error:  # unpickling runs what classes of the user's say
            raise CannotGoOn(reason=f"{type(error).__name__}: {error}") from error

    def _places(
        self, data: bytes, changes: Changes | None, parameters: Mapping[str, Any] | None
    ) -> dict[tuple[int, str], Any]:
        """Return new values of locals in a stored state, by their place."""
        return places_of(data, self._key, changes, parameters or {}) if changes else {}

    async def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine to its end, and return its result.

        A cancellation is handed on to it, to be heeded there.

        Raises:
            RunParked: it waits, and is stored; it never goes on here.
        """
        token = resumable.host.set(self)
        try:
            job = asyncio.create_task(coroutine)
        finally:
            resumable.host.reset(token)
        job.add_done_callback(self._stir)
        while not job.done():
            try:
                await self._next_turn()
                if self._open and not job.done():
                    await self._look(job)
            except asyncio.CancelledError:
                job.cancel()
        return job.result()

    def answer(self, answers: Iterable[Answer]) -> None:
        """Let a pinned run go on with what is over."""
        self._know(answers)
        self._pinned.clear()
        self._busy_since = None
        self._resolve()
        self._stir()

    def block(self, request: Request) -> Any:
        """Wait for an answer as `wait` does, blocking: the run is pinned meanwhile.

        Another thread must call `answer`.
        """
        if self._is_over(request):
            return None
        found = request.wait()
        with self._news:
            if subject_of(found) not in self._answers:
                self._desk.pinned([found], "the task is a plain function (an async def can be stored)")
            while subject_of(found) not in self._answers:
                self._news.wait()
        return request.read(self._answers[subject_of(found)])

    def _know(self, answers: Iterable[Answer]) -> None:
        with self._news:
            self._answers.update({subject_of(answer): answer for answer in answers})
            self._news.notify_all()

    def _resolve(self) -> None:
        """Answer what can be answered."""
        for future, request in list(self._open.items()):
            if future.done() or isinstance(request, CheckpointRequest):
                continue
            answer = self._answers.get(subject_of(request.wait()))
            if answer is not None:
                _settle(future, request, answer)

    def _stir(self, *_: Any) -> None:
        if self._turn is not None and not self._turn.done():
            self._turn.set_result(None)

    async def _next_turn(self) -> None:
        """Wait until something may have changed."""
        loop = asyncio.get_running_loop()
        self._turn = loop.create_future()
        is_idle = not self._open or self._is_at_rest()
        timer = None if is_idle else loop.call_later(self._look_in, self._stir)
        self._look_in = min(self._look_in * 2, _LAST_LOOK)
        try:
            await self._turn
        finally:
            if timer is not None:
                timer.cancel()

    def _is_at_rest(self) -> bool:
        """Tell whether the run is pinned with all that it waits for, and does nothing else."""
        is_busy = self._busy_since is not None or self._is_pinned_busy
        return not is_busy and self._pinned == {subject_of(wait) for wait in self._waits()}

    # Looking at the tree.

    async def _look(self, job: asyncio.Task[Any]) -> None:
        """Park, pin, store a checkpoint, or leave it for now."""
        if any(future.done() for future in self._open):
            return
        if not resumable.pending(job).quiescent:
            self._look_at_busy(job)
            return
        self._busy_since = None
        for future, request in self._open.items():
            if isinstance(request, CheckpointRequest):
                await self._checkpoint(job, future, request)
                return
        if not self._is_at_rest():
            self._park(job)

    def _look_at_busy(self, job: asyncio.Task[Any]) -> None:
        now = asyncio.get_running_loop().time()
        if self._busy_since is None:
            self._busy_since = now
        waits = self._waits()
        if now - self._busy_since < _BUSY_SECONDS or self._pinned >= {subject_of(wait) for wait in waits}:
            return
        try:
            resumable.capture(job, key=self._key)
        except NotResumable as error:
            self._pin(waits, str(error), is_busy=True)

    def _park(self, job: asyncio.Task[Any]) -> None:
        waits = self._waits()
        try:
            family = children.current()
            state = self._state(job, waits, family.counted() if family else b"")
        except NotResumable as error:
            self._pin(waits, str(error))
        except SnapshotTooLarge as error:
            for future in list(self._open):
                future.set_exception(error)
        else:
            resumable.abandon(job)
            raise RunParked(state)

    async def _checkpoint(
        self, job: asyncio.Task[Any], future: asyncio.Future[Any], request: CheckpointRequest
    ) -> None:
        request.is_stored = True
        try:
            state = self._state(job, self._waits())
        except NotResumable as error:
            future.set_exception(CheckpointRefused(key=request.key, reason=error))
            return
        except SnapshotTooLarge as error:
            future.set_exception(error)
            return
        number = await self._desk.checkpointed(request, state)
        if family := children.current():
            family.restart(number)
        if not future.done():
            future.set_result(None)

    def _pin(self, waits: list[Wait], reason: str, *, is_busy: bool = False) -> None:
        self._is_pinned_busy = is_busy
        self._pinned = {subject_of(wait) for wait in waits}
        self._desk.pinned(waits, reason)

    def _state(self, job: asyncio.Task[Any], waits: list[Wait], counted: bytes = b"") -> State:
        """Return the state of a coroutine in which everything waits.

        Args:
            job: the coroutine.
            waits: what for.
            counted: the run's children since its last checkpoint; none for a checkpoint itself.

        Raises:
            NotResumable: it can't be stored.
            SnapshotTooLarge: it is over the limit.
        """
        data = resumable.capture(job, key=self._key)
        if len(data) > MAX_SNAPSHOT:
            largest = ", ".join(
                f"{name} of {function} ({size:,} bytes)"
                for function, name, size in resumable.weigh(job)[:_LARGEST]
            )
            raise SnapshotTooLarge(size=f"{len(data):,}", limit=f"{MAX_SNAPSHOT:,}", largest=largest)
        requests = resumable.pending(job).requests
        return State(_together(data, counted), frames_of(data, self._key, requests), waits)

    def _waits(self) -> list[Wait]:
        return [
            request.wait() for request in self._open.values() if not isinstance(request, CheckpointRequest)
        ]


def _together(data: bytes, counted: bytes) -> bytes:
    """Return a state with the counts of its run's children; these are numbers, and need no signature."""
    return data + counted + _LENGTH.pack(len(counted))


def _apart(stored: bytes) -> tuple[bytes, bytes]:
    """Return the state, and the counts."""
    end = len(stored) - _LENGTH.size
    (length,) = _LENGTH.unpack_from(stored, end)
    return stored[: end - length], stored[end - length : end]


def _settle(future: asyncio.Future[Any], request: Request, answer: Answer) -> None:
    try:
        future.set_result(request.read(answer))
    except Exception as error:
        future.set_exception(error)
