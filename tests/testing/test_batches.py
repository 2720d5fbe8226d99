"""Batches in the harness are runs like any others."""

import pytest

from perdure import BatchFailed, Retry, task, wait
from perdure.core.lifecycle import Status
from perdure.testing import Harness

ONCE = Retry(max_attempts=1)


@task(id="testing-batch-item", retry=ONCE)
async def item(number: int, days: int = 0) -> int:
    await wait.for_(days=days)
    if number < 0:
        raise ValueError("below zero")
    return number * 2


@task(id="testing-batch-parent", retry=ONCE)
async def parent(numbers: list[int]) -> list[int | str]:
    results = await item.batch_trigger_and_wait([{"number": n, "days": n} for n in numbers])
    return [result.output if result.ok else str(result.error) for result in results]


@task(id="testing-batch-adds", retry=ONCE)
def adds(numbers: list[int]) -> int:
    return sum(item.batch_trigger_and_wait_sync([{"number": n} for n in numbers]).unwrap())


def test_a_run_waits_for_a_batch_as_bytes(perdure: Harness):
    run = perdure.run(parent, [1, 3])

    assert run.output == [2, 6]
    assert [(one.kind, one.is_parked, one.seconds) for one in run.waits] == [("batch", True, 3 * 86_400)]
    assert [child.payload for child in run.children] == [{"number": 1, "days": 1}, {"number": 3, "days": 3}]


def test_a_failed_item_is_told_beside_the_others(perdure: Harness):
    perdure.stub(item, lambda number, days: number)
    run = perdure.run(parent, [5, 7])
    assert run.output == [5, 7]

    perdure.stub(item, raises=ConnectionError("gone"))
    (told,) = perdure.run(parent, [5]).output

    assert "FAILED: ConnectionError: gone" in str(told)


def test_a_plain_task_waits_for_a_batch_too(perdure: Harness):
    assert perdure.run(adds, [1, 2]).output == 6

    run = perdure.run(adds, [1, -2])
    assert isinstance(run.error, BatchFailed)


async def test_code_under_test_triggers_batches(perdure: Harness):
    handle = await item.batch_trigger([{"number": 1}, item.item(2).options(tags=["b"]), {"number": -1}])

    results = await handle.results()

    assert [result.ok for result in results] == [True, True, False]
    assert [run.tags for run in perdure.runs] == [[], ["b"], []]
    assert (await handle.retrieve()).status == "COMPLETED"
    with pytest.raises(BatchFailed, match="item 2"):
        results.unwrap()


async def test_a_batch_is_canceled(perdure: Harness):
    handle = await item.batch_trigger([{"number": 1, "days": 1}, {"number": 2, "days": 2}])
    await perdure.advance("1d")

    assert await handle.cancel() == 1
    assert [run.status for run in perdure.runs] == [Status.COMPLETED, Status.CANCELED]


def test_a_key_stands_for_the_whole_batch(perdure: Harness):
    first = item.options(idempotency_key="k").batch_trigger_sync([{"number": 1}])
    again = item.options(idempotency_key="k").batch_trigger_sync([{"number": 1}])

    assert first.ids == again.ids
    assert len(perdure.runs) == 1
