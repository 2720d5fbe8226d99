"""The runs a worker holds: from the poll that gave them to the server's verdict on how they ended.

Whatever way a run ends here, `_end` is where it does, and exactly one item is reported of it: the
executor's own result, or what is known of the executor's death, or that it is handed back.  Only a run
that is not the worker's any more ends without a report.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from perdure.core.placement import Isolation
from perdure.wire.executor import Changed, Finished, Flush, Flushed, FromExecutor, Logged, Stored, Told, Woken
from perdure.wire.manifests import TaskManifest
from perdure.wire.values import ErrorCode, RunError
from perdure.wire.workers import (
    Assignment,
    Canceled,
    Checkpointed,
    Failed,
    How,
    Parked,
    Pinned,
    Released,
    ReportItem,
    RunRef,
    Started,
    Succeeded,
    Verdict,
    Wake,
    WorkerEnvironment,
)
from perdure.worker import deaths
from perdure.worker.launch import Launcher
from perdure.worker.logs import LogShipper
from perdure.worker.memory import KernelWatch, tree_memory
from perdure.worker.observer import Ending
from perdure.worker.options import WorkerOptions
from perdure.worker.pool import Pool
from perdure.worker.process import ExecutorProcess
from perdure.worker.reports import Reporter

log = logging.getLogger(__name__)


@dataclass(eq=False)
class Held:
    """A run of the worker's."""

    run: Assignment
    isolation: Isolation
    began: float
    #: where it runs; None once it runs no more
    process: ExecutorProcess | None = None
    #: whether it takes a slot
    is_running: bool = True
    #: whether it waits in memory
    is_pinned: bool = False
    #: seconds of active time that were left when it began to wait in memory
    left: float | None = None
    #: whether it was told to end because it is canceled
    is_canceled: bool = False
    #: what is reported if its process is gone, when that is known beforehand
    ending: Ending | None = None
    #: fires when it should have ended
    overdue: asyncio.TimerHandle | None = None

    @property
    def ref(self) -> RunRef:
        """The run as the server handed it out."""
        return RunRef(run_id=self.run.run_id, fence=self.run.fence)

    def duration(self) -> float:
        """How long it has run, in milliseconds."""
        return (time.monotonic() - self.began) * 1000


