"""The ends of batches: whatever becomes of their runs, they are over, and whoever waits goes on."""

import asyncio

import pytest

from perdure.core.errors import BatchClosed, NotFound
from perdure.store import batches, retention
from perdure.testing.clock import FakeClock
from perdure.wire.batches import BatchStatus
from perdure.wire.waits import Wait, WaitKind
from perdure.wire.workers import Parked, Pinned, PollRuns, RetryChoice
from tests.engine.batching import (
    STATE,
    add,
    answers,
    batch_of,
    create,
    item,
    parked_on,
    runs_of,
    settle,
    status,
    succeed_all,
)
from tests.support.make import Make


async def test_a_parent_goes_on_when_all_runs_have_ended(make: Make):
    worker = await make.worker()
    await make.trigger(priority=1000)
    batch = await batch_of(make, *map(item, range(3)))
    await parked_on(make, worker, batch)
    await settle(make)

    for _ in range(3):
        (held,) = await make.claim(worker)
        assert held.answers == []
        await make.succeed(worker, held)
        await settle(make)
    (answer,) = await answers(make, worker)
    assert (answer.kind, answer.subject, answer.error) == (WaitKind.BATCH, batch, None)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (1, 3, 0, 2)])
async def test_the_order_in_which_runs_end_makes_no_difference(make: Make, order: tuple[int, ...]):
    worker = await make.worker()
    await make.trigger(priority=1000)
    batch = await batch_of(make, *map(item, range(4)))
    await parked_on(make, worker, batch)
    held = {one.run_id: one for one in await make.claim(worker, 4)}
    runs = await runs_of(make, batch)

    for position in order:
        assert await status(make, batch) is BatchStatus.PROCESSING
        await make.succeed(worker, held[runs[position] or ""])
        await settle(make)
    assert await status(make, batch) is BatchStatus.COMPLETED
    assert len(await answers(make, worker)) == 1


async def test_runs_that_end_in_every_way_end_the_batch(make: Make, clock: FakeClock):
    worker = await make.worker()
    await make.trigger(priority=1000)
    options = [{}, {}, {}, {"ttl": "1s"}, {"delay": "1h"}]
    batch = await batch_of(make, *(item(n, **more) for n, more in enumerate(options)))
    await parked_on(make, worker, batch)
    runs = [run or "" for run in await runs_of(make, batch)]
    held = await make.claim(worker, 3)

    await make.succeed(worker, held[0])
    await make.fail(worker, held[1], retry=RetryChoice(skip=True))
    await make.engine.cancel.cancel(make.environment, runs[2])
    clock.forward("2s")
    await settle(make)
    assert await status(make, batch) is BatchStatus.PROCESSING
    await make.engine.cancel.cancel(make.environment, runs[4])
    await settle(make)

    assert [await make.status(run) for run in runs] == [
        "COMPLETED",
        "FAILED",
        "CANCELED",
        "EXPIRED",
        "CANCELED",
    ]
    assert len(await answers(make, worker)) == 1


async def test_the_same_key_twice_in_one_batch_is_one_run_and_the_batch_ends(make: Make):
    worker = await make.worker()
    await make.trigger(priority=1000)
    batch = await batch_of(make, *(item(n, idempotency_key="same") for n in range(3)))
    await parked_on(make, worker, batch)
    assert len(set(await runs_of(make, batch))) == 1

    await succeed_all(make, worker)
    assert len(await answers(make, worker)) == 1


async def test_runs_that_were_there_before_count(make: Make):
    """One that has ended, one that has not and is of another batch, and one that is waited for alone."""
    worker = await make.worker()
    await make.trigger(priority=1000)
    ended = await make.trigger(idempotency_key="ended", priority=500)
    assert (await make.row(ended)).place is not None
    first = await batch_of(make, item(0, idempotency_key="shared"), item(1))
    await make.trigger(idempotency_key="awaited")
    second = await batch_of(
        make,
        item(0, idempotency_key="ended"),
        item(1, idempotency_key="awaited"),
        item(2, idempotency_key="shared"),
    )
    await parked_on(make, worker, first, second)
    (held,) = await make.claim(worker)
    assert held.run_id == ended
    await make.succeed(worker, held)
    await settle(make)
    assert {await status(make, first), await status(make, second)} == {BatchStatus.PROCESSING}

    await succeed_all(make, worker)
    await succeed_all(make, worker)
    assert {await status(make, first), await status(make, second)} == {BatchStatus.COMPLETED}


async def test_a_run_that_another_waits_for_does_not_hide_those_after_it(make: Make):
    """Its end has the batch looked at, though it is not the one that is watched."""
    worker = await make.worker()
    await make.trigger(priority=1000)
    batch = await batch_of(make, *map(item, range(3)))
    first = (await runs_of(make, batch))[0] or ""
    (held,) = await make.claim(worker)
    wait = Wait(kind=WaitKind.RUN, subject=first)
    await make.report(worker, Parked(run_id=held.run_id, fence=held.fence, snapshot=STATE, waits=[wait]))
    await settle(make)

    (child,) = await make.claim(worker)
    assert child.run_id == first
    await make.succeed(worker, child)
    await settle(make)
    assert await status(make, batch) is BatchStatus.PROCESSING


