"""One attempt in an executor: runs it, ends it early, and turns whatever comes out into a result."""

import asyncio
import time
from types import CodeType, FrameType
from typing import Literal

from perdure.sdk.attempt import run_attempt
from perdure.sdk.cancel import RunCanceled
from perdure.sdk.task import Task
from perdure.wire.executor import MAX_OUTPUT
from perdure.wire.values import ErrorCode, RunError
from perdure.wire.workers import (
    Assignment,
    Canceled,
    Failed,
    How,
    Parked,
    Succeeded,
    WorkerEnvironment,
)
from perdure.worker import deaths
from perdure.worker.runtime import RunRuntime

Result = Succeeded | Failed | Canceled | Parked
Why = Literal["canceled", "too_long"]


class HostedRun:
    """An attempt in this process."""

    def __init__(self, run: Assignment, task: Task | None, runtime: RunRuntime) -> None:
        self.run = run
        self.runtime = runtime
        #: why it was told to end, if it was
        self.why: Why | None = None
        #: when its `max_duration` is used up, in seconds of the monotonic clock
        self.deadline = None if run.max_duration is None else time.monotonic() + run.max_duration
        #: the asyncio task it runs in
        self.job: asyncio.Task[None] | None = None
        self._is_cancellable = False
        self._is_interrupted = False
        self._task = task
        self._began = time.monotonic()
        # Time spent waiting in memory is not active: seconds in all, and when the present wait began.
        self._idle = 0.0
        self._idle_since: float | None = None
        self._left: float | None = None
        runtime.on_pinned, runtime.on_woken = self._pause, self._go_on

    @property
    def is_async(self) -> bool:
        """Whether the function is an `async def`."""
        return self._task is not None and self._task.is_async

    async def result(self, environment: WorkerEnvironment) -> Result:
        """Run the attempt, and return what became of it, whatever the user's code does."""
        if self._task is None:
            return self._failed("break", _unknown(self.run.task))
        if self.why is not None:  # it was told to end before it began
            return self._ended_early(self.why)
        self._is_cancellable = True
        try:
            result = await run_attempt(self._task, self.run, environment, self.runtime)
        except SystemExit as exit:
            result = self._failed("crash", deaths.of_exit_call(self.run.task, exit.code))
        except (asyncio.CancelledError, RunCanceled, KeyboardInterrupt) as error:
            result = self._failed("crash", _stopped_itself(self.run.task, error))
        finally:
            self._is_cancellable = False
        if self.why is not None:
            return self._ended_early(self.why)
        return self._within_limit(result.model_copy(update={"duration_ms": self._duration()}))

    @property
    def is_idle(self) -> bool:
        """Whether it waits in memory."""
        return self._idle_since is not None

    def end(self, why: Why) -> None:
        """Note that it is to end; `cancel` or `interrupt` does it."""
        self.why = why
        self.runtime.canceled = why == "canceled"

    def cancel(self) -> None:
        """Cancel the asyncio task, unless the user's code was interrupted already, or has ended."""
        if self.job is not None and self._is_cancellable and not self._is_interrupted:
            self.job.cancel()

    def interrupt(self, frame: FrameType | None) -> None:
        """End the attempt from a signal handler, once.

        Raises:
            RunCanceled: the user's function is running; it gets the exception where it is.
        """
        if self._is_interrupted:
            return
        if self.is_on(frame):
            self._is_interrupted = True
            raise RunCanceled
        if not self.is_async:  # a hook runs, or nothing yet: the next await ends it
            asyncio.get_running_loop().call_soon_threadsafe(self.cancel)

    def _pause(self) -> None:
        """Stop the clock: the run waits in memory."""
        if self._idle_since is None:
            self._idle_since = time.monotonic()
            self._left, self.deadline = self._until_deadline(), None

    def _go_on(self) -> None:
        """Start the clock again."""
        if self._idle_since is not None:
            now = time.monotonic()
            self._idle += now - self._idle_since
            self._idle_since = None
            self.deadline = None if self._left is None else now + self._left

    def _until_deadline(self) -> float | None:
        return None if self.deadline is None else self.deadline - time.monotonic()

    def is_on(self, frame: FrameType | None) -> bool:
        """Tell whether the task's function is on a stack, so that an exception raised there ends it."""
        code = self._code()
        while frame is not None and code is not None:
            # A function that goes on from a stored state has other code of the same place.
            if (frame.f_code.co_filename, frame.f_code.co_name) == (code.co_filename, code.co_name):
                return True
            frame = frame.f_back
        return False

    def _code(self) -> CodeType | None:
        return getattr(self._task and self._task.function, "__code__", None)

    def _ended_early(self, why: Why) -> Result:
        if why == "canceled":
            return Canceled(run_id=self.run.run_id, fence=self.run.fence, duration_ms=self._duration())
        return self._failed("time_out", deaths.of_time(self.run.task, self.run.max_duration or 0))

    def _within_limit(self, result: Result) -> Result:
        if not isinstance(result, Succeeded) or result.output is None:
            return result
        size = len(result.output) if result.output.isascii() else len(result.output.encode())
        if size <= MAX_OUTPUT:
            return result
        return self._failed("fail", _too_large(self.run.task, size))

    def _failed(self, how: How, error: RunError) -> Failed:
        return Failed(
            run_id=self.run.run_id,
            fence=self.run.fence,
            how=how,
            error=error,
            duration_ms=self._duration(),
        )

    def _duration(self) -> float:
        waits = time.monotonic() - self._idle_since if self._idle_since is not None else 0.0
        return (time.monotonic() - self._began - self._idle - waits) * 1000


def _unknown(task: str) -> RunError:
    return RunError.internal(
        ErrorCode.NO_TASK, f"This worker has no task {task}. Is its file in the project's task folders?"
    )


def _stopped_itself(task: str, error: BaseException) -> RunError:
    return RunError.internal(
        ErrorCode.EXITED,
        f"Task {task} ended by {type(error).__name__}, which nobody asked for. Catch it in the task.",
    )


def _too_large(task: str, size: int) -> RunError:
    return RunError.internal(
        ErrorCode.BAD_OUTPUT,
        f"Task {task} returned {size:,} bytes; a result may have {MAX_OUTPUT:,}. Store it elsewhere, "
        "and return where it is.",
    )