class Runs:
    """What the worker holds."""

    def __init__(
        self,
        launcher: Launcher,
        tasks: list[TaskManifest],
        environment: WorkerEnvironment,
        reporter: Reporter,
        logs: LogShipper,
        *,
        options: WorkerOptions,
    ) -> None:
        self.pool = Pool(launcher, self, environment, options)
        self._isolation: dict[str, Isolation] = {task.id: _isolation(task) for task in tasks}
        self._reporter = reporter
        self._logs = logs
        self._options = options
        self._held: dict[str, Held] = {}
        self._running = 0
        self._freed = asyncio.Event()
        self._flushes: set[asyncio.Task[None]] = set()
        self._kernel = KernelWatch()

    @property
    def free(self) -> int:
        """How many more runs the worker can take."""
        return self._options.concurrency - self._running

    @property
    def running(self) -> int:
        """How many run now."""
        return self._running

    def refs(self) -> list[RunRef]:
        """Return what the worker holds; may be called from any thread."""
        return [held.ref for held in list(self._held.values())]

    async def until_free(self) -> None:
        """Wait until there is a free slot."""
        while self.free <= 0:
            self._freed.clear()
            await self._freed.wait()

    async def until_idle(self) -> None:
        """Wait until nothing runs."""
        while self._running:
            self._freed.clear()
            await self._freed.wait()

    # What the server asks.

    def begin(self, run: Assignment) -> None:
        """Start a run in an executor."""
        old = self._held.get(run.run_id)
        if old is not None and old.process is not None:
            self.drop(old.ref)
        isolation: Isolation = self._isolation.get(run.task, "process")
        held = Held(run, isolation, began=time.monotonic())
        self._held[run.run_id] = held
        self._running += 1
        self._options.observer.began(run)
        if isolation == "container":
            self._end(held, _failed(held, "break", _NO_CONTAINER))
            return
        held.process = self.pool.executor_for(run, isolation)
        held.process.start(run)
        self._reporter.add(Started(run_id=run.run_id, fence=run.fence))
        self._limit_time(held, run.max_duration)

    def wake(self, wake: Wake) -> None:
        """Let a run that waits in memory go on; it takes its slot again, even if that is one too many."""
        held = self._find(wake)
        if held is None or held.process is None:
            return
        if held.is_pinned:
            held.is_pinned = False
            held.is_running = True
            self._running += 1
            self._limit_time(held, held.left)
        held.process.send(Woken(wake=wake))

    def cancel(self, ref: RunRef) -> None:
        """End a run that is canceled: by its executor, or with it if it takes too long."""
        held = self._find(ref)
        if held is None or held.process is None or held.is_canceled:
            return
        held.is_canceled = True
        held.process.stop(ref.run_id)
        self._limit(held, 0, lambda: _canceled(held))

    def drop(self, ref: RunRef) -> None:
        """End, at once and without a report, a run that is not the worker's any more."""
        held = self._find(ref)
        if held is None:
            return
        log.warning("Run %s is not this worker's any more; it is ended here.", ref.run_id)
        process = held.process
        self._leave(held)
        del self._held[ref.run_id]
        if process is not None:
            self._force(process, ref.run_id)

    def release_all(self, reason: str) -> None:
        """End all runs at once, and hand them back."""
        for held in list(self._held.values()):
            process = held.process
            if process is not None:
                self._end(held, _released(held, reason))
                process.kill()

    def on_verdict(self, item: ReportItem, verdict: Verdict) -> None:
        """Take note of what became of an item that was reported."""
        held = self._find(item)
        if held is None:
            return
        if isinstance(item, Ending):
            del self._held[item.run_id]
            self._options.observer.ended(held.run, item, verdict)
            if not verdict.ok:
                log.warning("Run %s had ended otherwise already (%s).", item.run_id, verdict.code)
        elif not verdict.ok and verdict.code == "canceled":
            self.cancel(item)
        elif not verdict.ok:
            self.drop(item)
        elif isinstance(item, Checkpointed) and held.process is not None:
            held.process.send(Stored(run_id=item.run_id, number=verdict.snapshot_number or 0))

    # What the executors say.

    def on_message(self, process: ExecutorProcess, message: FromExecutor) -> None:
        """Take a message of an executor."""
        match message:
            case Finished(result=result):
                self._finished(process, result)
            case Logged(lines=lines, spans=spans):
                self._logs.add(lines, spans)
            case Changed(change=change):
                self._reporter.add(change)
            case Told(item=item):
                self._told(process, item)
            case Flush():
                task = asyncio.create_task(self._flush(process, message))
                self._flushes.add(task)
                task.add_done_callback(self._flushes.discard)

    def on_exit(self, process: ExecutorProcess, status: int | None) -> None:
        """Fail, by the way their executor ended, the runs that were in it.

        When nobody saw how, the zygote went, and took the executor with it: the runs are handed back.
        """
        self.pool.forget(process)
        for run in list(process.runs.values()):
            held = self._held.get(run.run_id)
            if held is None or held.process is not process:
                continue
            if status is None or held.is_pinned:
                ending: Ending = _released(held, "the process it was in is gone")
            else:
                is_short = self._kernel.may_be_out_of_memory(process.peak, process.machine.memory)
                error = deaths.of_exit(run.task, status, is_short=is_short)
                ending = _failed(held, "crash", error)
            self._end(held, held.ending or ending)

    # What the machine says.

    def check_memory(self) -> None:
        """Kill the executors that use more memory than their machine has."""
        self._kernel.look()
        for process in self.pool.busy():
            if process.child.pid is None:
                continue
            limit = process.machine.memory
            used = tree_memory(process.child.pid, limit)
            process.peak = max(process.peak, used)
            if used > limit:
                self._kill_for_memory(process)

    def _kill_for_memory(self, process: ExecutorProcess) -> None:
        for run in process.runs.values():
            held = self._held.get(run.run_id)
            if held is not None and held.process is process and held.ending is None:
                error = deaths.of_memory(run.task, process.machine, process.peak)
                held.ending = _failed(held, "crash", error)
        process.kill()

    # How a run ends.

    def _told(self, process: ExecutorProcess, item: Pinned | Checkpointed) -> None:
        held = self._find(item)
        if held is None or held.process is not process:
            return
        if isinstance(item, Pinned) and not held.is_pinned:
            held.is_pinned = True
            held.left = self._time_left(held)
            self._free(held)
        self._reporter.add(item)

    def _finished(self, process: ExecutorProcess, result: Succeeded | Failed | Canceled | Parked) -> None:
        held = self._find(result)
        if held is not None and held.process is process:
            self._end(held, result)
            self.pool.give_back(process, held.run, held.isolation)

    def _end(self, held: Held, ending: Ending) -> None:
        self._leave(held)
        self._reporter.add(ending)

    def _leave(self, held: Held) -> None:
        """Free the slot of a run that runs no more."""
        held.process = None
        self._free(held)

    def _free(self, held: Held) -> None:
        if held.overdue is not None:
            held.overdue.cancel()
        if held.is_running:
            held.is_running = False
            self._running -= 1
            self._freed.set()

    def _limit_time(self, held: Held, seconds: float | None) -> None:
        """End a run that has used up its active time, if its executor can't."""
        if seconds is not None:
            error = deaths.of_time(held.run.task, held.run.max_duration or 0)
            self._limit(held, seconds, lambda: _failed(held, "time_out", error))

    def _time_left(self, held: Held) -> float | None:
        if held.run.max_duration is None or held.overdue is None:
            return None
        until = held.overdue.when() - self._options.cancel_seconds
        return max(0.0, until - asyncio.get_running_loop().time())

    def _limit(self, held: Held, seconds: float, ending: Callable[[], Ending]) -> None:
        """End a run by force if it has not ended some seconds and the grace from now."""
        if held.overdue is not None:
            held.overdue.cancel()
        delay = seconds + self._options.cancel_seconds
        held.overdue = asyncio.get_running_loop().call_later(delay, self._overdue, held, ending)

    def _overdue(self, held: Held, ending: Callable[[], Ending]) -> None:
        process = held.process
        if process is not None:
            log.warning("Run %s does not end by itself; it is ended by force.", held.run.run_id)
            self._end(held, ending())
            self._force(process, held.run.run_id)

    def _force(self, process: ExecutorProcess, run_id: str) -> None:
        """Kill an executor for one of its runs; with others in it, it goes when those have ended."""
        others = [run for run in process.runs if run != run_id and self._is_in(run, process)]
        if not others:
            process.kill()
            return
        process.abandon(run_id)

    def _is_in(self, run_id: str, process: ExecutorProcess) -> bool:
        held = self._held.get(run_id)
        return held is not None and held.process is process

    def _find(self, ref: RunRef) -> Held | None:
        held = self._held.get(ref.run_id)
        return held if held is not None and held.run.fence == ref.fence else None

    async def _flush(self, process: ExecutorProcess, flush: Flush) -> None:
        await self._reporter.settled()
        process.send(Flushed(run_id=flush.run_id, number=flush.number))


def _isolation(task: TaskManifest) -> Isolation:
    """Return where a task runs; a plain function would block all others in a shared process."""
    return "process" if task.isolation == "shared" and not task.is_async else task.isolation


def _failed(held: Held, how: How, error: RunError) -> Failed:
    return Failed(
        run_id=held.run.run_id, fence=held.run.fence, how=how, error=error, duration_ms=held.duration()
    )


def _released(held: Held, reason: str) -> Released:
    return Released(run_id=held.run.run_id, fence=held.run.fence, reason=reason)


def _canceled(held: Held) -> Canceled:
    return Canceled(run_id=held.run.run_id, fence=held.run.fence, duration_ms=held.duration())


_NO_CONTAINER = RunError.internal(
    ErrorCode.INTERNAL,
    'This worker runs no containers: use isolation="process", "fresh" or "shared".',
)