async def test_a_batch_that_is_over_when_its_parent_parks_wakes_it(make: Make):
    worker = await make.worker()
    batch = await batch_of(make, item(0))
    await succeed_all(make, worker)
    await make.trigger()

    await parked_on(make, worker, batch)
    await settle(make)
    assert [answer.subject for answer in await answers(make, worker)] == [batch]


async def test_a_parent_that_waits_in_memory_is_told(make: Make):
    worker = await make.worker()
    await make.trigger(priority=1000)
    batch = await batch_of(make, item(0))
    (held,) = await make.claim(worker)
    wait = Wait(kind=WaitKind.BATCH, subject=batch)
    ref = {"run_id": held.run_id, "fence": held.fence}
    await make.report(worker, Pinned(**ref, waits=[wait], reason="a socket"))
    await succeed_all(make, worker)

    command = PollRuns(worker_id=worker.id, slots=0, wait=0)
    (wake,) = (await make.engine.dequeue.poll(make.environment, command)).wakes
    assert [answer.subject for answer in wake.answers] == [batch]


async def test_a_batch_whose_items_never_all_come_is_given_up(make: Make, clock: FakeClock):
    worker = await make.worker()
    await make.trigger(priority=1000)
    batch = await create(make, 2)
    await add(make, batch, item(0))
    await parked_on(make, worker, batch)
    clock.forward("29m")
    await settle(make)
    assert await status(make, batch) is BatchStatus.PENDING

    clock.forward("1m")
    await settle(make)
    assert await status(make, batch) is BatchStatus.ABORTED
    held = {one.run_id: one for one in await make.claim(worker, 5)}
    (told,) = [answer for one in held.values() for answer in one.answers]
    assert told.error is not None
    assert told.error.name == "BatchClosed"
    with pytest.raises(BatchClosed, match="was given up with 1 of 2 items: the rest did not come"):
        await add(make, batch, item(1))
    assert len(held) == 2  # the run that came goes on


async def test_the_alarm_of_a_batch_that_is_sealed_is_void(make: Make, clock: FakeClock):
    await make.worker()
    batch = await batch_of(make, item(0))

    clock.forward("31m")
    await settle(make)
    assert await status(make, batch) is not BatchStatus.ABORTED


async def test_cancel_ends_all_runs_of_a_batch_and_what_they_triggered(make: Make):
    worker = await make.worker()
    batch = await batch_of(make, item(0), item(1))
    (held,) = await make.claim(worker)
    child = await make.trigger(parent_run_id=held.run_id)

    canceled = await make.engine.batches.cancel(make.environment, batch)
    assert len(canceled) == 3
    assert await make.status(child) == "CANCELED"
    await settle(make)
    assert await status(make, batch) is BatchStatus.COMPLETED
    assert await make.engine.batches.cancel(make.environment, batch) == []


async def test_cancel_gives_up_a_batch_whose_items_are_still_coming(make: Make):
    await make.worker()
    batch = await create(make, 2)
    await add(make, batch, item(0))

    assert len(await make.engine.batches.cancel(make.environment, batch)) == 1
    assert await status(make, batch) is BatchStatus.ABORTED


async def test_whoever_wants_results_can_wait_for_them(make: Make):
    worker = await make.worker()
    batch = await batch_of(make, item(0))
    results = make.engine.batches.results
    assert await results(make.environment, batch, after=-1, size=10, wait=0) is None

    waiting = asyncio.create_task(results(make.environment, batch, after=-1, size=10, wait=30))
    await succeed_all(make, worker)
    page = await waiting
    assert page is not None
    assert page.results[0].status == "COMPLETED"


async def test_batches_are_forgotten_with_the_runs_of_their_time(make: Make, clock: FakeClock):
    worker = await make.worker()
    batch = await batch_of(make, item(0))
    kept = await create(make, 1)
    await succeed_all(make, worker)
    clock.forward("91d")
    young = await batch_of(make, item(0))

    before = clock.now() - 90 * 86_400_000
    assert await make.engine.resources.db.transact(batches.forget, before=before, limit=10) == 1
    with pytest.raises(NotFound):
        await make.engine.batches.get(make.environment, batch)
    for other in (kept, young):
        await make.engine.batches.get(make.environment, other)


async def test_a_run_that_was_forgotten_does_not_hold_up_its_batch(make: Make, clock: FakeClock):
    worker = await make.worker()
    batch = await batch_of(make, item(0), item(1, delay="100d"))
    await succeed_all(make, worker)
    clock.forward("95d")
    before = clock.now() - 90 * 86_400_000
    forget = {"before": before, "now": clock.now(), "after": "", "limit": 10}
    forgotten = await make.engine.resources.db.transact(retention.forget_runs, **forget)
    assert len(forgotten.runs) == 1

    clock.forward("6d")
    await settle(make)
    await make.worker()
    await succeed_all(make, worker)
    assert await status(make, batch) is BatchStatus.COMPLETED


async def test_one_run_of_a_batch_is_watched_and_no_other(make: Make):
    worker = await make.worker()
    batch = await batch_of(make, *map(item, range(4)))
    await settle(make)
    runs = [run or "" for run in await runs_of(make, batch)]
    assert [(await make.row(run)).is_awaited for run in runs] == [0, 0, 0, 1]

    held = {one.run_id: one for one in await make.claim(worker, 4)}
    await make.succeed(worker, held[runs[0]])
    assert await make.engine.resources.db.transact(batches.take_looks, limit=10) == []
