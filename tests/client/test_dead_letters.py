"""Dead letters in both clients, against a real server."""

from typing import Any

import pytest

from perdure.core.errors import BadOption, NotFound
from perdure.wire import workers
from perdure.wire.values import RunError
from tests.client.conftest import HandWorker, each, got


async def dead(client: Any, hand: HandWorker, task: str) -> str:
    """Let a run fail for good."""
    await got(client.trigger(task, {"n": 1}))
    run = await hand.claim()
    error = RunError(type="BUILT_IN_ERROR", name="ValueError", message="no luck")
    skip = workers.RetryChoice(skip=True)
    await hand.report(workers.Failed(run_id=run.run_id, fence=run.fence, error=error, retry=skip))
    return run.run_id


async def test_letters_are_listed_redriven_and_discarded(client: Any, task_id: str):
    hand = await HandWorker(client, task_id, dead_letters=True).connect()
    first, second = [await dead(client, hand, task_id) for _ in range(2)]

    assert [one.run for one in await each(client.dead_letters.list(task=task_id, size=1))] == [second, first]
    made = await got(client.dead_letters.redrive(first))
    assert (await got(client.runs.retrieve(made[first]))).replay_of == first
    assert (await got(client.dead_letters.retrieve(first))).redriven_as == made[first]
    assert await got(client.dead_letters.discard(all=True, task=[task_id], status="FAILED")) == 1
    assert (await got(client.dead_letters.page(task=task_id))).data == []
    with pytest.raises(NotFound):
        await got(client.dead_letters.retrieve(second))


async def test_it_must_be_said_which(client: Any):
    with pytest.raises(BadOption, match="the ids of their runs, or all=True"):
        await got(client.dead_letters.redrive())
    with pytest.raises(BadOption, match="by their runs or by filters, not both"):
        await got(client.dead_letters.discard("run_x", task="t"))
    with pytest.raises(BadOption, match="it takes CRASHED, FAILED"):
        await got(client.dead_letters.page(status="COMPLETED"))
