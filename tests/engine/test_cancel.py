"""Canceling, wherever a run is in its life."""

import pytest

from perdure.core.errors import NotFound
from perdure.core.lifecycle import FINAL, Status
from perdure.engine.engine import Engine
from perdure.testing.clock import FakeClock
from perdure.wire.workers import Canceled, PollRuns
from tests.support.make import Make, manifest

LIVE = [
    Status.PENDING_VERSION,
    Status.DELAYED,
    Status.QUEUED,
    Status.DEQUEUED,
    Status.EXECUTING,
]
MADE = [status for status in FINAL if status not in (Status.CANCELED, Status.EXPIRED)]


@pytest.mark.parametrize("status", LIVE)
async def test_a_run_that_lives_is_canceled_at_once(
    engine: Engine, make: Make, clock: FakeClock, status: Status
):
    run = (await make.run(status=status)).id
    now = clock.forward("1m")

    assert await engine.cancel.cancel(make.environment, run) == [run]

    row = await make.row(run)
    assert (row.status, row.finished_at, row.place, row.lease_until) == ("CANCELED", now, None, None)
    view = await engine.runs.get(make.environment, run)
    assert "TASK_RUN_CANCELLED" in view.packets["error"].data


@pytest.mark.parametrize("status", sorted(MADE))
async def test_a_run_that_has_ended_stays_as_it_is(engine: Engine, make: Make, status: Status):
    run = await make.run(status=status)

    assert await engine.cancel.cancel(make.environment, run.id) == []

    assert await make.row(run.id) == run


async def test_canceling_twice_is_canceling_once(engine: Engine, make: Make, clock: FakeClock):
    run = (await make.run(status=Status.QUEUED)).id
    await engine.cancel.cancel(make.environment, run)
    before = await make.row(run)
    clock.forward("1m")

    assert await engine.cancel.cancel(make.environment, run) == []

    assert await make.row(run) == before


async def test_a_queued_run_that_is_canceled_is_given_to_nobody(engine: Engine, make: Make):
    worker = await make.worker()
    run = await make.trigger()

    await engine.cancel.cancel(make.environment, run)

    assert await make.claim(worker) == []


async def test_a_delayed_run_that_is_canceled_does_not_come_back(
    engine: Engine, make: Make, clock: FakeClock
):
    run = (await make.run(status=Status.DELAYED)).id
    await engine.cancel.cancel(make.environment, run)
    clock.forward("2h")

    await engine.timers.run_once()

    assert await make.status(run) == "CANCELED"


async def test_the_worker_is_told_once_and_what_it_says_no_longer_counts(engine: Engine, make: Make):
    worker = await make.worker()
    run = await make.trigger()
    (held,) = await make.claim(worker)
    await make.start(worker, held)

    await engine.cancel.cancel(make.environment, run)

    poll = PollRuns(worker_id=worker.id, slots=0, wait=0)
    (told,) = (await engine.dequeue.poll(make.environment, poll)).cancels
    assert (told.run_id, told.fence) == (run, held.fence)
    assert (await engine.dequeue.poll(make.environment, poll)).cancels == []
    assert (await make.succeed(worker, held)).code == "canceled"
    assert await make.status(run) == "CANCELED"


async def test_the_attempt_ends_with_the_run_and_the_worker_tells_how_long_it_was(
    engine: Engine, make: Make, clock: FakeClock
):
    worker = await make.worker()
    run = await make.trigger()
    (held,) = await make.claim(worker)
    await make.start(worker, held)
    now = clock.forward(2)
    await engine.cancel.cancel(make.environment, run)

    (attempt,) = (await engine.runs.get(make.environment, run)).attempts
    assert (attempt.status, attempt.finished_at) == ("CANCELED", now)

    await make.report(worker, Canceled(run_id=run, fence=held.fence, duration_ms=1500))

    view = await engine.runs.get(make.environment, run)
    assert (view.attempts[0].status, view.run.active_ms) == ("CANCELED", 1500)


async def test_the_slot_of_a_canceled_run_is_free(engine: Engine, make: Make, clock: FakeClock):
    narrow = manifest()
    narrow = narrow.model_copy(update={"queue": narrow.queue.model_copy(update={"concurrency_limit": 1})})
    worker = await make.worker(narrow)
    first = await make.trigger()
    clock.forward(1)
    second = await make.trigger()
    await make.claim(worker, slots=2)

    await engine.cancel.cancel(make.environment, first)

    assert [held.run_id for held in await make.claim(worker, slots=2)] == [second]


async def test_unfinished_descendants_are_canceled_to_any_depth(engine: Engine, make: Make):
    worker = await make.worker()
    root = await make.trigger()
    done = await make.trigger(parent_run_id=root)
    for held in await make.claim(worker, slots=2):
        if held.run_id == done:
            await make.succeed(worker, held)
    child = await make.trigger(parent_run_id=root, delay="1h")
    line = [root, child]
    for _ in range(5):
        line.append(await make.trigger("unknown", parent_run_id=line[-1]))
    of_done = await make.trigger("unknown", parent_run_id=done)
    stranger = await make.trigger("unknown")

    canceled = await engine.cancel.cancel(make.environment, root)

    assert canceled == line
    assert await make.status(done) == "COMPLETED"
    assert await make.status(of_done) == "PENDING_VERSION"
    assert await make.status(stranger) == "PENDING_VERSION"


async def test_many_children_are_canceled_together(engine: Engine, make: Make):
    root = await make.trigger("unknown")
    children = [await make.trigger("unknown", parent_run_id=root) for _ in range(120)]

    assert sorted(await engine.cancel.cancel(make.environment, root)) == sorted([root, *children])


async def test_only_a_run_of_the_environment_can_be_canceled(engine: Engine, make: Make):
    other = await Make.begin(engine)
    run = await other.trigger()

    with pytest.raises(NotFound, match=run):
        await engine.cancel.cancel(make.environment, run)
    assert await other.status(run) == "PENDING_VERSION"
