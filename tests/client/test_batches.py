"""Batches with both clients, against a real server."""

from collections.abc import Iterator
from typing import Any

import pytest

from perdure import BadOption, NotFound, UnknownOption
from perdure.core.errors import TooLarge
from perdure.wire.batches import BatchStatus
from tests.client.conftest import HandWorker, each, got


def items(task: str, count: int, **options: Any) -> Iterator[dict[str, Any]]:
    return ({"task": task, "payload": {"n": n}, "options": options} for n in range(count))


async def test_a_batch_is_triggered_run_and_read(client: Any, task_id: str, hand: HandWorker):
    (made,) = await got(client.batches.trigger(items(task_id, 2)))
    assert (made.run_count, made.is_cached) == (2, False)
    found = await got(client.batches.retrieve(made.id))
    assert (found.status, found.tasks) == (BatchStatus.PROCESSING, [task_id, task_id])

    for output in ("1", "2"):
        await hand.succeed(output)
    results = await each(client.batches.results(made.id, timeout="30s"))
    assert [(item.index, item.ok, item.output) for item in results] == [(0, True, "1"), (1, True, "2")]
    assert [item.id for item in results] == found.runs


async def test_a_batch_whose_runs_have_not_ended_in_time(client: Any, task_id: str):
    (made,) = await got(client.batches.trigger(items(task_id, 1, delay="1h")))

    with pytest.raises(TimeoutError, match=f"Batch {made.id} has not ended within 0.05; it goes on"):
        await each(client.batches.results(made.id, timeout=0.05))
    assert await got(client.batches.cancel(made.id)) == 1


async def test_a_key_gives_the_same_batch_and_runs(client: Any, task_id: str):
    key = f"key of {task_id}"
    made = [
        (await got(client.batches.trigger(items(task_id, 2, delay="1h"), idempotency_key=key)))[0]
        for _ in range(2)
    ]

    assert made[0].id == made[1].id
    assert [batch.is_cached for batch in made] == [False, True]


async def test_more_than_a_thousand_items_are_several_batches(client: Any, task_id: str):
    made = await got(client.batches.trigger(items(task_id, 1_200, delay="1h")))

    assert [batch.run_count for batch in made] == [1_000, 200]


@pytest.mark.parametrize(
    ("item", "error", "message"),
    [
        (
            {"task": "t", "options": {"delai": "1h"}},
            UnknownOption,
            "Item 0: There is no option delai; did you",
        ),
        ({"task": "t", "options": {"max_attempts": 0}}, BadOption, "Item 0: Option max_attempts can't be 0"),
        (
            {"task": "t", "payloads": 1},
            UnknownOption,
            "Item 0: There is no option payloads; did you mean payl",
        ),
        ({"payload": 1}, BadOption, "Item 0: Option item can't be {'payload': 1}; it takes a mapping with a"),
        ("t", BadOption, "Item 0: Option item can't be 't'"),
        (
            {"task": "t", "payload": "x" * 3_200_000},
            TooLarge,
            "Item 0: The item is 32001.. bytes; the limit",
        ),
    ],
)
async def test_a_malformed_item_is_named(client: Any, item: Any, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        await got(client.batches.trigger([item]))


async def test_a_batch_that_is_not_there(client: Any):
    for ask in (client.batches.retrieve, client.batches.cancel):
        with pytest.raises(NotFound, match="There is no batch batch_x"):
            await got(ask("batch_x"))
    with pytest.raises(NotFound, match="There is no batch batch_x"):
        await each(client.batches.results("batch_x"))
