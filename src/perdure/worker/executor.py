"""An executor: a process that runs attempts, one at a time or (shared) many at once.

Two threads.  The main thread has the event loop, and in it the user's code.  The listening thread has
the pipe, and so hears of a cancellation, of a used up `max_duration` or of the supervisor's end even
while the user's code blocks the loop:

    supervisor ⇄ pipe ⇄ listening thread ── call_soon_threadsafe, signal ──▶ main thread: loop, attempts

Async code is stopped by cancelling its asyncio task, sync code (and async code that blocks) by a signal
whose handler raises `RunCanceled` in the main thread.  What does not stop then is killed by the
supervisor, as is a process whose native code holds the interpreter.
"""

import asyncio
import contextlib
import os
import selectors
import signal
import socket
import threading
import time
from collections.abc import Mapping
from types import FrameType

from perdure.core.clock import Clock, SystemClock
from perdure.sdk.task import Task
from perdure.wire.executor import (
    TO_EXECUTOR,
    Begin,
    Finished,
    Flush,
    Flushed,
    Frames,
    Ready,
    Start,
    Stop,
)
from perdure.wire.workers import Assignment
from perdure.worker import system
from perdure.worker.blocked import BLOCKED_SECONDS, LoopWatch, where_main_is
from perdure.worker.hosted import HostedRun, Why
from perdure.worker.leftovers import Leftovers
from perdure.worker.outbox import Outbox
from perdure.worker.runtime import RunRuntime

_READ = 256 * 1024
# How often the listening thread looks at what runs.
_TICK = 0.25
# An executor that was let go has this long for its threads and exit handlers.
_GOODBYE = 5.0
_INTERRUPT = getattr(signal, "SIGUSR1", signal.SIGINT)


