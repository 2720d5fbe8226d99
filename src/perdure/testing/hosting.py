"""One attempt in the test's own process: what an executor does for it, without a pipe and a supervisor.

An `async def` runs on the loop of the test.  A plain `def` blocks, so it has a thread, with a loop of its
own for what is around it, and is ended by an exception that is raised in that thread, as an executor's
signal does it in a process.
"""

import asyncio
import contextvars
import ctypes
import sys
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, cast

from perdure.core.clock import Clock
from perdure.core.lifecycle import Status
from perdure.sdk.cancel import RunCanceled
from perdure.sdk.hooks import Hooks
from perdure.sdk.parking import Parking
from perdure.sdk.task import Task
from perdure.testing.lives import Life
from perdure.testing.setting import STATE_KEY, WORKER_ENVIRONMENT
from perdure.testing.world import World
from perdure.wire.executor import Flush, Told
from perdure.wire.model import Model
from perdure.wire.telemetry import SpanRecord
from perdure.wire.waits import Answer, Changes, Wait
from perdure.wire.workers import Assignment, LogLine, MetadataChanged, Pinned
from perdure.worker.hosted import HostedRun, Result
from perdure.worker.outbox import Outbox
from perdure.worker.runtime import RunRuntime

_BY_CHOICE = "the test does not store it"

inside: ContextVar[str | None] = ContextVar("perdure_testing_inside", default=None)
"""The run that the code belongs to; None in the test itself."""


class _Observed:
    """A task, with hooks of ours that keep what it fails with; the task itself stays as it is."""

    def __init__(self, task: Task[..., Any], keep: Callable[[BaseException], None]) -> None:
        def kept(error: BaseException) -> None:
            keep(error)

        self.id, self.shape, self.function, self.is_async = task.id, task.shape, task.function, task.is_async
        self.settings, self.file_path = task.settings, task.file_path
        self.hooks = Hooks({kind: list(hooks) for kind, hooks in task.hooks.by_kind.items()})
        # Of an attempt that fails, either asks what follows or knows that nothing does.
        for kind in ("catch_error", "on_failure"):
            self.hooks.by_kind[kind].insert(0, kept)

    @property
    def as_task(self) -> Task[..., Any]:
        """This, as the type checker is to see it."""
        return cast("Task[..., Any]", self)


class _Parking(Parking):
    """As in a worker; but code that is not found again is an error, and a run may be kept in memory."""

    def __init__(self, runtime: "_Runtime", task: Task[..., Any], *, stores: bool) -> None:
        super().__init__(runtime, runtime.clock, STATE_KEY, runtime.run.answers)
        # What a task inside of a test function uses of it is the test's own, and no copy.
        self._cells = _cells_of(task)
        self._stores = stores and not self._cells

    def _places(self, data: bytes, changes: Changes | None, parameters: Any) -> dict[tuple[int, str], Any]:
        return {**self._cells, **super()._places(data, changes, parameters)}

    def _park(self, job: asyncio.Task[Any]) -> None:
        if self._stores:
            super()._park(job)
        else:
            self._pin(self._waits(), _BY_CHOICE)


def _cells_of(task: Task[..., Any]) -> dict[tuple[int, str], Any]:
    """Return the variables of functions around a task that it uses, as places in its outermost frame."""
    code, cells = task.function.__code__, task.function.__closure__ or ()
    found = {}
    for name, cell in zip(code.co_freevars, cells, strict=True):
        try:
            found[0, name] = cell.cell_contents
        except ValueError:  # not yet bound
            continue
    return found


class _Runtime(RunRuntime):
    """As in a worker; what the run tells is heard at once."""

    def __init__(self, run: Assignment, task: Task[..., Any], outbox: Outbox, clock: Clock, stores: bool):
        super().__init__(run, outbox, clock, _flushed, key=STATE_KEY)
        self.run, self.clock = run, clock
        self.parking = _Parking(self, task, stores=stores)

    def pinned(self, waits: list[Wait], reason: str) -> None:
        """Tell that the run waits in memory, without a warning if that is the test's choice."""
        self._is_warned = self._is_warned or reason == _BY_CHOICE
        super().pinned(waits, reason)


