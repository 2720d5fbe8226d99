"""Batches: made in two steps, streamed more than once, under keys, and read."""

import asyncio
import json

import pytest

from perdure.core.errors import BadOption, NotFound, TokenUsed, Unprocessable
from perdure.engine.batches import Refused
from perdure.engine.drafts import OneTimeToken
from perdure.testing.clock import FakeClock
from perdure.wire.batches import BatchStatus, CreateBatch
from perdure.wire.workers import RetryChoice
from tests.engine.batching import (
    add,
    batch_of,
    create,
    item,
    runs_of,
    settle,
    status,
    succeed_all,
)
from tests.support.make import TASK, Make, manifest


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


async def test_batches_of_several_tasks(make: Make):
    await make.worker(manifest("a"), manifest("b"))
    batch = await batch_of(make, item(0, task="a"), item(1, task="b"), item(2, task="unknown"))

    rows = [await make.row(run or "") for run in await runs_of(make, batch)]
    assert [(row.task, row.status) for row in rows] == [
        ("a", "QUEUED"),
        ("b", "QUEUED"),
        ("unknown", "PENDING_VERSION"),
    ]
