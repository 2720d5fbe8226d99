"""The executors of a worker: finds one for each run, keeps some warm, and lets go of the rest."""

import asyncio
import contextlib
import time
from collections.abc import Iterator

from perdure.core.placement import Isolation
from perdure.wire.workers import Assignment, WorkerEnvironment
from perdure.worker.launch import Launcher
from perdure.worker.machines import Machine, machine_for
from perdure.worker.options import WorkerOptions
from perdure.worker.process import ExecutorProcess, Host
from perdure.worker.warm import SETTLE_SECONDS, WarmPool

# How long after one was taken a spare executor is started, in seconds.
_SPARE_PAUSE = 0.02

Key = tuple[str, str]
"""What a warm executor is kept for: a task and a machine."""


class Pool:
    """Every executor of the worker, busy or idle."""

    def __init__(
        self, launcher: Launcher, host: Host, environment: WorkerEnvironment, options: WorkerOptions
    ) -> None:
        self._launcher = launcher
        self._host = host
        self._environment = environment
        self._options = options
        self._warm: WarmPool[Key, ExecutorProcess] = WarmPool(options.warm, options.concurrency)
        self._all: set[ExecutorProcess] = set()
        # They have run nothing yet, and are for any task and machine.
        self._spare: list[ExecutorProcess] = []
        self._is_taken = asyncio.Event()

    def __len__(self) -> int:
        return len(self._all)

    def busy(self) -> Iterator[ExecutorProcess]:
        """Return the executors that run something."""
        return (process for process in list(self._all) if process.runs)

    def executor_for(self, run: Assignment, isolation: Isolation) -> ExecutorProcess:
        """Return the executor that a run is to go to; a new one is not ready yet, but takes it."""
        machine = machine_for(run.machine)
        if isolation == "shared":
            return self._shared(run.run_id, machine) or self._launch(machine, is_shared=True)
        found = self._warm.take((run.task, machine.name)) if isolation == "process" else None
        return found or self._launch(machine)

    def give_back(self, process: ExecutorProcess, run: Assignment, isolation: Isolation) -> None:
        """Take note that an executor has finished a run: keep it warm, or let it go."""
        if isolation == "fresh" or process.is_worn(self._options.warm):
            process.retire()
        if process.is_retired or process.runs:
            return
        # Shared executors are found by what they run, not by the task; idle, they are kept alike.
        key = ("", "shared") if process.is_shared else (run.task, process.machine.name)
        for evicted in self._warm.give(key, process, time.monotonic()):
            evicted.retire()

    def forget(self, process: ExecutorProcess) -> None:
        """Take note that an executor has ended."""
        self._all.discard(process)
        self._warm.remove(process)
        if process in self._spare:
            self._spare.remove(process)

    async def run(self) -> None:
        """Keep spare executors, and let go of idle ones, for as long as the worker lives."""
        while True:
            # What is started now goes first.
            await asyncio.sleep(_SPARE_PAUSE)
            while len(self._spare) < self._options.warm.spare:
                self._spare.append(self._new(machine_for(None), is_shared=False))
            for process in self._warm.expire(time.monotonic()):
                process.retire()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._is_taken.wait(), SETTLE_SECONDS)
            self._is_taken.clear()

    async def stop(self) -> None:
        """Let go of all executors, kill those that run something, and wait until all have ended."""
        for process in list(self._all):
            if process.runs:
                process.kill()
            process.retire()
        await asyncio.gather(*(process.ended() for process in self._all))

    def _shared(self, run_id: str, machine: Machine) -> ExecutorProcess | None:
        open_ones = [
            process
            for process in self._all
            if process.is_shared
            and not process.is_retired
            and process.machine == machine
            and run_id not in process.runs
            and len(process.runs) < self._options.shared_runs
        ]
        if not open_ones:
            return None
        process = min(open_ones, key=lambda one: len(one.runs))
        self._warm.remove(process)
        return process

    def _launch(self, machine: Machine, *, is_shared: bool = False) -> ExecutorProcess:
        if is_shared or not self._spare:
            return self._new(machine, is_shared=is_shared)
        process = self._spare.pop(0)
        process.machine = machine
        self._is_taken.set()
        return process

    def _new(self, machine: Machine, *, is_shared: bool) -> ExecutorProcess:
        process = ExecutorProcess(
            self._launcher.launch(),
            self._host,
            self._environment,
            machine,
            is_shared=is_shared,
            clock_ms=self._options.clock_ms,
        )
        self._all.add(process)
        return process