class Hosting(Outbox):
    """A run that is under way, or waits in memory; as an outbox, it hears what the run tells."""

    def __init__(self, world: World, life: Life, handed: Assignment, *, stores: bool) -> None:
        """Host an attempt.

        Args:
            world: what there is.
            life: the run.
            handed: the attempt.
            stores: whether it is stored as bytes when it waits.
        """
        assert life.task is not None  # without one no run is handed out
        self.life = life
        #: why it had to wait in memory, where that is not the test's choice
        self.reason: str | None = None
        self._world = world
        self._is_async = life.task.is_async
        self._observed = _Observed(life.task, self._failed_by)
        runtime = _Runtime(handed, life.task, self, world.clock, stores)
        self._runtime = runtime
        self._hosted = HostedRun(handed, self._observed.as_task, runtime)
        self._thread: threading.Thread | None = None
        self._loop = asyncio.get_running_loop()

    @property
    def is_idle(self) -> bool:
        """Whether it waits in memory: neither told to go on, nor to end."""
        return self._hosted.is_idle and self.life.status is Status.WAITING

    async def result(self) -> Result:
        """Run the attempt; return what became of it."""
        self._world.stops[self.life.id] = self._stop
        inside.set(self.life.id)
        watch = None if self._hosted.deadline is None else self._loop.create_task(self._watch())
        try:
            return await (self._attempt() if self._is_async else self._in_thread())
        finally:
            if watch is not None:
                watch.cancel()
            self._world.stops.pop(self.life.id, None)
            self._world.in_memory.pop(self.life.id, None)

    async def _attempt(self) -> Result:
        self._hosted.job = cast("asyncio.Task[None]", asyncio.current_task())
        try:
            return await self._hosted.result(WORKER_ENVIRONMENT)
        finally:
            self._runtime.close()

    async def _in_thread(self) -> Result:
        done: asyncio.Future[Result] = self._loop.create_future()
        context = contextvars.copy_context()
        self._thread = threading.Thread(
            target=context.run, args=(self._body, done), name=f"perdure {self.life.id}", daemon=True
        )
        self._thread.start()
        try:
            return await done
        except asyncio.CancelledError:  # the test ends
            self._end("canceled")
            raise

    def _body(self, done: asyncio.Future[Result]) -> None:
        def settle() -> None:
            if not done.done():
                done.set_exception(error) if error is not None else done.set_result(result)

        result: Any = None
        error: BaseException | None = None
        try:
            result = asyncio.run(self._attempt())
        except BaseException as raised:
            error = raised
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(settle)

    async def _watch(self) -> None:
        """End the run when its `max_duration` is used up, in real seconds; those in memory do not count."""
        while self._hosted.why is None:
            deadline, now = self._hosted.deadline, time.monotonic()
            if deadline is not None and deadline <= now:
                self._end("too_long")
            await asyncio.sleep(_TICK if deadline is None else min(_TICK, max(0.0, deadline - now)))

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._end, "canceled")

    def _end(self, why: Any) -> None:
        if self._hosted.why is not None:
            return
        self._hosted.end(why)
        if self._is_async:
            self._hosted.cancel()
        elif self._thread is not None:
            self._interrupt(self._thread)
        self._world.on_change()

    def _interrupt(self, thread: threading.Thread) -> None:
        """End a plain function where it is, or if a hook runs, at its next `await`."""
        if self._hosted.is_on(sys._current_frames().get(thread.ident or 0)):
            _raise_in(thread, RunCanceled)
            self._runtime.parking.answer(())  # it may wait for an answer: it looks up
        elif self._hosted.job is not None:
            self._hosted.job.get_loop().call_soon_threadsafe(self._hosted.cancel)

    # What the run tells, from any thread.

    def log(self, line: LogLine) -> None:
        """Keep a log line."""
        self.life.lines.append(line)

    def span(self, span: SpanRecord) -> None:
        """Keep a span, as it is now."""
        self.life.spans[span.id] = span

    def change(self, change: MetadataChanged) -> None:
        """Change metadata and tags."""
        self._world.change(self.life, change)

    def send(self, message: Model) -> None:
        """Take note of a wait in memory or a checkpoint."""
        assert isinstance(message, Told)
        if isinstance(message.item, Pinned):
            if self._is_async and message.item.reason != _BY_CHOICE:
                self.reason = message.item.reason
            self._world.in_memory[self.life.id] = self._woken
        verdict = self._world.report(self.life, message.item)
        if verdict.snapshot_number is not None:
            self._runtime.stored(verdict.snapshot_number)

    def flush(self) -> None:
        """Nothing is held back."""

    def _woken(self, answers: list[Answer]) -> None:
        if self._is_async:
            self._loop.call_soon_threadsafe(self._runtime.woken, answers)
        else:
            self._runtime.woken(answers)

    def _failed_by(self, error: BaseException) -> None:
        self.life.exception = error


_TICK = 0.05
"""How often, in seconds, somebody looks whether a run has used up its time, when that may be soon."""


async def _flushed(_: Flush) -> None:
    """Everything is heard at once."""


def _raise_in(thread: threading.Thread, kind: type[BaseException]) -> None:
    """Raise an exception in a thread, at its next line of Python."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(kind))
