"""Batches: made in two steps, streamed more than once, and always over in the end."""

import asyncio
import base64
import json
from typing import Any

import pytest

from perdure.core.errors import BadOption, BatchClosed, NotFound, TokenUsed, Unprocessable
from perdure.engine.batches import Added, Refused, status_of
from perdure.engine.drafts import OneTimeToken
from perdure.store import batches, retention
from perdure.store.rows import Worker
from perdure.testing.clock import FakeClock
from perdure.wire.batches import BatchItem, BatchStatus, CreateBatch
from perdure.wire.runs import TriggerOptions
from perdure.wire.waits import Answer, Wait, WaitKind
from perdure.wire.workers import Assignment, Parked, Pinned, PollRuns, RetryChoice
from tests.support.make import TASK, Make, manifest

STATE = base64.b64encode(b"a coroutine").decode()


def item(index: int, *, task: str = TASK, **options: Any) -> BatchItem:
    return BatchItem(index=index, task=task, payload={"n": index}, options=TriggerOptions(**options))


async def create(make: Make, count: int, **fields: Any) -> str:
    made = await make.engine.batches.create(make.environment, CreateBatch(run_count=count, **fields))
    return made.batch.id


async def add(make: Make, batch: str, *items: BatchItem | Refused) -> Added:
    return await make.engine.batches.add(make.environment, batch, items)


async def batch_of(make: Make, *items: BatchItem | Refused, **fields: Any) -> str:
    batch = await create(make, len(items), **fields)
    await add(make, batch, *items)
    return batch


async def runs_of(make: Make, batch: str) -> list[str | None]:
    return [one.run for one in (await make.engine.batches.get(make.environment, batch)).items]


async def status(make: Make, batch: str) -> BatchStatus:
    return status_of((await make.engine.batches.get(make.environment, batch)).batch)


async def settle(make: Make) -> None:
    """Let what goes on by itself happen."""
    while await make.engine.batch_watch.run_once() + await make.engine.timers.run_once():
        pass


async def succeed_all(make: Make, worker: Worker) -> None:
    for held in await make.claim(worker, 100):
        await make.succeed(worker, held, json.dumps(held.run_id))
    await settle(make)


async def parked_on(make: Make, worker: Worker, *subjects: str) -> Assignment:
    """Park the run that is first in line, to wait for batches."""
    (held,) = await make.claim(worker)
    waits = [Wait(kind=WaitKind.BATCH, subject=subject) for subject in subjects]
    await make.report(worker, Parked(run_id=held.run_id, fence=held.fence, snapshot=STATE, waits=waits))
    return held


async def answers(make: Make, worker: Worker) -> list[Answer]:
    """Return what the run that goes on next is told."""
    (held,) = await make.claim(worker)
    return held.answers


async def test_a_batch_goes_from_its_first_item_to_its_last_run(make: Make):
    worker = await make.worker()
    batch = await create(make, 2)
    assert await status(make, batch) is BatchStatus.PENDING

    first = await add(make, batch, item(1))
    assert (first.accepted, first.known, first.batch.sealed_at) == (1, 0, None)
    await add(make, batch, item(0))
    await settle(make)
    assert await status(make, batch) is BatchStatus.PROCESSING
    assert [held.payload for held in await make.claim(worker, 0)] == []

    await succeed_all(make, worker)
    assert await status(make, batch) is BatchStatus.COMPLETED
    page = await make.engine.batches.results(make.environment, batch, after=-1, size=10, wait=0)
    assert page is not None
    assert [result.output for result in page.results] == [
        json.dumps(run) for run in await runs_of(make, batch)
    ]


async def test_runs_of_a_batch_know_it(make: Make):
    await make.worker()
    batch = await batch_of(make, item(0), item(1))

    rows = [await make.row(run or "") for run in await runs_of(make, batch)]
    assert [row.batch for row in rows] == [batch, batch]


