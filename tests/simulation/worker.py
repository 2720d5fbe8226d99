"""A worker of a simulation: the real supervisor and executors, each executor a simulated process.

Between the two are no socket and no thread.  The executor's guard, which looks after blocked loops and
`max_duration`, is not there: nothing here blocks.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextvars import Context
from dataclasses import dataclass
from typing import Any

from perdure.client import AsyncClient
from perdure.core.clock import SystemClock
from perdure.core.errors import PerdureError
from perdure.sdk.discover import Catalog
from perdure.sdk.handle import clients
from perdure.sdk.task import Task
from perdure.wire import endpoints
from perdure.wire.executor import TO_EXECUTOR, Discovered, Finished, Frames, Start
from perdure.wire.workers import Assignment
from perdure.worker.blocked import LoopWatch
from perdure.worker.executor import Executor
from perdure.worker.heartbeat import Heart
from perdure.worker.launch import Child, Home
from perdure.worker.options import WarmLimits, WorkerOptions
from perdure.worker.supervisor import Supervisor
from tests.simulation.loop import VirtualLoop
from tests.simulation.process import Process, current

OPTIONS = WorkerOptions(
    concurrency=4,
    name="worker",
    drain_seconds=3.0,
    cancel_seconds=5.0,
    poll_seconds=10.0,
    max_backoff_seconds=4.0,
    memory_seconds=1e9,
    warm=WarmLimits(spare=0, max_growth=2**60),
)

_KILLED = -9
# How long an executor goes on after its worker died, in seconds.
_LINGER = 0.05


@dataclass(frozen=True)
class Watch:
    """Who is shown what executors do."""

    #: an attempt begins; it may kill the executor by returning True
    began: Callable[[Process, Assignment], bool]
    #: an attempt ended, in a process that may be stale
    finished: Callable[[Process, Any], None]


class Project:
    """What all workers have imported."""

    def __init__(self, catalog: Catalog) -> None:
        self.tasks = catalog.tasks
        #: what a zygote would tell
        self.discovered = Discovered(
            tasks=[task.manifest() for task in catalog.tasks.values()],
            queues=catalog.queues,
            problems=catalog.problems,
            code_hash=catalog.code_hash,
            threads=[],
        )


@dataclass(frozen=True)
class Ground:
    """What workers stand on."""

    loop: VirtualLoop
    client: AsyncClient
    #: what tasks trigger with
    inner: AsyncClient
    project: Project
    watch: Watch


class SimulatedSocket:
    """The supervisor's end of a pipe, and the transport over it."""

    def __init__(self, loop: VirtualLoop, supervisor: Process) -> None:
        self._loop = loop
        self._supervisor = supervisor
        self._protocol: Any = None
        self._is_closing = False
        self.executor: SimulatedExecutor | None = None

    # The socket.

    def setblocking(self, flag: bool) -> None:
        """Never block."""

    def connect(self, protocol: Any) -> "SimulatedSocket":
        """Give what comes to a protocol; return the transport."""
        self._protocol = protocol
        return self

    # The supervisor's transport.

    def write(self, data: bytes) -> None:
        """Send to the executor."""
        if self.executor is not None:
            process = self.executor.process
            self._loop.call_later(0.0001, self.executor.receive, data, context=process.context.copy())

    def writelines(self, parts: list[bytes]) -> None:
        """Send to the executor."""
        for data in parts:
            self.write(data)

    def is_closing(self) -> bool:
        """Tell whether nothing can be sent any more."""
        return self._is_closing

    def close(self) -> None:
        """Let go of the executor, which ends."""
        if not self._is_closing:
            self._is_closing = True
            if self.executor is not None:
                self._loop.call_later(0.001, self.executor.process.die)

    # The executor's end.

    def sendall(self, data: bytes) -> None:
        """Send to the supervisor."""
        context = self._supervisor.context.copy()
        self._loop.call_later(0.0001, self._received, data, context=context)

    def _received(self, data: bytes) -> None:
        if self._protocol is not None and not self._is_closing:
            self._protocol.data_received(data)

    def broken(self) -> None:
        """Tell the supervisor that the executor is gone; called at its death."""
        self._loop.call_later(0.0002, self._lost, context=self._supervisor.context.copy())

    def _lost(self) -> None:
        self._is_closing = True
        if self._protocol is not None:
            self._protocol.connection_lost(None)


