"""Parked runs go on where their code is, as long as it is anywhere."""

import base64
from datetime import timedelta
from typing import Any

import pytest

from perdure.core.clock import to_datetime
from perdure.engine.engine import Engine
from perdure.store import counts
from perdure.store.rows import Worker
from perdure.testing.clock import FakeClock
from perdure.wire.runs import ReplayRun
from perdure.wire.waits import RestoreFrom, Wait, WaitKind
from perdure.wire.workers import Checkpointed, Heartbeat, Parked, Released
from tests.support.make import VERSION, Make

NEXT = "20260102.1"
STATE = base64.b64encode(b"a coroutine").decode()


@pytest.fixture
async def old(make: Make) -> Worker:
    return await make.worker()


@pytest.fixture
async def new(old: Worker, make: Make) -> Worker:
    """A worker of the next version, which connected last."""
    return await make.worker(version=NEXT)


async def park(make: Make, clock: FakeClock, worker: Worker) -> str:
    """Park a run for a minute on a worker."""
    run = await make.trigger()
    (held,) = await make.claim(worker)
    until = to_datetime(clock.now()) + timedelta(minutes=1)
    wait = Wait(kind=WaitKind.TIME, subject="a minute", until=until)
    await make.report(worker, Parked(run_id=run, fence=held.fence, snapshot=STATE, waits=[wait]))
    return run


async def minute(make: Make, clock: FakeClock, *present: Worker) -> None:
    """Let a minute pass, in which these workers are heard of."""
    clock.forward("1m")
    for worker in present:
        await make.engine.heartbeats.beat(make.environment, Heartbeat(worker_id=worker.id, runs=[]))
    await make.engine.timers.run_once()
    await make.engine.versions.run_once()


async def claimed(make: Make, worker: Worker) -> list[str]:
    return [held.run_id for held in await make.claim(worker, slots=10)]


async def test_a_parked_run_goes_on_with_its_own_version(
    make: Make, clock: FakeClock, old: Worker, new: Worker
):
    run = await park(make, clock, old)
    await minute(make, clock, old, new)

    assert await claimed(make, new) == []
    assert await claimed(make, old) == [run]


async def test_it_goes_on_with_any_once_its_version_was_gone_for_a_minute(
    make: Make, clock: FakeClock, old: Worker, new: Worker
):
    run = await park(make, clock, old)
    await minute(make, clock, old, new)
    await make.engine.workers.disconnect(make.environment, old.id)
    clock.forward("59s")
    await make.engine.versions.run_once()
    early = await claimed(make, new)

    clock.forward("1s")
    await make.engine.versions.run_once()

    assert (early, await claimed(make, new)) == ([], [run])
    assert await make.engine.resources.db.read(counts.lanes_true) == {}


async def test_a_worker_that_fell_silent_is_gone_too(make: Make, clock: FakeClock, old: Worker, new: Worker):
    run = await park(make, clock, old)
    await minute(make, clock, new)

    assert await claimed(make, new) == [run]


async def test_while_no_server_ran_no_worker_could_be_heard(
    make: Make, clock: FakeClock, old: Worker, new: Worker
):
    run = await park(make, clock, old)
    clock.forward("1h")
    restarted = Engine(make.engine.resources)
    await restarted.timers.run_once()
    await restarted.versions.run_once()
    assert await claimed(make, new) == []

    clock.forward("1m")
    await restarted.versions.run_once()
    assert await claimed(make, new) == [run]


async def test_a_version_that_comes_back_takes_its_runs(make: Make, clock: FakeClock, old: Worker):
    run = await park(make, clock, old)
    await make.engine.workers.disconnect(make.environment, old.id)
    clock.forward("1m")
    await make.engine.timers.run_once()
    again = await make.worker()

    assert await claimed(make, again) == [run]


async def test_a_run_that_was_lost_or_handed_back_stays_with_its_version(
    make: Make, clock: FakeClock, old: Worker, new: Worker
):
    run = await park(make, clock, old)
    await minute(make, clock, old, new)
    (held,) = await make.claim(old)
    await make.report(old, Released(run_id=run, fence=held.fence, reason="draining"))

    assert await claimed(make, new) == []
    assert await claimed(make, old) == [run]


async def test_a_retry_from_the_top_is_free(make: Make, clock: FakeClock, old: Worker, new: Worker):
    run = await park(make, clock, old)
    await minute(make, clock, old, new)
    (held,) = await make.claim(old)
    await make.fail(old, held)
    await minute(make, clock, old, new)

    assert await claimed(make, new) == [run]


async def test_a_retry_from_a_checkpoint_is_not(make: Make, clock: FakeClock, old: Worker, new: Worker):
    run = await make.trigger()
    (held,) = await make.claim(old)
    await make.report(old, Checkpointed(run_id=run, fence=held.fence, key="half", snapshot=STATE))
    await make.fail(old, held)
    await minute(make, clock, old, new)

    assert await claimed(make, new) == []
    assert await claimed(make, old) == [run]


async def test_a_replay_from_a_stored_state_is_kept_as_that_is(
    make: Make, clock: FakeClock, old: Worker, new: Worker
):
    run = await park(make, clock, old)
    changes = ReplayRun(begin=RestoreFrom(snapshot="1"))
    replay = (await make.engine.replays.replay(make.environment, run, changes)).id
    of_old = (await make.engine.replays.replay(make.environment, run, ReplayRun())).id

    assert await claimed(make, new) == [of_old]
    assert await claimed(make, old) == [replay]


async def child(make: Make, **options: Any) -> str:
    """Trigger a child that its parent waits for."""
    parent = await make.trigger(delay="1h")
    return await make.trigger(
        parent_run_id=parent, resume_parent_on_completion=True, lock_to_version=VERSION, **options
    )


@pytest.mark.parametrize("delay", [None, "30s"])
async def test_a_child_in_line_is_not_kept_for_a_version_that_is_gone(
    make: Make, clock: FakeClock, old: Worker, new: Worker, delay: str | None
):
    run = await child(make, lock_with_parent=True, delay=delay)
    await make.engine.workers.disconnect(make.environment, old.id)
    clock.forward("59s")
    await make.engine.timers.run_once()
    await make.engine.versions.run_once()
    early = await claimed(make, new)

    clock.forward("1s")
    await make.engine.versions.run_once()

    assert (early, await claimed(make, new)) == ([], [run])
    assert await make.engine.resources.db.read(counts.lanes_true) == {}


async def test_a_child_whose_version_was_chosen_is_kept_for_it(
    make: Make, clock: FakeClock, old: Worker, new: Worker
):
    run = await child(make)
    await minute(make, clock, new)
    await minute(make, clock, new)

    assert await claimed(make, new) == []
    assert await claimed(make, await make.worker(current=False)) == [run]


async def test_a_parked_child_goes_on_with_any_too(make: Make, clock: FakeClock, old: Worker, new: Worker):
    run = await child(make, lock_with_parent=True)
    (held,) = await make.claim(old)
    until = to_datetime(clock.now()) + timedelta(minutes=1)
    wait = Wait(kind=WaitKind.TIME, subject="a minute", until=until)
    await make.report(old, Parked(run_id=run, fence=held.fence, snapshot=STATE, waits=[wait]))
    await minute(make, clock, new)

    assert await claimed(make, new) == [run]


async def test_in_dev_any_version_goes_on(engine: Engine, clock: FakeClock):
    make = await Make.begin(engine, type="dev")
    old = await make.worker(version=VERSION)
    run = await park(make, clock, old)
    new = await make.worker(version=NEXT)
    await minute(make, clock, old, new)

    assert await claimed(make, new) == [run]
