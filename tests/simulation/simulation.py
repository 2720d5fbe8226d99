"""One simulation: a world is made of a seed, lives through its faults, and must come to rest."""

import asyncio
import gc
import logging
import os
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from perdure.core.errors import PerdureError
from perdure.core.lifecycle import FINAL
from perdure.resumable import leaving
from perdure.sdk.discover import discover
from perdure.sdk.handle import clients as sdk_clients
from perdure.sdk.project import load_project
from perdure.wire.workers import Assignment
from tests.simulation import faults, scenario, server, worker
from tests.simulation.faults import CLIENTS, SERVERS, WORKERS, Fault, Faults
from tests.simulation.grounds import Ground
from tests.simulation.invariants import Invariants, Seen, Violation
from tests.simulation.loop import NoRest, StandsStill, Unhandled, VirtualLoop
from tests.simulation.machine import machine
from tests.simulation.network import KEY, URL, Network, client_of
from tests.simulation.process import Process
from tests.simulation.scenario import Action, Clients, Promises
from tests.simulation.storage import Disk
from tests.simulation.trace import Trace

FAULTY_S = 30.0
"""Faults strike in the first so many seconds."""

PATIENCE_S = 900.0
"""After so long without faults, every run must have ended."""

LOOKS_EVERY_S = 1.0

WHOLE_LOOK_EVERY = 4
"""At every commit the runs are looked at; counts, alarms, tokens and ticks, which stay wrong if they are, at
every fourth."""

PROJECT = Path(__file__).with_name("project")


@dataclass(frozen=True)
class Plan:
    """All that is decided before a simulation begins."""

    seed: int
    actions: tuple[Action, ...]
    faults: tuple[Fault, ...]

    @classmethod
    def of(cls, seed: int) -> "Plan":
        """Draw the plan of a seed."""
        dice = Random(seed)
        return cls(seed, tuple(scenario.draw(dice)), tuple(faults.draw(dice)))


@dataclass
class Outcome:
    """What became of a simulation."""

    plan: Plan
    #: what is wrong; empty if nothing is
    wrong: str
    trace: Trace
    #: the faults that found what they strike at
    struck: list[Fault]
    runs: int
    #: how often runs lost their worker
    losses: int
    commits: int
    #: of virtual time
    seconds: float


