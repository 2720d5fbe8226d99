"""The supervisor: the one process of a worker that speaks to the server.  Its duties:

1. Start the zygote, and connect with what it found in the project.
2. Poll for runs, up to the free slots, and for what is canceled; give runs to executors (`runs`).
3. Keep the leases of what it holds, from a thread of its own (`heartbeat`).
4. Report what becomes of runs, in batches (`reports`), and their log lines beside that (`logs`).
5. Watch the memory of what runs (`memory`), and the age of what is idle (`pool`).
6. Drain: take no more runs, let those there finish, hand back the rest, disconnect.

It never imports the user's code, and nothing the user's code does can stop it.  When the server is gone
it goes on with what it has, and reports when the server is back (`session`).
"""

import asyncio
import contextlib
import logging
import os
import platform
import socket
from collections.abc import Coroutine
from dataclasses import replace
from importlib.metadata import version
from typing import Any, TypeVar

from perdure.client import AsyncClient, Client
from perdure.core.clock import Clock, SystemClock
from perdure.core.errors import PerdureError, Unauthorized
from perdure.wire import endpoints
from perdure.wire.executor import Discovered
from perdure.wire.workers import Connected, ConnectWorker, Disconnect, PollRuns, RunRef
from perdure.worker import system
from perdure.worker.fork import ForkLauncher
from perdure.worker.heartbeat import Heart
from perdure.worker.launch import Home, Launcher
from perdure.worker.logs import LogShipper
from perdure.worker.options import WorkerOptions
from perdure.worker.reports import Reporter
from perdure.worker.runs import Runs
from perdure.worker.session import Session
from perdure.worker.spawn import SpawnLauncher

log = logging.getLogger(__name__)

T = TypeVar("T")

# Without a free slot the worker waits this long for one, before it asks only for cancellations.
_SLOT_PAUSE = 0.5
# What a stop waits for the last reports, in seconds: after a drain, and when it must be quick.
_LAST_REPORTS = 10.0
_LAST_REPORTS_AT_ONCE = 2.0
# Clocks that differ by less are taken for the same.
_SAME_CLOCK_MS = 1000
# The server gives at most this many runs to a poll.
_MOST_RUNS = 1000