async def test_a_stream_that_is_sent_again_makes_no_run_twice(make: Make):
    await make.worker()
    batch = await create(make, 4)

    await add(make, batch, item(0), item(1))
    again = await add(make, batch, item(0), item(1), item(2))
    assert (again.accepted, again.known, again.batch.sealed_at) == (1, 2, None)
    last = await add(make, batch, *map(item, range(4)))
    assert (last.accepted, last.known) == (1, 3)
    assert last.batch.sealed_at is not None
    after = await add(make, batch, *map(item, range(4)))
    assert (after.accepted, after.known, after.batch.sealed_at) == (0, 0, last.batch.sealed_at)
    runs = await runs_of(make, batch)
    assert len(set(runs)) == len(runs) == 4


async def test_a_stream_that_is_sent_twice_at_once_makes_no_run_twice(make: Make):
    await make.worker()
    batch = await create(make, 20)

    both = await asyncio.gather(*(add(make, batch, *map(item, range(20))) for _ in range(4)))
    assert sum(one.accepted for one in both) == 20
    assert len(set(await runs_of(make, batch))) == 20


async def test_an_index_that_comes_twice_in_one_group_counts_once(make: Make):
    await make.worker()
    batch = await create(make, 2)

    added = await add(make, batch, item(0), item(0))
    assert (added.accepted, added.batch.sealed_at) == (1, None)


async def test_an_index_beyond_the_count_is_named_and_nothing_is_added(make: Make):
    batch = await create(make, 2)

    with pytest.raises(Unprocessable, match="Item 2 is one too many: the batch was made for 2, with indexes"):
        await add(make, batch, item(0), item(2))
    assert await runs_of(make, batch) == []


async def test_items_of_no_batch_are_refused(make: Make):
    with pytest.raises(Unprocessable, match="There is no batch batch_x in this environment"):
        await add(make, "batch_x", item(0))
    with pytest.raises(NotFound, match="no batch batch_x"):
        await make.engine.batches.get(make.environment, "batch_x")


async def test_a_batch_of_another_environment_is_not_there(make: Make):
    batch = await create(make, 1)
    other = await make.another_environment()

    with pytest.raises(NotFound):
        await make.engine.batches.get(other, batch)
    with pytest.raises(Unprocessable):
        await make.engine.batches.add(other, batch, [item(0)])


async def test_an_item_that_cannot_be_triggered_leaves_the_others(make: Make):
    worker = await make.worker()
    batch = await batch_of(make, item(0), item(1, delay="soon"), item(2, lock_to_version="20250101.9"))

    view = await make.engine.batches.get(make.environment, batch)
    assert [one.error_code for one in view.items] == [None, "bad_option", "bad_option"]
    assert "Option delay can't be 'soon'" in (view.items[1].error or "")
    await succeed_all(make, worker)
    assert await status(make, batch) is BatchStatus.PARTIAL_FAILED


async def test_a_batch_of_which_nothing_can_be_triggered_is_over_at_once(make: Make):
    await make.worker()
    batch = await batch_of(make, Refused(0, TASK, "too large", "PAYLOAD_TOO_LARGE"), item(1, delay="soon"))

    await settle(make)
    assert await status(make, batch) is BatchStatus.ABORTED
    page = await make.engine.batches.results(make.environment, batch, after=-1, size=10, wait=0)
    assert page is not None
    assert [result.error_code for result in page.results] == ["PAYLOAD_TOO_LARGE", "bad_option"]


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
    assert told.error.name == "BatchAborted"
    with pytest.raises(BatchClosed, match="was given up with 1 of its 2 items: the rest did not come"):
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


async def test_children_know_their_parent_and_that_it_waits(make: Make):
    worker = await make.worker()
    await make.trigger()
    (held,) = await make.claim(worker)
    batch = await batch_of(make, item(0), parent_run_id=held.run_id, resume_parent_on_completion=True)

    row = await make.row((await runs_of(make, batch))[0] or "")
    assert (row.parent, row.root, row.depth, row.waited_by_parent) == (held.run_id, held.run_id, 1, 1)


