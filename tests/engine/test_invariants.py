"""Random lives of many runs at once: what must hold after every step, on both databases.

Workers come back too late, vanish and report twice; runs wait and are canceled anywhere; limits change,
queues and the environment are paused; the clock jumps.  After each step the counts equal the rows and no
limit is passed, and no rate, which a model of the standard's judges; a claim that gets less than it asks for
leaves nothing that may start; at the end every run ends.
"""

import asyncio
import base64
from collections import Counter
from collections.abc import Coroutine
from datetime import timedelta
from fractions import Fraction
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

from perdure.core.clock import to_datetime
from perdure.core.lifecycle import FINAL, LEASED, Status
from perdure.engine.engine import Engine
from perdure.engine.queues import define
from perdure.engine.resources import EngineSettings, Resources
from perdure.store import counts, runs
from perdure.store.connect import open_database
from perdure.store.database import Tx
from perdure.store.rows import Run
from perdure.testing.clock import FakeClock
from perdure.wire.manifests import QueueManifest, Rate
from perdure.wire.waits import Wait, WaitKind
from perdure.wire.workers import (
    Assignment,
    Heartbeat,
    Parked,
    Released,
    RetryChoice,
    RunRef,
    Started,
    Succeeded,
)
from tests.engine.rate_model import RateModel
from tests.support.make import Make, manifest

T = TypeVar("T")

