"""A run that is put first in its queue."""

import pytest

from perdure.core.errors import NotFound, Unprocessable
from perdure.core.lifecycle import Status
from perdure.store.rows import Worker
from perdure.wire.manifests import QueueManifest
from tests.support.make import Make, manifest

SHARED = QueueManifest(name="shared", concurrency_limit=2)


@pytest.fixture
async def worker(make: Make) -> Worker:
    return await make.worker(manifest("a", queue=SHARED), manifest("b", queue=SHARED))


async def bump(make: Make, run: str) -> None:
    await make.engine.bumps.bump(make.environment, run)


async def next_run(make: Make, worker: Worker) -> str:
    (held,) = await make.claim(worker)
    return held.run_id


async def test_it_goes_before_all_of_its_queue(make: Make, worker: Worker):
    first, second = await make.trigger("a"), await make.trigger("a", priority=1000)
    of_b = await make.trigger("b")
    last = await make.trigger("a")

    await bump(make, last)
    assert await next_run(make, worker) == last
    await bump(make, of_b)
    assert await next_run(make, worker) == of_b

    assert [await make.status(run) for run in (first, second)] == [Status.QUEUED, Status.QUEUED]
    assert await make.claim(worker) == []  # the limit holds all the same


async def test_the_last_bumped_is_the_first(make: Make, worker: Worker):
    runs = [await make.trigger("a") for _ in range(3)]
    for run in runs:
        await bump(make, run)
        await bump(make, run)

    assert await next_run(make, worker) == runs[2]
    assert await next_run(make, worker) == runs[1]


async def test_its_key_has_the_next_turn(make: Make, worker: Worker):
    keys = [f"k{number}" for number in range(5)]
    runs = {key: [await make.trigger("a", concurrency_key=key) for _ in range(3)] for key in keys}
    for key in [*keys, *reversed(keys)]:
        last = runs[key].pop()
        await bump(make, last)
        assert await next_run(make, worker) == last


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (Status.DELAYED, r"it is delayed until .*reschedule"),
        (Status.PENDING_VERSION, "no worker knows task"),
        (Status.EXECUTING, "it is EXECUTING, so it has begun"),
        (Status.COMPLETED, "it has ended as COMPLETED; `perdure runs replay"),
    ],
)
async def test_one_that_does_not_stand_in_line_is_told_where_it_is(make: Make, status: Status, told: str):
    run = await make.run(status=status)

    with pytest.raises(Unprocessable, match=rf"Run {run.id} can't be put first: {told}"):
        await bump(make, run.id)


async def test_one_in_back_off_is_told_until_when(make: Make, worker: Worker):
    run = await make.trigger("a")
    (held,) = await make.claim(worker)
    await make.fail(worker, held)

    with pytest.raises(Unprocessable, match=r"waits for its next attempt until 2026-01-01 00:00:01 UTC"):
        await bump(make, run)


async def test_there_must_be_one(make: Make):
    with pytest.raises(NotFound):
        await bump(make, "run_x")