class Supervisor:
    """Runs a project's tasks until it is told to stop."""

    heart: type[Heart] = Heart
    """What keeps the leases; the simulation's has no thread."""

    def __init__(
        self,
        home: Home,
        client: AsyncClient,
        heart_client: Client,
        options: WorkerOptions | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Build a worker; nothing starts before `run`.

        Args:
            home: the project's folder, and the variables of the processes that run it.
            client: for everything but heartbeats; closed at the end.
            heart_client: for heartbeats; nobody else may use it.
            options: how it is set up.
            clock: what tells the time of log lines.
        """
        self._home = home
        self._client = client
        self._heart_client = heart_client
        self._options = options or WorkerOptions()
        self._clock = clock or SystemClock()
        self._launcher: Launcher = _launcher(self._options, home)
        self._draining = asyncio.Event()
        self._stopping = asyncio.Event()
        # The wakes that the last answer told; the server tells them again until it hears of that.
        self._heard: list[str] = []
        #: set once it is connected and polls; for those who wait for a worker
        self.connected = asyncio.Event()

    def drain(self) -> None:
        """Take no more runs, let those there finish, and then stop."""
        self._draining.set()

    def stop(self) -> None:
        """Stop at once: hand back what runs."""
        self._draining.set()
        self._stopping.set()

    @property
    def held(self) -> int:
        """How many runs are in this worker's processes now."""
        return len(self._runs.refs())

    async def run(self) -> None:
        """Work until told to drain or stop, by a caller or by the server.

        Raises:
            ProjectUnloadable: the project can't be imported at all.
            Unauthorized: the key is wrong.
        """
        try:
            discovered = await _unless(self._launcher.start(), self._draining.wait())
            if discovered is None:
                return
            _warn(discovered)
            self._session = Session(self._client, self._hello(discovered), self._options.max_backoff_seconds)
            connected = await _unless(self._session.connect(), self._draining.wait())
            if connected is not None:
                await self._serve(discovered, connected)
        finally:
            await self._launcher.stop()
            await self._client.close()

    async def _serve(self, discovered: Discovered, connected: Connected) -> None:
        self._reporter = Reporter(self._session, lambda item, verdict: self._runs.on_verdict(item, verdict))
        self._logs = LogShipper(self._session, self._clock)
        self._runs = Runs(
            self._launcher,
            discovered.tasks,
            connected.environment,
            self._reporter,
            self._logs,
            options=replace(self._options, clock_ms=self._clock_ms(connected)),
        )
        heart = self._heart(connected)
        heart.start()
        log.info("Connected as %s, version %s.", connected.worker_id, connected.version)
        self._options.observer.connected(connected, discovered)
        self.connected.set()
        services = [
            asyncio.create_task(service)
            for service in (
                self._reporter.run(),
                self._logs.run(),
                self._runs.pool.run(),
                self._watch_memory(),
            )
        ]
        try:
            await self._work(services)
        finally:
            heart.stop()
            for service in services:
                service.cancel()
            await asyncio.gather(*services, return_exceptions=True)
            await self._runs.pool.stop()

    async def _work(self, services: list[asyncio.Task[None]]) -> None:
        """Poll until drained; a service that fails ends it."""
        work = asyncio.create_task(self._poll_until_drained())
        done, _ = await asyncio.wait([work, *services], return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            work.cancel()
        for task in done:
            task.result()
        await self._say_goodbye()

    def _clock_ms(self, connected: Connected) -> int:
        """Return how far the server's clock is ahead; what one request may take is no difference."""
        if connected.now is None:
            return 0
        ahead = connected.now - self._clock.now()
        if abs(ahead) < _SAME_CLOCK_MS:
            return 0
        log.warning(
            "This machine's clock is %.1f seconds %s the server's; what runs tell is corrected by that.",
            abs(ahead) / 1000,
            "behind" if ahead > 0 else "ahead of",
        )
        return ahead

    # Polling.

    async def _poll_until_drained(self) -> None:
        while not self._draining.is_set():
            if self._runs.free <= 0:
                await self._wait_for_slot()
            await self._poll(min(max(self._runs.free, 0), _MOST_RUNS))
        log.info("Draining: %d runs are under way.", self._runs.running)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._options.drain_seconds):
                while self._runs.running and not self._stopping.is_set():
                    await self._poll(0)

    async def _wait_for_slot(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SLOT_PAUSE):
                await self._runs.until_free()

    async def _poll(self, slots: int) -> None:
        """Ask the server once, and do what it says.

        A poll that can only bring cancellations ends when a slot is free, to ask for runs.
        """
        heard = self._heard
        call = self._session.call(
            endpoints.workers.POLL,
            lambda worker_id: PollRuns(
                worker_id=worker_id, slots=slots, wait=self._options.poll_seconds, heard=heard
            ),
        )
        signals: list[Coroutine[Any, Any, Any]] = [
            self._stopping.wait() if self._draining.is_set() else self._draining.wait()
        ]
        if slots == 0:
            is_drained = self._draining.is_set()
            signals.append(self._runs.until_idle() if is_drained else self._runs.until_free())
        try:
            polled = await _unless(call, *signals)
        except Unauthorized:
            raise
        except PerdureError as error:
            log.error("The server refuses to give runs: %s", error)
            await asyncio.sleep(self._options.max_backoff_seconds)
            return
        if polled is None:
            return
        self._heard = [wake.id for wake in polled.wakes]
        for ref in polled.cancels:
            self._runs.cancel(ref)
        for wake in polled.wakes:
            self._runs.wake(wake)
        for run in polled.runs:
            self._runs.begin(run)
        if polled.drain:
            self.drain()

    # Beside it.

    async def _watch_memory(self) -> None:
        while True:
            await asyncio.sleep(self._options.memory_seconds)
            self._runs.check_memory()

    def _heart(self, connected: Connected) -> Heart:
        loop = asyncio.get_running_loop()

        def lost(refs: list[RunRef]) -> None:
            for ref in refs:
                loop.call_soon_threadsafe(self._runs.drop, ref)

        return self.heart(
            self._heart_client,
            connected.heartbeat_ms / 1000,
            held=lambda: (self._session.worker_id, self._runs.refs()),
            on_lost=lost,
            on_unknown=lambda worker_id: loop.call_soon_threadsafe(self._session.forget, worker_id) and None,
        )

    # The end.

    async def _say_goodbye(self) -> None:
        """Hand back what still runs, send the last reports, and disconnect."""
        self._runs.release_all("the worker stops")
        seconds = _LAST_REPORTS_AT_ONCE if self._stopping.is_set() else _LAST_REPORTS
        try:
            async with asyncio.timeout(seconds):
                await self._reporter.settled()
                await self._logs.settled()
                worker_id = self._session.worker_id
                if worker_id is not None:
                    await self._client.call(endpoints.workers.DISCONNECT, Disconnect(worker_id=worker_id))
        except (TimeoutError, PerdureError) as error:
            log.warning("The server did not hear the last reports (%s); the leases will end.", error)

    def _hello(self, discovered: Discovered) -> ConnectWorker:
        host = socket.gethostname()
        return ConnectWorker(
            name=self._options.name or f"{host}-{os.getpid()}",
            host=host,
            pid=os.getpid(),
            python_version=platform.python_version(),
            perdure_version=version("perdure"),
            concurrency=self._options.concurrency,
            code_hash=discovered.code_hash,
            tasks=discovered.tasks,
            queues=discovered.queues,
            problems=discovered.problems,
        )


def _launcher(options: WorkerOptions, home: Home) -> Launcher:
    start = options.start or ("fork" if system.IS_LINUX else "spawn")
    return ForkLauncher(home) if start == "fork" else SpawnLauncher(home)


def _warn(discovered: Discovered) -> None:
    for problem in discovered.problems:
        place = f"{problem.file_path}:{problem.line}" if problem.line else problem.file_path
        log.error("%s: %s", place, problem.message)
    if discovered.threads:
        log.warning(
            "Importing the project starts threads (%s), which a forked executor does not have. Start them "
            "in a task, or run the worker with start=spawn.",
            ", ".join(discovered.threads),
        )


async def _unless(call: Coroutine[Any, Any, T], *signals: Coroutine[Any, Any, Any]) -> T | None:
    """Return what a call gives, or None when one of the signals comes first."""
    wanted = asyncio.ensure_future(call)
    watched = [asyncio.ensure_future(signal) for signal in signals]
    try:
        await asyncio.wait([wanted, *watched], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for future in [wanted, *watched]:
            future.cancel()
        await asyncio.gather(wanted, *watched, return_exceptions=True)
    # An answer that came at the last moment may hold runs, and counts.
    return None if wanted.cancelled() else wanted.result()
