"""The loops that go on by themselves: timers, the reconciler, and how a loop behaves."""

import asyncio

from perdure.core.lifecycle import Status
from perdure.core.storage_errors import DatabaseUnavailable
from perdure.engine import service
from perdure.engine.engine import Engine
from perdure.engine.resources import EngineSettings, Resources
from perdure.engine.service import Service
from perdure.store import counts, timers
from perdure.store.database import Database, Tx
from perdure.store.timers import Timer
from perdure.testing.clock import FakeClock
from tests.support.make import Make, manifest


async def test_an_alarm_whose_run_changed_its_mind_is_void(make: Make, engine: Engine, clock: FakeClock):
    run = await make.run(status=Status.DELAYED)

    async def body(tx: Tx) -> None:
        await timers.add(tx, [Timer(clock.now(), kind, run.id) for kind in ("delay", "retry", "ttl")])

    await engine.resources.db.transact(body)

    assert await engine.timers.run_once() == 3
    assert await make.row(run.id) == run


async def test_timers_sleep_until_the_next_alarm(make: Make, engine: Engine, clock: FakeClock):
    await engine.timers.run_once()
    assert engine.timers.next_pause_ms() == 30_000

    await make.trigger(delay="5s")
    await engine.timers.run_once()
    assert engine.timers.next_pause_ms() == 5_000

    clock.forward("6s")
    assert engine.timers.next_pause_ms() == 0


async def test_more_alarms_than_fit_one_transaction_all_ring(make: Make, engine: Engine, clock: FakeClock):
    await make.version(manifest())
    runs = await asyncio.gather(*(make.trigger(delay="1m") for _ in range(1_001)))
    clock.forward("1m")

    assert await engine.timers.run_once() == 1_001
    assert {await make.status(run) for run in runs[::100]} == {"QUEUED"}


async def test_a_running_engine_ends_delays_by_itself(db: Database):
    async with Engine(Resources(db=db, telemetry=db)) as engine:
        make = await Make.begin(engine)
        worker = await make.worker()
        run = await make.trigger(delay="10ms")
        claimed = await make.wait_for_runs(worker)

    assert [held.run_id for held in claimed] == [run]


async def test_the_reconciler_corrects_counts_that_went_astray(make: Make, engine: Engine):
    worker = await make.worker()
    await make.run(status=Status.EXECUTING, worker=worker)
    await make.trigger()

    async def spoil(tx: Tx) -> None:
        ready = await counts.lanes_cached(tx)
        await tx.run("set_ready", lanes=[{"id": lane, "ready": 7, "resumed": 0} for lane in ready])
        running = await counts.pools_cached(tx)
        await tx.run("set_running", pools=[{"id": pool, "running": 0} for pool in running])

    await engine.resources.db.transact(spoil)

    assert await engine.reconcile.run_once() == 3
    assert await engine.reconcile.run_once() == 0
    assert len(await make.claim(worker, 10)) == 1


async def test_the_reconciler_forgets_empty_lanes_and_the_next_run_makes_them_again(
    make: Make, engine: Engine
):
    worker = await make.worker()
    for key in ("a", "b"):
        await make.trigger(concurrency_key=key)
    for held in await make.claim(worker, 2):
        await make.succeed(worker, held)

    await engine.reconcile.run_once()

    assert await engine.resources.db.read(counts.lanes_cached) == {}
    await make.trigger(concurrency_key="a")
    assert len(await make.claim(worker)) == 1


async def test_polls_find_runs_though_every_hint_is_lost(db: Database, clock: FakeClock):
    settings = EngineSettings(slow_look_ms=1)
    engine = Engine(Resources(db=db, telemetry=db, clock=clock, settings=settings))
    make = await Make.begin(engine)
    worker = await make.worker()
    db.hints.muted = True
    poll = asyncio.create_task(make.wait_for_runs(worker))
    await asyncio.sleep(0)

    run = await make.trigger()

    assert [held.run_id for held in await poll] == [run]


class Flaky(Service):
    """Fails at first."""

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self.rounds = 0
        self.done = asyncio.Event()

    async def run_once(self) -> int:
        self.rounds += 1
        if self.rounds == 1:
            raise DatabaseUnavailable(database="it", reason="gone")
        self.done.set()
        return 0


async def test_a_service_goes_on_after_an_error(db: Database, monkeypatch):
    monkeypatch.setattr(service, "PAUSE_AFTER_ERROR_S", 0.0)
    flaky = Flaky(db)
    flaky.pause_ms = 0
    flaky.start()

    await asyncio.wait_for(flaky.done.wait(), 10)
    await flaky.stop()
    await flaky.stop()