class World:
    """Servers, workers and clients over one database, in one loop."""

    def __init__(self, plan: Plan, ground: Ground, project: worker.Project) -> None:
        self.plan = plan
        dice = Random(f"world {plan.seed}")
        self._dice = dice
        self._faults = Faults(list(plan.faults))
        self.loop = VirtualLoop(Random(f"turns {plan.seed}"), self._on_step)
        self.trace = Trace(self.loop.time)
        self._ground = ground
        self._promises = Promises()
        self.invariants = Invariants(self._promises)
        self._network = Network(Random(f"network {plan.seed}"), self._faults, self.trace, lambda *_: None)
        self._project = project
        self._living: dict[str, Process] = {}
        self._has_news = False
        self.commits = 0
        self.seen: Seen | None = None

    # Life.

    async def live(self) -> None:
        """Live through the faults, come to rest, and be judged."""
        for name in SERVERS:
            self._start(name, self._serve)
        for name in WORKERS:
            self._start(name, self._work)
        acting = self._act()
        await asyncio.sleep(FAULTY_S)
        self.trace.add("no more faults")
        self._faults.are_over = True
        for process in self._living.values():
            process.frozen_until = process.cut_off_until = 0.0
        await asyncio.wait(acting)
        await self._close_schedules()
        await self._rest()
        self.look(is_end=True)

    def _act(self) -> list[asyncio.Task[None]]:
        clients = Clients(client_of(self._network, tries=8), self._promises, self.trace)
        for name in CLIENTS:
            self._living[name] = Process(name)
        self._clients = clients
        acting = [self._living[one.client].spawn(clients.act(one)) for one in self.plan.actions]
        return acting or [asyncio.ensure_future(asyncio.sleep(0))]

    async def _close_schedules(self) -> None:
        async def close() -> None:
            for schedule in self._promises.schedules:
                await self._clients.client.schedules.delete(schedule)

        await self._living[CLIENTS[0]].spawn(close())

    async def _rest(self) -> None:
        """Wait until all runs have ended, or patience has."""
        until = self.loop.time() + PATIENCE_S
        while self.loop.time() < until:
            await asyncio.sleep(LOOKS_EVERY_S)
            self.look()
            if self.seen is not None and all(run.status in FINAL for run in self.seen.runs.values()):
                return

    def look(self, *, is_end: bool = False) -> None:
        """Hold the database against the invariants."""
        self.seen = self._ground.look(is_whole=is_end or self.commits % WHOLE_LOOK_EVERY == 0)
        self.invariants.known.has_killed = any(one.kind == "kill executor" for one in self._faults.struck)
        self.invariants.known.has_faults = bool(self._faults.struck)
        self.invariants.judge(self.seen, is_end=is_end)

    def end(self) -> None:
        """Let go of everything, without a last word from anybody."""
        for process in self._living.values():
            process.die()
        self.loop.close()

    def outcome(self, wrong: str) -> Outcome:
        """Tell what became of this world."""
        return Outcome(
            plan=self.plan,
            wrong=wrong,
            trace=self.trace,
            struck=self._faults.struck,
            runs=len(self.seen.runs) if self.seen else 0,
            losses=sum(run.losses for run in self.seen.runs.values()) if self.seen else 0,
            commits=self.commits,
            seconds=self.loop.time(),
        )

    # Processes.

    def _start(self, name: str, begin: Callable[[Process], None]) -> None:
        process = Process(name)
        self._living[name] = process
        self.trace.add("{} starts", name)
        process.on_death.append(lambda: self.loop.forget(process))
        begin(process)

    def _serve(self, process: Process) -> None:
        ground = server.Ground(self._ground.open, self._network, self._dice)
        self._spawn(process, server.serve(process, ground))

    def _work(self, process: Process) -> None:
        ground = worker.Ground(
            loop=self.loop,
            client=client_of(self._network, tries=1),
            inner=client_of(self._network, tries=30),
            project=self._project,
            watch=worker.Watch(began=self._began, finished=self._finished),
        )
        sdk_clients.use(ground.inner, None)
        # What the supervisor makes for its loop belongs to its process.
        supervisor = process.context.copy().run(worker.SimulatedSupervisor, ground, process)
        self._spawn(process, supervisor.run())

    def _spawn(self, process: Process, work: Any) -> None:
        """Begin what a process is there for; it starts again if that fails."""

        def ended(task: asyncio.Task[None]) -> None:
            error = None if task.cancelled() else task.exception()
            if not process.is_alive or error is None:
                return
            self.trace.add("{} fails: {!r}", process.name, error)
            if isinstance(error, PerdureError):
                self._kill(process, 1.0)
            else:
                self.loop.fail(Unhandled(f"{process.name} ended by {error!r}"))

        process.spawn(work).add_done_callback(ended, context=Context())

    def _kill(self, process: Process, away: float) -> None:
        if not process.is_alive:
            return
        self.trace.add("{} dies", process.name)
        process.die()
        begin = self._serve if process.name in SERVERS else self._work
        self.loop.call_later(away, self._start, process.name, begin, context=Context())

    # What happens to them.

    def _on_step(self, process: Process) -> None:
        fault = self._faults.at("step", process.name)
        if fault is None:
            return
        self.trace.add("{}", fault)
        if fault.kind == "die":
            self._kill(process, fault.amount)
        elif fault.kind == "freeze":
            process.frozen_until = self.loop.time() + fault.amount
        elif fault.kind == "cut off":
            process.cut_off_until = self.loop.time() + fault.amount
        else:
            process.skew_ms += round(fault.amount * 1000)

    def strike(self, process: Process) -> Fault | None:
        """Return the fault that strikes a transaction; deaths are followed by a new life."""
        fault = self._faults.at("commit", process.name)
        if fault is not None:
            self.trace.add("{}", fault)
            if fault.kind.startswith("die"):
                process.on_death.append(lambda: self._reborn(process, fault.amount))
        return fault

    def _reborn(self, process: Process, away: float) -> None:
        begin = self._serve if process.name in SERVERS else self._work
        self.loop.call_later(away, self._start, process.name, begin, context=Context())

    def committed(self, process: Process) -> None:
        """Look at what was committed, before anybody hears of it."""
        self.commits += 1
        self.trace.add("commits")
        try:
            self.look()
        except Violation as violation:
            self.loop.fail(violation)

    def _began(self, process: Process, run: Assignment) -> bool:
        fault = self._faults.at("run", process.name.partition("/")[0])
        self.trace.add("runs {} ({}), fence {}", run.run_id, run.task, run.fence)
        if fault is not None:
            self.trace.add("{}", fault)
        return fault is not None

    def _finished(self, process: Process, result: Any) -> None:
        self.trace.add("has {} of {}, fence {}", type(result).__name__, result.run_id, result.fence)
        self.invariants.known.results.setdefault((result.run_id, result.fence), []).append(result)


class Simulator:
    """Runs simulations, one after the other, in this Python process."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        os.environ["PERDURE_API_URL"], os.environ["PERDURE_SECRET_KEY"] = URL, KEY
        catalog = discover(load_project(PROJECT))
        if catalog.problems:
            raise RuntimeError(catalog.problems[0].message)
        self._project = worker.Project(catalog)
        self._count = 0
        logging.disable(logging.CRITICAL)

    def run(self, plan: Plan) -> Outcome:
        """Live through a plan, and tell what became of it."""
        world = World(plan, self._ground, self._project)
        disk = Disk(world.strike, world.committed)
        wrong = ""
        self._ground.begin(disk)
        try:
            with machine(world.loop, Random(f"machine {plan.seed}"), disk.connect):
                world.loop.run(world.live())
        except (Violation, Unhandled, StandsStill, NoRest) as error:
            wrong = f"{type(error).__name__}: {error}"
        finally:
            world.end()
            self._ground.end()
            self._clean()
        return world.outcome(wrong)

    def _clean(self) -> None:
        """Collect the garbage of worlds, not more often than it is worth."""
        leaving._abandoned.clear()
        if self._count == 0:
            gc.collect()
            gc.freeze()
            gc.disable()
        self._count += 1
        if self._count % 10 == 0:
            gc.collect()
