"""Rates of queues: what they give, when, and to whom."""

import asyncio

import pytest

from perdure.engine.engine import Engine
from perdure.engine.queues import define
from perdure.store import counts, queues
from perdure.testing.clock import FakeClock
from perdure.wire.manifests import QueueManifest, Rate
from tests.engine.queueing import MAIL, mail, trigger, wait_for
from tests.support.make import Make, manifest


async def test_a_rate_gives_one_run_in_each_interval(make: Make, clock: FakeClock):
    worker = await mail(make, rate_limit=Rate(limit=2, period_ms=60_000))
    await trigger(make, 4)

    assert len(await make.claim(worker, 10)) == 1
    clock.forward(29.999)
    assert await make.claim(worker, 10) == []
    clock.forward(0.001)
    assert len(await make.claim(worker, 10)) == 1


async def test_a_burst_is_given_at_once_after_a_quiet_time(make: Make, clock: FakeClock):
    worker = await mail(make, rate_limit=Rate(limit=60, period_ms=60_000, burst=5))
    await trigger(make, 12)

    assert len(await make.claim(worker, 10)) == 5
    clock.forward("2s")
    assert len(await make.claim(worker, 10)) == 2
    clock.forward("1h")
    assert len(await make.claim(worker, 10)) == 5


async def test_a_fast_rate_gives_what_comes_in_a_tenth_of_a_second(make: Make, clock: FakeClock):
    worker = await mail(make, rate_limit=Rate(limit=1000, period_ms=1000))
    await trigger(make, 150)

    assert len(await make.claim(worker, 500)) == 100
    clock.forward("10ms")
    assert len(await make.claim(worker, 500)) == 10


async def test_each_key_has_the_rate_for_itself(make: Make, clock: FakeClock, engine: Engine):
    worker = await mail(make, rate_limit=Rate(limit=1, period_ms=10_000, per_key=True))
    for key in ("ada", "bob"):
        await trigger(make, 2, key=key)

    assert {held.concurrency_key for held in await make.claim(worker, 10)} == {"ada", "bob"}
    assert await make.claim(worker, 10) == []
    clock.forward("10s")
    assert await engine.rates.run_once() == 2
    assert {held.concurrency_key for held in await make.claim(worker, 10)} == {"ada", "bob"}


@pytest.mark.parametrize("per_key", [False, True])
async def test_a_poll_that_waits_gets_a_run_when_the_rate_gives_it(
    make: Make, clock: FakeClock, per_key: bool
):
    worker = await mail(make, rate_limit=Rate(limit=1, period_ms=10_000, per_key=per_key))
    await trigger(make, 2, key="ada")
    assert len(await make.claim(worker, 2)) == 1
    poll = asyncio.create_task(make.wait_for_runs(worker))
    assert await make.claim(worker) == []

    clock.forward("10s")
    await make.engine.rates.run_once()

    assert len(await poll) == 1


async def test_a_run_that_comes_when_the_rate_is_used_up_is_not_forgotten(
    make: Make, clock: FakeClock, engine: Engine
):
    worker = await mail(make, rate_limit=Rate(limit=1, period_ms=10_000))
    await trigger(make, 1)
    assert len(await make.claim(worker)) == 1
    assert await engine.resources.db.read(queues.next_opening) is None

    await trigger(make, 1)
    assert await make.claim(worker) == []

    assert await engine.resources.db.read(queues.next_opening) == clock.now() + 10_000


async def test_a_run_that_goes_on_passes_by_the_rate_and_is_not_charged(make: Make, clock: FakeClock):
    worker = await mail(make, rate_limit=Rate(limit=1, period_ms=60_000, per_key=True))
    await make.version(manifest("child"), version="20260101.2", current=False)
    other = await make.worker(manifest("child"), version="20260101.2", current=False)
    await trigger(make, 2)
    (parent,) = await make.claim(worker)
    child = await make.trigger("child", lock_to_version="20260101.2")
    await wait_for(make, worker, parent, child)
    assert await make.claim(worker) == []

    (held,) = await make.claim(other)
    await make.succeed(other, held)
    await make.engine.timers.run_once()

    (back,) = await make.claim(worker, 5)
    assert (back.run_id, back.snapshot_number) == (parent.run_id, 1)
    clock.forward("1m")
    await make.engine.rates.run_once()
    assert len(await make.claim(worker, 5)) == 1


async def test_each_attempt_is_charged(make: Make, clock: FakeClock):
    worker = await mail(make, rate_limit=Rate(limit=1, period_ms=60_000))
    await trigger(make, 1)
    (held,) = await make.claim(worker)
    await make.fail(worker, held)
    clock.forward("10s")
    await make.engine.timers.run_once()

    assert await make.claim(worker) == []
    clock.forward("50s")
    assert len(await make.claim(worker)) == 1


async def test_a_rate_of_a_key_is_remembered_when_its_pool_is_idle(
    make: Make, clock: FakeClock, engine: Engine
):
    worker = await mail(make, rate_limit=Rate(limit=1, period_ms=60_000, per_key=True))
    await trigger(make, 1, key="ada")
    (held,) = await make.claim(worker)
    await make.succeed(worker, held)

    await engine.reconcile.run_once()
    await trigger(make, 1, key="ada")
    assert await make.claim(worker) == []
    await engine.reconcile.run_once()
    assert await make.claim(worker) == []

    clock.forward("1m")
    await engine.rates.run_once()
    assert len(await make.claim(worker)) == 1
    clock.forward("1m")
    await engine.reconcile.run_once()
    assert len(await engine.resources.db.read(counts.pools_cached)) == 2  # its slot is held


async def test_a_changed_rate_counts_at_once(make: Make, engine: Engine):
    worker = await mail(make, rate_limit=Rate(limit=1, period_ms=3_600_000, per_key=True))
    await trigger(make, 3, key="ada")
    assert len(await make.claim(worker, 5)) == 1

    await engine.resources.db.transact(define, make.environment.id, [QueueManifest(name=MAIL)], 0)

    assert len(await make.claim(worker, 5)) == 2
