"""Random lives of many runs at once: what must hold after every step, on both databases.

Workers come back too late, vanish and report twice; runs are canceled anywhere; limits change; the clock
jumps.  After each step the counts equal the rows and no limit is passed; at the end every run ends.
"""

import asyncio
from collections import Counter
from collections.abc import Coroutine
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from perdure.core.lifecycle import FINAL, LEASED, Status
from perdure.engine.engine import Engine
from perdure.engine.queues import define
from perdure.engine.resources import EngineSettings, Resources
from perdure.store import counts, runs
from perdure.store.connect import open_database
from perdure.store.database import Tx
from perdure.store.rows import Run
from perdure.testing.clock import FakeClock
from perdure.wire.manifests import QueueManifest
from perdure.wire.workers import Assignment, Heartbeat, Released, RetryChoice, RunRef, Started, Succeeded
from tests.support.make import Make, manifest

T = TypeVar("T")

LEASE_MS = 30_000
ENVIRONMENT_LIMIT = 4
QUEUE = "shared"
TASKS = ("alone", "shared-a", "shared-b")
DELAYS = st.sampled_from([None, None, "20s", "2m"])
KEYS = st.sampled_from([None, "ada", "bob"])


class Lives(RuleBasedStateMachine):
    """One environment, two workers, and whatever Hypothesis makes them do."""

    def __init__(self, url: str) -> None:
        """Open the database in a loop of this example's own."""
        super().__init__()
        self.runner = asyncio.Runner()
        self.ended: dict[str, Run] = {}
        self.held: dict[str, tuple[str, Assignment]] = {}
        self.stale: list[tuple[str, Assignment]] = []
        self.known: list[str] = []
        self.limit = 2
        self.allowed: Counter[str | None] = Counter()
        """What ran when the limit was lowered under it, less what has ended since."""
        self.do(self.open(url))

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    async def open(self, url: str) -> None:
        self.clock = FakeClock()
        self.db = await open_database(url)
        resources = Resources(
            db=self.db,
            telemetry=self.db,
            clock=self.clock,
            settings=EngineSettings(lease_ms=LEASE_MS, max_losses=4),
            dice=lambda: 0.5,
        )
        self.engine = Engine(resources)
        self.make = await Make.begin(self.engine, concurrency_limit=ENVIRONMENT_LIMIT)
        queue = QueueManifest(name=QUEUE, concurrency_limit=self.limit)
        tasks = [manifest(TASKS[0]), *(manifest(task, queue=queue) for task in TASKS[1:])]
        self.workers = {w.id: w for w in [await self.make.worker(*tasks), await self.make.worker(*tasks)]}

    def teardown(self) -> None:
        self.do(self.finish())
        self.runner.close()

    async def finish(self) -> None:
        """When faults stop, every run ends."""
        await self.set_limit(2)
        worker = next(iter(self.workers.values()))
        for _ in range(200):
            self.clock.forward("5m")
            await self.engine.rescue.run_once()
            await self.engine.timers.run_once()
            for held in await self.make.claim(worker, 10):
                await (self.make.succeed if held.attempt > 1 else self.make.fail)(worker, held)
            if all(run.status in FINAL for run in await self.rows()):
                break
        else:
            raise AssertionError(f"these never end: {Counter(run.status for run in await self.rows())}")
        await self.db.close()

    async def rows(self) -> list[Run]:
        return await self.db.read(runs.of_ids, self.known)

    @rule(
        task=st.sampled_from(TASKS),
        key=KEYS,
        delay=DELAYS,
        ttl=st.sampled_from([None, None, "90s"]),
        priority=st.sampled_from([None, 30]),
        attempts=st.sampled_from([1, 2, 3]),
        idempotency_key=st.sampled_from([None, None, "k"]),
        count=st.integers(1, 5),
    )
    def trigger(self, task: str, key: str | None, attempts: int, count: int, **options: Any) -> None:
        for _ in range(count):
            run = self.do(self.make.trigger(task, concurrency_key=key, max_attempts=attempts, **options))
            self.known = sorted({*self.known, run})

    @rule(number=st.integers(0, 1), slots=st.integers(1, 5))
    def claim(self, number: int, slots: int) -> None:
        worker = list(self.workers.values())[number]
        for held in self.do(self.make.claim(worker, slots)):
            before = self.held.pop(held.run_id, None)
            if before is not None:
                assert held.fence > before[1].fence
                self.stale.append(before)
            self.held[held.run_id] = (worker.id, held)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), how=st.sampled_from(["start", "succeed", "fail", "crash", "time_out", "release"]))
    def report(self, data: st.DataObject, how: str) -> None:
        run = data.draw(st.sampled_from(sorted(self.held)))
        worker, held = self.held[run]
        before = self.do(self.make.row(run))
        verdict = self.do(self.tell(worker, held, how))
        is_own = before.worker == worker and before.fence == held.fence
        assert verdict.ok is (is_own and before.status != Status.CANCELED)

    async def tell(self, worker: str, held: Assignment, how: str) -> Any:
        who, ref = self.workers[worker], {"run_id": held.run_id, "fence": held.fence}
        if how == "start":
            return (await self.make.report(who, Started(**ref)))[0]
        if how == "succeed":
            return (await self.make.report(who, Started(**ref), Succeeded(**ref)))[1]
        if how == "release":
            return (await self.make.report(who, Released(**ref, reason="drain")))[0]
        return await self.make.fail(who, held, how=how, retry=RetryChoice(delay_ms=5_000))

    @precondition(lambda self: self.stale)
    @rule(data=st.data(), how=st.sampled_from(["start", "succeed", "fail", "release"]))
    def report_too_late(self, data: st.DataObject, how: str) -> None:
        worker, held = data.draw(st.sampled_from(self.stale))
        before = self.do(self.make.row(held.run_id))

        verdict = self.do(self.tell(worker, held, how))

        assert verdict.code == "lease_lost"
        assert self.do(self.make.row(held.run_id)) == before

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        run = data.draw(st.sampled_from(self.known))
        self.do(self.engine.cancel.cancel(self.make.environment, run))

    @rule(number=st.integers(0, 1))
    def beat(self, number: int) -> None:
        worker = list(self.workers)[number]
        refs = [RunRef(run_id=h.run_id, fence=h.fence) for w, h in self.held.values() if w == worker]
        self.do(self.engine.heartbeats.beat(self.make.environment, Heartbeat(worker_id=worker, runs=refs)))

    @rule(seconds=st.sampled_from([1, 10, 31, 120]))
    def pass_time(self, seconds: int) -> None:
        self.clock.forward(seconds)
        self.do(self.engine.timers.run_once())
        self.do(self.engine.rescue.run_once())

    @rule(limit=st.integers(0, 3))
    def change_limit(self, limit: int) -> None:
        self.do(self.set_limit(limit))

    async def set_limit(self, limit: int) -> None:
        self.limit = limit
        queue = QueueManifest(name=QUEUE, concurrency_limit=limit)
        await self.db.transact(define, self.make.environment.id, [queue], 0)
        self.allowed = self.running(await self.rows())

    @rule()
    def reconcile(self) -> None:
        assert self.do(self.engine.reconcile.run_once()) == 0

    @invariant()
    def all_is_sound(self) -> None:
        rows = self.do(self.db.read(self.look))
        self.check_limits(rows)
        for run in rows:
            assert (run.lease_until is not None) == (run.status in LEASED)
            assert run.place is None or run.status == Status.QUEUED
            assert run.status != Status.QUEUED or (run.place is None) != (run.due_at is None)
            assert (run.finished_at is not None) == (run.status in FINAL)
            if run.status in FINAL:
                assert self.ended.setdefault(run.id, run) == run

    async def look(self, tx: Tx) -> list[Run]:
        """Compare the counts with the rows; return the rows."""
        cached = {
            lane: standing for lane, standing in (await counts.lanes_cached(tx)).items() if any(standing)
        }
        assert cached == await counts.lanes_true(tx)
        pools = await counts.pools_cached(tx)
        held = {pool: row.running for pool, row in pools.items() if row.running}
        assert held == await counts.pools_true(tx)
        return await runs.of_ids(tx, self.known)

    def check_limits(self, rows: list[Run]) -> None:
        assert sum(run.status in LEASED for run in rows) <= ENVIRONMENT_LIMIT
        running = self.running(rows)
        for key, count in running.items():
            assert count <= max(self.limit, self.allowed[key]), key
        self.allowed &= running

    def running(self, rows: list[Run]) -> Counter[str | None]:
        return Counter(row.concurrency_key for row in rows if row.queue == QUEUE and row.status in LEASED)


def test_whatever_happens_the_counts_are_true_limits_hold_and_every_run_ends(database_url: str):
    run_state_machine_as_test(
        lambda: Lives(database_url),
        settings=settings(
            max_examples=10,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
