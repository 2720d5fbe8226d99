"""An executor: a process that runs attempts, one at a time or (shared) many at once.

Two threads.  The main thread has the event loop, in it the user's code, and whenever the loop turns it
reads the pipe: handing a run over costs no change of threads.  While something runs, the guard thread
looks in every quarter of a second: it reads the pipe when the user's code blocks the loop, so it hears
of a cancellation or of the supervisor's end, it ends what has used up its `max_duration`, and it sends
what was logged.

Async code is stopped by cancelling its asyncio task, sync code (and async code that blocks) by a signal
whose handler raises `RunCanceled` in the main thread.  What does not stop then is killed by the
supervisor, as is a process whose native code holds the interpreter.
"""

import asyncio
import contextlib
import hashlib
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from types import FrameType

from perdure.client import AsyncClient
from perdure.client.settings import find_access
from perdure.core.clock import Ahead, Clock, SystemClock
from perdure.resumable import abandoned
from perdure.sdk import tokens
from perdure.sdk.handle import clients
from perdure.sdk.task import Task
from perdure.wire.executor import (
    TO_EXECUTOR,
    Begin,
    Changed,
    Finished,
    Flush,
    Flushed,
    Logged,
    Ready,
    Start,
    Stop,
    Stored,
    Told,
    Woken,
)
from perdure.wire.workers import (
    Canceled,
    Checkpointed,
    Failed,
    LogLine,
    MetadataChanged,
    Parked,
    Pinned,
    Succeeded,
)
from perdure.worker import system
from perdure.worker.blocked import BLOCKED_SECONDS, LoopWatch, where_main_is
from perdure.worker.hosted import HostedRun, Why
from perdure.worker.inbox import Inbox
from perdure.worker.leftovers import Leftovers
from perdure.worker.outbox import Outbox
from perdure.worker.runtime import RunRuntime

# How often the guard looks in while something runs, and how often memory is measured; in seconds.
_TICK = 0.25
# An executor that was let go has this long for its threads and exit handlers.
_GOODBYE = 5.0
_INTERRUPT = getattr(signal, "SIGUSR1", signal.SIGINT)
_PURPOSE = b"perdure: stored states of runs"
# The memory of runs that parked stays with their process (see `resumable.abandon`), some 16 kB for a small
# one: after so many parked tasks another process takes over, for about as long as one run in hundreds takes.
MOST_ABANDONED = 200
# The event loop of Windows can't watch a socket for reading; there the guard reads everything.
_LOOP_READS = sys.platform != "win32"

# What a task that triggers and waits would load while it runs; loaded here, all forks share it.
_AT_HAND = (AsyncClient, tokens)

Call = Callable[..., object]
"""How a function gets to the event loop: called, in its thread; `call_soon_threadsafe`, in the other."""


def warm_up() -> None:
    """Build what Pydantic would build when an executor first needs it; a fork then has it at once."""
    TO_EXECUTOR.rebuild()
    sent = (Ready, Logged, Changed, Flush, Told, Finished)
    parts = (LogLine, MetadataChanged, Succeeded, Failed, Canceled, Parked, Pinned, Checkpointed)
    for model in (*sent, *parts):
        model.model_rebuild()


def snapshot_key(secret: str) -> bytes:
    """Return what signs the states of runs: made of the environment's key, and of no other use."""
    return hashlib.blake2b(_PURPOSE, key=hashlib.sha256(secret.encode()).digest(), digest_size=32).digest()


