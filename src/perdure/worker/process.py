"""An executor, as its supervisor sees it."""

import asyncio
import time
from typing import Protocol

from perdure.wire.executor import FROM_EXECUTOR, Begin, Finished, FromExecutor, Ready, Start, Stop
from perdure.wire.model import Model
from perdure.wire.workers import Assignment, WorkerEnvironment
from perdure.worker.launch import Child
from perdure.worker.machines import Machine
from perdure.worker.options import WarmLimits
from perdure.worker.pipe import Pipe

# After its pipe is closed, an executor has this long to end by itself, in seconds.
_GOODBYE = 6.0
# After a process has ended, what it wrote last is in its pipe, unless a stray child holds that open.
_LAST_WORDS = 1.0


class Host(Protocol):
    """Who is told what an executor says."""

    def on_message(self, process: "ExecutorProcess", message: FromExecutor) -> None:
        """Take a message."""
        ...

    def on_exit(self, process: "ExecutorProcess", status: int | None) -> None:
        """Take note that it has ended; nothing more comes from it."""
        ...


class ExecutorProcess:
    """A process that runs attempts of tasks for one machine."""

    def __init__(
        self,
        child: Child,
        host: Host,
        environment: WorkerEnvironment,
        machine: Machine,
        *,
        is_shared: bool,
        clock_ms: int = 0,
    ) -> None:
        """Speak to a process that was launched.

        Args:
            child: the process.
            host: is told what comes from it.
            environment: where its runs belong.
            machine: limits its memory.
            is_shared: whether it runs many at once.
            clock_ms: how far the server's clock is ahead.
        """
        self.child = child
        self.machine = machine
        self.is_shared = is_shared
        #: what it runs now, by run id
        self.runs: dict[str, Assignment] = {}
        #: it takes no more runs
        self.is_retired = False
        #: the most memory that was seen while it ran what it runs now, in bytes
        self.peak = 0
        self._host = host
        self._born = time.monotonic()
        self._count = 0
        self._first_memory = 0
        self._memory = 0
        self._pipe: Pipe[FromExecutor] = Pipe(FROM_EXECUTOR, self._take)
        self._pipe.send(Begin(environment=environment, is_shared=is_shared, clock_ms=clock_ms))
        self._life = asyncio.create_task(self._live())

    def start(self, run: Assignment) -> None:
        """Give it a run."""
        if not self.runs:
            self.peak = 0
        self.runs[run.run_id] = run
        self._count += 1
        self._pipe.send(Start(run=run))

    def stop(self, run_id: str) -> None:
        """Tell it to end a run."""
        self._pipe.send(Stop(run_id=run_id))

    def send(self, message: Model) -> None:
        """Send it a message."""
        self._pipe.send(message)

    def is_worn(self, limits: WarmLimits) -> bool:
        """Tell whether it has grown, aged or worked enough to be replaced."""
        return (
            self._count >= limits.max_runs
            or time.monotonic() - self._born >= limits.max_age_seconds
            or self._memory - self._first_memory > limits.max_growth
        )

    def retire(self) -> None:
        """Let it go; it ends by itself when it runs nothing, and is killed if it does not."""
        self.is_retired = True
        if not self.runs:
            self._pipe.close()

    def abandon(self, run_id: str) -> None:
        """Wait no longer for a run that does not end: when the others have ended, the process goes."""
        self.stop(run_id)
        self.runs.pop(run_id, None)
        self.retire()

    def kill(self) -> None:
        """Kill it at once, with all it has started."""
        self.is_retired = True
        self.child.kill()

    async def ended(self) -> None:
        """Wait until it has ended."""
        await self._life

    async def _live(self) -> None:
        await self._pipe.open(self.child.sock)
        closed = asyncio.ensure_future(self._pipe.closed.wait())
        await asyncio.wait({closed, self.child.exited}, return_when=asyncio.FIRST_COMPLETED)
        if not self.child.exited.done():
            await asyncio.wait({self.child.exited}, timeout=_GOODBYE)
            if not self.child.exited.done():
                self.kill()
        status = await self.child.exited
        await asyncio.wait({closed}, timeout=_LAST_WORDS)
        self._pipe.close()
        closed.cancel()
        self.is_retired = True
        self._host.on_exit(self, status)

    def _take(self, message: FromExecutor) -> None:
        match message:
            case Ready(memory=memory):
                self._first_memory = self._memory = memory
            case Finished(result=result, memory=memory, is_spent=is_spent):
                self._memory = memory
                self.is_retired |= is_spent
                self.runs.pop(result.run_id, None)
                if self.is_retired:
                    self.retire()
        self._host.on_message(self, message)