LEASE_MS = 30_000
ENVIRONMENT_LIMIT = 4
QUEUE = "shared"
RATED = {
    "metered": Rate(limit=2, period_ms=15_000, burst=2),
    "keyed": Rate(limit=3, period_ms=10_000, burst=1, per_key=True),
}
TASKS = ("alone", "shared-a", "shared-b", *RATED)
QUEUES = (QUEUE, *RATED)
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
        self.override: int | None = None
        self.total: int | None = 3
        self.burst = 1.0
        self.paused: set[str] = set()
        """Queues, and "" if the environment is."""
        self.allowed: Counter[Any] = Counter()
        """What ran when a limit was lowered under it, less what has ended since."""
        self.rates = {
            queue: RateModel(rate.limit, rate.period_ms, rate.burst or 1) for queue, rate in RATED.items()
        }
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
        queue = QueueManifest(name=QUEUE, concurrency_limit=self.limit, total_limit=self.total)
        tasks = [manifest(TASKS[0]), *(manifest(task, queue=queue) for task in TASKS[1:3])]
        for name, rate in RATED.items():
            tasks.append(manifest(name, queue=QueueManifest(name=name, rate_limit=rate)))
        self.workers = {w.id: w for w in [await self.make.worker(*tasks), await self.make.worker(*tasks)]}

    def teardown(self) -> None:
        self.do(self.finish())
        self.runner.close()

    async def finish(self) -> None:
        """When faults stop, every run ends."""
        await self.set_limits(2, 3)
        await self.engine.queues.reset_limit(self.make.environment, QUEUE)
        for queue in sorted(self.paused):
            await self.set_paused(queue, False)
        worker = next(iter(self.workers.values()))
        for _ in range(200):
            await self.make.hear_nothing("5m")
            await self.engine.timers.run_once()
            await self.engine.rates.run_once()
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

    @rule(number=st.integers(0, 1), slots=st.integers(1, 8))
    def claim(self, number: int, slots: int) -> None:
        worker = list(self.workers.values())[number]
        rows = {run.id: run for run in self.do(self.rows())}
        claimed = self.do(self.make.claim(worker, slots))
        self.check_rates([rows[held.run_id] for held in claimed])
        if len(claimed) < slots:
            left = self.do(self.rows())
            assert [run.id for run in left if self.may_start(run, left)] == []
        for held in claimed:
            before = self.held.pop(held.run_id, None)
            if before is not None:
                assert held.fence > before[1].fence
                self.stale.append(before)
            self.held[held.run_id] = (worker.id, held)

    def check_rates(self, claimed: list[Run]) -> None:
        for run in claimed:
            assert run.is_mid_attempt or not self.paused & {"", run.queue}
            model = self.rates.get(run.queue)
            if model is not None and not run.is_mid_attempt:
                meter = self.meter(run)
                assert model.allows(meter, self.clock.now())
                model.start(meter, self.clock.now())

    def meter(self, run: Run) -> str | None:
        return run.concurrency_key if RATED[run.queue].per_key else ""

    def may_start(self, run: Run, rows: list[Run]) -> bool:
        """Tell whether a run that was left in its line should not have been."""
        if run.place is None or sum(one.status in LEASED for one in rows) >= self.environment_limit():
            return False
        held = [one for one in rows if one.queue == run.queue and one.status in LEASED]
        of_key = sum(one.concurrency_key == run.concurrency_key for one in held)
        limits = [(of_key, ENVIRONMENT_LIMIT)] if self.burst > 1 else []
        if run.queue == QUEUE:
            limits += [(of_key, self.limit_of_key())]
            limits += [(len(held), self.total)] if self.total is not None else []
        if any(count >= limit for count, limit in limits):
            return False
        if run.is_mid_attempt:
            return True
        if self.paused & {"", run.queue}:
            return False
        # Intervals are rounded up to a microsecond.
        model = self.rates.get(run.queue)
        return model is None or model.allows(self.meter(run), self.clock.now(), slack=Fraction(1, 2))

    def limit_of_key(self) -> int:
        return self.limit if self.override is None else self.override

    def environment_limit(self) -> int:
        return int(ENVIRONMENT_LIMIT * self.burst)

    @precondition(lambda self: self.held)
    @rule(
        data=st.data(),
        how=st.sampled_from(["start", "succeed", "fail", "crash", "time_out", "release", "park", "park"]),
    )
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
        if how == "park":
            until = to_datetime(self.clock.now()) + timedelta(seconds=15)
            wait = Wait(kind=WaitKind.TIME, subject="soon", until=until)
            parked = Parked(**ref, snapshot=base64.b64encode(b"s").decode(), waits=[wait])
            return (await self.make.report(who, Started(**ref), parked))[1]
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
        self.do(self.make.hear_nothing(seconds))
        self.do(self.engine.timers.run_once())
        self.do(self.engine.rates.run_once())

    @rule(seconds=st.sampled_from([10, 120]))
    def stand_still(self, seconds: int) -> None:
        """Nothing happens anywhere for a while, and then everything at once."""
        self.clock.forward(seconds)
        self.do(self.engine.timers.run_once())
        self.do(self.engine.rescue.run_once())
        self.do(self.engine.rates.run_once())

    @rule(limit=st.integers(0, 3), total=st.sampled_from([None, 1, 2, 3, 4]))
    def change_limits(self, limit: int, total: int | None) -> None:
        self.do(self.set_limits(limit, total))

    async def set_limits(self, limit: int, total: int | None) -> None:
        """As a new version of the code does."""
        self.limit, self.total = limit, total
        queue = QueueManifest(name=QUEUE, concurrency_limit=limit, total_limit=total)
        await self.db.transact(define, self.make.environment.id, [queue], 0)
        self.allowed = self.running(await self.rows())

    @rule(limit=st.sampled_from([None, 0, 1, 3]))
    def override_limit(self, limit: int | None) -> None:
        queues, environment = self.engine.queues, self.make.environment
        if limit is None:
            self.do(queues.reset_limit(environment, QUEUE))
        else:
            self.do(queues.override_limit(environment, QUEUE, limit))
        self.override = limit
        self.allowed = self.running(self.do(self.rows()))

    @rule(burst=st.sampled_from([1.0, 1.5]))
    def change_burst(self, burst: float) -> None:
        self.burst = burst
        self.do(self.engine.queues.limit_environment(self.make.environment, ENVIRONMENT_LIMIT, burst))
        self.allowed = self.running(self.do(self.rows()))

    @rule(queue=st.sampled_from(["", *QUEUES]), pauses=st.booleans())
    def pause(self, queue: str, pauses: bool) -> None:
        self.do(self.set_paused(queue, pauses))

    async def set_paused(self, queue: str, pauses: bool) -> None:
        queues, environment = self.engine.queues, self.make.environment
        self.paused = self.paused | {queue} if pauses else self.paused - {queue}
        if queue:
            await (queues.pause if pauses else queues.resume)(environment, queue)
        else:
            await (queues.pause_environment if pauses else queues.resume_environment)(environment)

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
        running = await counts.meters_true(tx)
        for meter, row in (await counts.meters_cached(tx)).items():
            assert row.running == running.get(meter, 0)
        return await runs.of_ids(tx, self.known)

    def check_limits(self, rows: list[Run]) -> None:
        running = self.running(rows)
        for kind, key in running:
            limit = {
                "environment": self.environment_limit(),
                "key": self.limit_of_key(),
                "total": self.total,
            }[kind]
            if limit is not None:
                assert running[kind, key] <= max(limit, self.allowed[kind, key]), (kind, key)
        self.allowed &= running

    def running(self, rows: list[Run]) -> Counter[tuple[str, str | None]]:
        """Count what runs: in the environment, in the shared queue, and there of each key."""
        held = [row for row in rows if row.status in LEASED]
        counts: Counter[tuple[str, str | None]] = Counter({("environment", None): len(held)})
        for row in held:
            if row.queue == QUEUE:
                counts["key", row.concurrency_key] += 1
                counts["total", None] += 1
        return counts


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