@contextlib.contextmanager
def _runner() -> Iterator[asyncio.Runner]:
    """Run a loop; it is closed at the end, unless parked runs are in it, whose generators must not end."""
    runner = asyncio.Runner()
    yield runner
    if not abandoned():
        runner.close()


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
        self._inbox = Inbox(pipe)
        self._tasks = tasks
        self._clock = clock or SystemClock()
        self._wake = threading.Event()
        self._outbox = Outbox(pipe, self._wake.set)
        self._runs: dict[str, HostedRun] = {}
        self._flushes: dict[tuple[str, int], asyncio.Future[None]] = {}
        self._begin: Begin | None = None
        self._begun = 0
        self._is_guard_asleep = False
        self._memory = (0.0, 0)
        self._key = snapshot_key(find_access().secret_key)
        clients.be_patient()

    def run(self) -> None:
        """Run until the supervisor closes the pipe."""
        signal.signal(_INTERRUPT, self._interrupt)
        with _runner() as runner:
            self._loop = runner.get_loop()
            self._watch = LoopWatch(self._loop, self._tell_unblocked, self._turned)
            closed = self._loop.create_task(self._serve())
            while not closed.done():
                # SystemExit and KeyboardInterrupt leave the loop from any asyncio task that raises them.
                # They are that task's outcome; the loop goes on.
                with contextlib.suppress(SystemExit, KeyboardInterrupt):
                    self._loop.run_until_complete(closed)

    # The main thread.

    async def _serve(self) -> None:
        self._closed = asyncio.Event()
        threading.Thread(target=self._guard, name="perdure-guard", daemon=True).start()
        self._leftovers = Leftovers()
        if _LOOP_READS:
            self._loop.add_reader(self._pipe, self._read, lambda function, *args: function(*args))
        self._outbox.send(Ready(memory=self._measured()))
        await self._closed.wait()
        self._loop.remove_reader(self._pipe)

    def _start(self, hosted: HostedRun) -> None:
        # Held there because the loop itself holds its tasks weakly.
        hosted.job = self._loop.create_task(self._attempt(hosted), name=hosted.run.run_id)

    async def _attempt(self, hosted: HostedRun) -> None:
        assert self._begin is not None
        result = await hosted.result(self._begin.environment)
        self._watch.answer()
        told = [] if self._begin.is_shared else await self._leftovers.clear()
        for sentence in told:
            hosted.runtime.tell("warning", sentence)
        hosted.runtime.close(is_shared=self._begin.is_shared)
        del self._runs[hosted.run.run_id]
        is_spent = bool(told) or abandoned() >= MOST_ABANDONED
        self._outbox.send(Finished(result=result, memory=self._measured(), is_spent=is_spent))

    def _measured(self) -> int:
        """Return this process's memory in bytes, as it was a moment ago."""
        now = time.monotonic()
        if now - self._memory[0] >= _TICK:
            self._memory = (now, system.resident_memory(os.getpid()))
        return self._memory[1]

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

    def _turned(self, lag: float) -> None:
        for hosted in self._runs.values():
            hosted.runtime.usage.turned(lag)

    def _tell_unblocked(self, seconds: float) -> None:
        for hosted in self._runs.values():
            hosted.runtime.tell("warning", f"The event loop was blocked for {seconds:.1f} seconds in all.")

    # Either thread.

    def _read(self, call: Call) -> None:
        """Do what the pipe says."""
        if not self._inbox.read(lambda body: self._take(body, call)):
            self._leave(call)

    def _take(self, body: bytes, call: Call) -> None:
        match TO_EXECUTOR.validate_json(body):
            case Begin() as begin:
                self._begin = begin
                if begin.clock_ms:
                    self._clock = Ahead(self._clock, begin.clock_ms)
            case Start(run=run):
                runtime = RunRuntime(run, self._outbox, self._clock, self._flush, key=self._key)
                hosted = HostedRun(run, self._tasks.get(run.task), runtime)
                self._runs[run.run_id] = hosted
                self._begun += 1
                if self._is_guard_asleep:
                    self._wake.set()
                call(self._start, hosted)
            case Stop(run_id=run_id):
                if hosted := self._runs.get(run_id):
                    self._end(hosted, "canceled")
            case Flushed() as flushed:
                call(self._flushed, flushed)
            case Stored() | Woken() as news:
                self._hand_on(news, call)

    def _hand_on(self, news: Stored | Woken, call: Call) -> None:
        """Tell a run what it waits for."""
        match news:
            case Stored(run_id=run_id, number=number) if hosted := self._runs.get(run_id):
                call(hosted.runtime.stored, number)
            case Woken(wake=wake) if hosted := self._runs.get(wake.run_id):
                if hosted.is_async:
                    call(hosted.runtime.woken, wake.answers)
                else:  # it blocks the loop until it hears of this
                    hosted.runtime.woken(wake.answers)

    def _end(self, hosted: HostedRun, why: Why) -> None:
        if hosted.why is not None:
            return
        hosted.end(why)
        if hosted.is_async:
            self._loop.call_soon_threadsafe(hosted.cancel)
        else:
            self._signal()

    def _leave(self, call: Call) -> None:
        """End the process: no one hears of it any more.

        A run that is under way ends here and now, with all that it has started: its lease goes to
        someone else.
        """
        if self._runs:
            system.kill_tree(os.getpid())
        call(self._closed.set)
        last = threading.Timer(_GOODBYE, system.kill_tree, [os.getpid()])
        last.daemon = True
        last.start()

    # The guard.

    def _guard(self) -> None:
        seen = 0
        while self._inbox.is_open:
            # Bursts of short runs do not wake the guard for each: it sleeps after a tick without any.
            self._is_guard_asleep = seen == self._begun and not self._runs
            seen = self._begun
            self._pause(None if self._is_guard_asleep and not self._runs else _TICK)
            self._read(self._loop.call_soon_threadsafe)
            self._look_after_runs(time.monotonic())

    def _pause(self, seconds: float | None) -> None:
        blocks = any(hosted.is_idle and not hosted.is_async for hosted in list(self._runs.values()))
        if _LOOP_READS and not blocks:
            self._wake.wait(seconds)
            self._wake.clear()
        else:
            select.select([self._pipe], [], [], seconds)

    def _look_after_runs(self, now: float) -> None:
        self._outbox.flush()
        runs = list(self._runs.values())
        for hosted in runs:
            hosted.runtime.usage.look()
            if hosted.deadline is not None and now >= hosted.deadline and hosted.why is None:
                self._end(hosted, "too_long")
        if not any(hosted.is_async for hosted in runs):
            return
        if self._watch.tick(now) is not None:
            self._tell_blocked()
        if self._watch.is_blocked(now) and any(hosted.why for hosted in runs):
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
