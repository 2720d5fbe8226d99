"""Workers that vanish: their runs go on elsewhere."""

import pytest

from perdure.core.errors import NotFound
from perdure.engine.engine import Engine
from perdure.store import history
from perdure.testing.clock import FakeClock
from perdure.wire.manifests import RetryPolicy
from perdure.wire.workers import Heartbeat, RunRef
from tests.support.make import Make, manifest


async def test_a_run_whose_worker_vanished_goes_back_to_its_queue(
    make: Make, engine: Engine, clock: FakeClock
):
    worker, other = await make.worker(), await make.worker()
    run = await make.trigger()
    (held,) = await make.claim(worker)
    await make.start(worker, held)

    assert await make.hear_nothing("29s") == 0
    assert await make.hear_nothing("1s") == 1

    (again,) = await make.claim(other)
    assert (again.run_id, again.attempt) == (run, 2)
    (attempt,) = await engine.resources.db.read(history.attempts_of, [run])
    assert attempt.status == "LOST"


async def test_a_server_that_was_away_first_listens_for_as_long_as_a_lease(
    make: Make, engine: Engine, clock: FakeClock
):
    worker = await make.worker()
    run = await make.trigger()
    (held,) = await make.claim(worker)
    clock.forward("1h")
    back = Make(Engine(engine.resources), make.environment)
    assert await back.hear_nothing("20s") == 0

    beat = Heartbeat(worker_id=worker.id, runs=[RunRef(run_id=run, fence=held.fence)])
    assert (await back.engine.heartbeats.beat(make.environment, beat)).lost == []
    assert await back.hear_nothing("10s") == 0
    assert await back.hear_nothing("20s") == 1


async def test_a_server_that_stood_still_listens_anew(make: Make, engine: Engine, clock: FakeClock):
    worker = await make.worker()
    run = await make.trigger()
    (held,) = await make.claim(worker)
    await make.hear_nothing("10s")
    clock.forward("40s")  # the whole machine slept, its workers too
    assert await engine.rescue.run_once() == 0

    beat = Heartbeat(worker_id=worker.id, runs=[RunRef(run_id=run, fence=held.fence)])
    assert (await engine.heartbeats.beat(make.environment, beat)).lost == []
    assert await make.hear_nothing("29s") == 0
    assert await make.hear_nothing("1s") == 1


async def test_a_server_that_is_always_late_gives_runs_back_all_the_same(
    make: Make, engine: Engine, clock: FakeClock
):
    worker = await make.worker()
    await make.trigger()
    await make.hear_nothing("30s")
    await make.claim(worker)
    for _ in range(4):
        clock.forward("15s")
        assert await engine.rescue.run_once() == 0

    for _ in range(40):
        clock.forward("15s")
        if await engine.rescue.run_once():
            break
    else:
        raise AssertionError("the run stays with its worker")


async def test_a_worker_that_comes_back_too_late_changes_nothing(
    make: Make, engine: Engine, clock: FakeClock
):
    worker = await make.worker()
    run = await make.trigger()
    (held,) = await make.claim(worker)
    await make.hear_nothing("30s")

    verdict = await make.succeed(worker, held)
    assert (verdict.code, await make.status(run)) == ("lease_lost", "QUEUED")

    await make.claim(worker)
    verdict = await make.succeed(worker, held)
    assert (verdict.code, await make.status(run)) == ("lease_lost", "DEQUEUED")


async def test_a_lost_attempt_costs_none_of_the_runs_attempts(make: Make, engine: Engine, clock: FakeClock):
    worker = await make.worker(manifest(retry=RetryPolicy(max_attempts=2, randomize=False)))
    run = await make.trigger()
    (held,) = await make.claim(worker)
    await make.start(worker, held)
    await make.hear_nothing("30s")

    (held,) = await make.claim(worker)
    assert (await make.fail(worker, held)).retry_in_ms == 1000
    clock.forward("1s")
    await engine.timers.run_once()
    (held,) = await make.claim(worker)
    await make.fail(worker, held)

    assert (await make.row(run)).attempt == 3
    assert await make.status(run) == "FAILED"


async def test_a_run_that_loses_its_worker_too_often_is_given_up(
    make: Make, engine: Engine, clock: FakeClock
):
    worker = await make.worker()
    run = await make.trigger()
    for _ in range(12):
        assert await make.status(run) == "QUEUED"
        await make.claim(worker)
        await make.hear_nothing("30s")

    assert await make.status(run) == "SYSTEM_FAILURE"
    assert await make.claim(worker) == []


async def test_a_rescued_run_goes_ahead_of_new_ones(make: Make, engine: Engine, clock: FakeClock):
    worker = await make.worker()
    run = await make.trigger()
    await make.claim(worker)
    await make.trigger(priority=100)
    await make.hear_nothing("30s")

    assert [held.run_id for held in await make.claim(worker)] == [run]


async def test_heartbeats_keep_the_lease(make: Make, engine: Engine, clock: FakeClock):
    worker = await make.worker()
    run = await make.trigger()
    (held,) = await make.claim(worker)
    beat = Heartbeat(worker_id=worker.id, runs=[RunRef(run_id=run, fence=held.fence)])

    for _ in range(5):
        assert await make.hear_nothing("20s") == 0
        assert (await engine.heartbeats.beat(make.environment, beat)).lost == []


async def test_a_heartbeat_tells_which_runs_are_lost(make: Make, engine: Engine, clock: FakeClock):
    worker = await make.worker()
    await make.trigger()
    (kept,) = await make.claim(worker)
    lost = RunRef(run_id="run_none", fence=1)
    stale = RunRef(run_id=kept.run_id, fence=kept.fence - 1)
    beat = Heartbeat(worker_id=worker.id, runs=[RunRef(run_id=kept.run_id, fence=kept.fence), lost])

    assert (await engine.heartbeats.beat(make.environment, beat)).lost == [lost]
    beat = Heartbeat(worker_id=worker.id, runs=[stale])
    assert (await engine.heartbeats.beat(make.environment, beat)).lost == [stale]


async def test_a_heartbeat_of_an_unknown_worker_is_told_to_connect(make: Make, engine: Engine):
    with pytest.raises(NotFound):
        await engine.heartbeats.beat(make.environment, Heartbeat(worker_id="worker_none", runs=[]))