class _NothingLeft:
    """In place of `Leftovers`: which tasks are whose can't be told in one loop."""

    async def clear(self) -> list[str]:
        return []


class SimulatedExecutor(Executor):
    """An executor that is told what comes over its pipe, instead of reading it."""

    def __init__(
        self, pipe: Any, tasks: Mapping[str, Task], loop: VirtualLoop, process: Process, watch: Watch
    ) -> None:
        super().__init__(pipe, tasks, SystemClock())
        self.process = process
        self._pieces = Frames()
        self._shown = watch
        self._loop = loop
        self._watch = LoopWatch(loop, self._tell_unblocked)
        self._leftovers = _NothingLeft()  # type: ignore[assignment]
        send = self._outbox.send

        def shown(message: Any) -> None:
            if isinstance(message, Finished):
                watch.finished(process, message.result)
            send(message)

        self._outbox.send = shown

    def receive(self, data: bytes) -> None:
        """Take what came over the pipe."""
        for body in self._pieces.feed(data):
            message = TO_EXECUTOR.validate_json(body)
            if isinstance(message, Start) and self._shown.began(self.process, message.run):
                self.process.die()
            self.process.check()
            self._take(body, lambda function, *args: function(*args))

    def _measured(self) -> int:
        return 0


class SimulatedLauncher:
    """Starts executors as processes of the simulation; they do not outlive their worker for long."""

    def __init__(self, ground: Ground, process: Process) -> None:
        self._ground = ground
        self._process = process
        self._count = 0

    async def start(self) -> Discovered:
        """Say what is in the project."""
        return self._ground.project.discovered

    def launch(self) -> Child:
        """Start an executor."""
        loop = self._ground.loop
        self._count += 1
        process = Process(f"{self._process.name}/{self._count}")
        sock = SimulatedSocket(loop, self._process)
        exited: asyncio.Future[int | None] = loop.create_future()
        tasks, watch = self._ground.project.tasks, self._ground.watch
        sock.executor = process.context.run(SimulatedExecutor, sock, tasks, loop, process, watch)
        clients.use(self._ground.inner, None)

        def gone() -> None:
            loop.forget(process)
            sock.broken()
            loop.call_later(0.0001, _settle, exited, context=self._process.context.copy())

        process.on_death.append(gone)
        # It hears at its pipe that the worker is gone, and what it does until then still happens.
        self._process.on_death.append(lambda: loop.call_later(_LINGER, process.die, context=Context()))
        return Child(sock, exited, kill=process.die)  # type: ignore[arg-type]

    async def stop(self) -> None:
        """Every executor has been let go of."""


def _settle(exited: asyncio.Future[int | None]) -> None:
    if not exited.done():
        exited.set_result(_KILLED)


class SimulatedHeart(Heart):
    """Beats in the worker's own process, as a task in place of a thread."""

    def start(self) -> None:
        process = current.get()
        assert process is not None
        process.spawn(self._beat_on())

    async def _beat_on(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + self._every
        while True:
            await asyncio.sleep(max(0.0, due - loop.time()))
            due = loop.time() + self._every
            beat = None if self._stopped.is_set() else self.next_beat()
            if self._stopped.is_set():
                return
            if beat is not None:
                try:
                    client: Any = self._client
                    self.heard(await client.call(endpoints.workers.HEARTBEAT, beat))
                except PerdureError as error:
                    self.failed(beat, error)


class SimulatedSupervisor(Supervisor):
    """The supervisor, with executors and a heart of the simulation."""

    heart = SimulatedHeart

    def __init__(self, ground: Ground, process: Process) -> None:
        client: Any = ground.client
        super().__init__(_NO_HOME, client, client, OPTIONS)
        self._launcher = SimulatedLauncher(ground, process)


_NO_HOME: Any = Home(root=None, variables={})  # type: ignore[arg-type]