class Executor:
    """Runs the attempts that come over a pipe, until it is closed."""

    def __init__(self, pipe: socket.socket, tasks: Mapping[str, Task], clock: Clock | None = None) -> None:
        """Serve a supervisor.

        Args:
            pipe: the socket to it.
            tasks: the project's tasks by id.
            clock: what tells the time of log lines.
        """
        self._pipe = pipe
        self._tasks = tasks
        self._clock = clock or SystemClock()
        self._nudged, self._nudge = socket.socketpair()
        self._nudge.setblocking(False)
        self._outbox = Outbox(pipe, self._wake_listener)
        self._runs: dict[str, HostedRun] = {}
        self._jobs: set[asyncio.Task[None]] = set()
        self._flushes: dict[tuple[str, int], asyncio.Future[None]] = {}
        self._begin: Begin | None = None

    def run(self) -> None:
        """Run until the supervisor closes the pipe."""
        signal.signal(_INTERRUPT, self._interrupt)
        with asyncio.Runner() as runner:
            self._loop = runner.get_loop()
            self._watch = LoopWatch(self._loop, self._tell_unblocked)
            self._closed = asyncio.Event()
            self._outbox.send(Ready(memory=system.resident_memory(os.getpid())))
            threading.Thread(target=self._listen, name="perdure-listen", daemon=True).start()
            closed = self._loop.create_task(self._closed.wait())
            while not closed.done():
                # SystemExit and KeyboardInterrupt leave the loop from any asyncio task that raises them.
                # They are that task's outcome; the loop goes on.
                with contextlib.suppress(SystemExit, KeyboardInterrupt):
                    self._loop.run_until_complete(closed)

    # The main thread.

    def _start(self, run: Assignment) -> None:
        job = self._loop.create_task(self._attempt(self._runs[run.run_id]), name=run.run_id)
        self._jobs.add(job)  # the loop itself holds its tasks weakly
        job.add_done_callback(self._jobs.discard)

    async def _attempt(self, hosted: HostedRun) -> None:
        assert self._begin is not None
        leftovers = None if self._begin.is_shared else Leftovers()
        result = await hosted.result(self._begin.environment)
        told = await leftovers.clear() if leftovers else []
        for sentence in told:
            hosted.runtime.tell("warning", sentence)
        hosted.runtime.close()
        del self._runs[hosted.run.run_id]
        memory = system.resident_memory(os.getpid())
        self._outbox.send(Finished(result=result, memory=memory, is_spent=bool(told)))

    async def _flush(self, flush: Flush) -> None:
        answered = self._loop.create_future()
        key = (flush.run_id, flush.number)
        self._flushes[key] = answered
        try:
            self._outbox.send(flush)
            await answered
        finally:
            del self._flushes[key]

    def _flushed(self, flushed: Flushed) -> None:
        answered = self._flushes.get((flushed.run_id, flushed.number))
        if answered is not None and not answered.done():
            answered.set_result(None)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        """End, by an exception right here, the run that was told to end."""
        for hosted in list(self._runs.values()):
            if hosted.why is not None:
                hosted.interrupt(frame)

    def _tell_unblocked(self, seconds: float) -> None:
        for hosted in self._runs.values():
            hosted.runtime.tell("warning", f"The event loop was blocked for {seconds:.1f} seconds in all.")

    # The listening thread.

    def _listen(self) -> None:
        """Read the pipe, and look after what runs, until the supervisor is gone."""
        frames = Frames()
        with selectors.DefaultSelector() as selector:
            selector.register(self._pipe, selectors.EVENT_READ)
            selector.register(self._nudged, selectors.EVENT_READ)
            with contextlib.suppress(OSError):
                while True:
                    ready = selector.select(_TICK if self._runs else None)
                    for key, _ in ready:
                        data = key.fileobj.recv(_READ)  # type: ignore[union-attr]
                        if key.fileobj is self._pipe:
                            self._take(frames.feed(data))
                            if not data:
                                return self._leave()
                    self._look_after_runs(time.monotonic())
        self._leave()

    def _take(self, bodies: list[bytes]) -> None:
        for body in bodies:
            match TO_EXECUTOR.validate_json(body):
                case Begin() as begin:
                    self._begin = begin
                case Start(run=run):
                    runtime = RunRuntime(run, self._outbox, self._clock, self._flush)
                    self._runs[run.run_id] = HostedRun(run, self._tasks.get(run.task), runtime)
                    self._loop.call_soon_threadsafe(self._start, run)
                case Stop(run_id=run_id):
                    if hosted := self._runs.get(run_id):
                        self._end(hosted, "canceled")
                case Flushed() as flushed:
                    self._loop.call_soon_threadsafe(self._flushed, flushed)

    def _look_after_runs(self, now: float) -> None:
        self._outbox.flush()
        runs = list(self._runs.values())
        for hosted in runs:
            if hosted.deadline is not None and now >= hosted.deadline and hosted.why is None:
                self._end(hosted, "too_long")
        if not any(hosted.is_async for hosted in runs):
            return
        if self._watch.tick(now) is not None:
            self._tell_blocked()
        if self._watch.is_blocked(now) and any(hosted.why for hosted in runs):
            self._signal()

    def _end(self, hosted: HostedRun, why: Why) -> None:
        hosted.why = why
        if hosted.is_async:
            self._loop.call_soon_threadsafe(hosted.cancel)
        else:
            self._signal()

    def _signal(self) -> None:
        if hasattr(signal, "pthread_kill"):
            signal.pthread_kill(threading.main_thread().ident or 0, _INTERRUPT)
        else:
            signal.raise_signal(_INTERRUPT)

    def _tell_blocked(self) -> None:
        runs = list(self._runs.values())
        tasks = sorted({hosted.run.task for hosted in runs})
        line = where_main_is(self._is_users)
        for hosted in runs:
            hosted.runtime.tell(
                "warning",
                f"Task {' or '.join(tasks)} has blocked the event loop for {BLOCKED_SECONDS:g} second, and "
                f"still does, at {line}. Nothing else in this process goes on meanwhile: await it, use "
                "asyncio.to_thread, or make the task a plain def.",
            )
        self._outbox.flush()

    def _is_users(self, file: str) -> bool:
        return "site-packages" not in file and not file.startswith(os.path.dirname(os.__file__))

    def _leave(self) -> None:
        """End the process: no one hears of it any more.

        A run that is under way ends here and now, with all that it has started: its lease goes to
        someone else.
        """
        if self._runs:
            system.kill_tree(os.getpid())
        self._loop.call_soon_threadsafe(self._closed.set)
        time.sleep(_GOODBYE)
        system.kill_tree(os.getpid())

    def _wake_listener(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._nudge.send(b"\0")