async def test_a_parent_that_does_not_exist_is_refused(make: Make):
    with pytest.raises(BadOption, match="parent_run_id"):
        await create(make, 1, parent_run_id="run_x")


async def test_a_key_gives_the_same_batch_for_the_same_tasks(make: Make, clock: FakeClock):
    await make.worker()
    first = await create(make, 1, idempotency_key="k", task_identifiers=["a", "b"])

    wanted = CreateBatch(run_count=1, idempotency_key="k", task_identifiers=["b", "a"])
    again = await make.engine.batches.create(make.environment, wanted)
    assert (again.batch.id, again.is_known) == (first, True)
    assert await create(make, 1, idempotency_key="k", task_identifiers=["a"]) != first
    clock.forward("25h")
    assert await create(make, 1, idempotency_key="k", task_identifiers=["a", "b"]) != first


async def test_a_batch_that_was_given_up_frees_its_key(make: Make, clock: FakeClock):
    first = await create(make, 1, idempotency_key="k")
    clock.forward("31m")
    await settle(make)

    second = await create(make, 1, idempotency_key="k")
    assert second != first
    assert await create(make, 1, idempotency_key="k") == second


async def test_a_request_that_is_sent_twice_makes_one_batch(make: Make):
    wanted = CreateBatch(run_count=1)
    made = [
        await make.engine.batches.create(make.environment, wanted, request_key=key) for key in ("r", "r", "q")
    ]

    assert made[0].batch.id == made[1].batch.id != made[2].batch.id


async def test_many_who_want_one_key_at_once_get_one_batch(make: Make):
    made = await asyncio.gather(*(create(make, 3, idempotency_key="k") for _ in range(8)))

    assert len(set(made)) == 1


async def test_a_one_time_token_makes_one_batch(make: Make, clock: FakeClock):
    token = OneTimeToken("print", clock.now() + 60_000)
    wanted = CreateBatch(run_count=1)

    await make.engine.batches.create(make.environment, wanted, token=token)
    with pytest.raises(TokenUsed):
        await make.engine.batches.create(make.environment, wanted, token=token)


async def test_the_key_of_a_parent_stands_until_a_run_fails(make: Make):
    worker = await make.worker()
    fields = {"implicit_key": "i"}
    first = await batch_of(make, item(0, implicit_key="0"), item(1, implicit_key="1"), **fields)
    assert await create(make, 2, **fields) == first

    one, two = await make.claim(worker, 2)
    await make.succeed(worker, one)
    await make.fail(worker, two, retry=RetryChoice(skip=True))
    await settle(make)
    second = await batch_of(make, item(0, implicit_key="0"), item(1, implicit_key="1"), **fields)
    assert second != first
    before, after = await runs_of(make, first), await runs_of(make, second)
    assert before[0] == after[0]
    assert before[1] != after[1]


async def test_results_come_in_pages(make: Make, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("perdure.engine.batches.PAGE_CHARACTERS", 10)
    worker = await make.worker()
    batch = await batch_of(make, *map(item, range(5)))
    for held, output in zip(await make.claim(worker, 5), ["1", "2" * 8, "3" * 50, "4", "5"], strict=True):
        await make.succeed(worker, held, output)
    await settle(make)

    pages, after, more = [], -1, True
    while more:
        page = await make.engine.batches.results(make.environment, batch, after=after, size=4, wait=0)
        assert page is not None
        pages.append([result.position for result in page.results])
        after, more = pages[-1][-1], page.has_more
    assert pages == [[0, 1], [2], [3, 4]]


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
    assert len(await make.engine.resources.db.transact(retention.forget_runs, **forget)) == 1

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


async def test_batches_of_several_tasks(make: Make):
    await make.worker(manifest("a"), manifest("b"))
    batch = await batch_of(make, item(0, task="a"), item(1, task="b"), item(2, task="unknown"))

    rows = [await make.row(run or "") for run in await runs_of(make, batch)]
    assert [(row.task, row.status) for row in rows] == [
        ("a", "QUEUED"),
        ("b", "QUEUED"),
        ("unknown", "PENDING_VERSION"),
    ]
