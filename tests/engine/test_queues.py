"""Queues at run time: totals, rates, pauses, overrides, bursts; what waits is never forgotten."""

import asyncio

import pytest

from perdure.core.errors import BadOption, NotFound
from perdure.engine.engine import Engine
from perdure.engine.queues import define, queue_id
from perdure.store import counts
from perdure.store.database import Tx
from perdure.testing.clock import FakeClock
from perdure.wire.manifests import QueueManifest
from tests.engine.queueing import MAIL, child_of, mail, trigger, wait_for
from tests.support.make import Make, manifest

# Over all keys.


async def test_a_total_limit_counts_all_keys_and_tasks_of_a_queue(make: Make):
    worker = await mail(make, "a", "b", total_limit=3)
    for key in ("ada", "bob", None):
        for task in ("a", "b"):
            await make.trigger(task, concurrency_key=key)

    held = await make.claim(worker, 10)
    assert len(held) == 3
    assert await make.claim(worker, 10) == []

    await make.succeed(worker, held[0])
    assert len(await make.claim(worker, 10)) == 1


async def test_a_slot_of_a_full_total_wakes_a_poll_that_waits(make: Make):
    worker = await mail(make, total_limit=1)
    await trigger(make, 1, key="ada")
    (held,) = await make.claim(worker)
    await trigger(make, 1, key="bob")
    poll = asyncio.create_task(make.wait_for_runs(worker))
    assert await make.claim(worker) == []

    await make.succeed(worker, held)

    (next_one,) = await poll
    assert next_one.concurrency_key == "bob"


async def test_a_total_limit_that_comes_with_a_new_version_counts_what_runs_already(
    make: Make, engine: Engine
):
    worker = await mail(make)
    await trigger(make, 2, key="ada")
    await trigger(make, 2, key="bob")
    held = await make.claim(worker, 3)

    limited = QueueManifest(name=MAIL, total_limit=3)
    await engine.resources.db.transact(define, make.environment.id, [limited], 0)
    assert await make.claim(worker) == []
    await make.succeed(worker, held[0])
    assert len(await make.claim(worker, 5)) == 1

    await engine.resources.db.transact(define, make.environment.id, [QueueManifest(name=MAIL)], 0)
    assert await engine.resources.db.read(counts.meters_cached) == {}
    await trigger(make, 3)
    assert len(await make.claim(worker, 5)) == 3


async def test_the_reconciler_corrects_a_meter(make: Make, engine: Engine):
    worker = await mail(make, total_limit=2)
    await trigger(make, 3)
    await make.claim(worker)

    async def spoil(tx: Tx) -> None:
        meter = {"environment": make.environment.id, "queue": MAIL, "running": 9}
        await tx.run("set_metered_running", meters=[meter])

    await engine.resources.db.transact(spoil)
    assert await make.claim(worker) == []

    assert await engine.reconcile.run_once() == 1
    assert await engine.reconcile.run_once() == 0
    assert len(await make.claim(worker, 5)) == 1


async def test_a_full_queue_does_not_hold_up_another_that_the_same_task_uses(make: Make, engine: Engine):
    worker = await mail(make, total_limit=0)
    await engine.resources.db.transact(define, make.environment.id, [QueueManifest(name="elsewhere")], 0)
    await trigger(make, 5)
    run = await make.trigger(queue={"name": "elsewhere"})

    assert [held.run_id for held in await make.claim(worker, 10)] == [run]


# Pauses.


async def test_nothing_starts_from_a_paused_queue_until_it_is_resumed(make: Make, engine: Engine):
    worker = await mail(make)
    await trigger(make, 2)
    (held,) = await make.claim(worker)

    view = await engine.queues.pause(make.environment, MAIL)
    assert (view.queue.paused_at is not None, view.waiting, view.running) == (True, 1, 1)
    assert await make.claim(worker) == []
    assert (await make.succeed(worker, held)).ok

    await engine.queues.resume(make.environment, MAIL)
    assert len(await make.claim(worker)) == 1


async def test_a_pause_does_not_hold_up_other_queues(make: Make, engine: Engine):
    worker = await make.worker(manifest("a"), manifest("b"))
    await engine.queues.pause(make.environment, "task/a")
    await make.trigger("a")
    await make.trigger("b")

    assert [held.task for held in await make.claim(worker, 5)] == ["b"]


async def test_resuming_wakes_a_poll_that_waits(make: Make, engine: Engine):
    worker = await mail(make)
    await engine.queues.pause(make.environment, MAIL)
    await trigger(make, 1)
    poll = asyncio.create_task(make.wait_for_runs(worker))
    assert await make.claim(worker) == []

    await engine.queues.resume(make.environment, MAIL)

    assert len(await poll) == 1


async def test_a_paused_environment_starts_nothing_and_lets_what_has_begun_go_on(make: Make, engine: Engine):
    worker = await make.worker(manifest("a"), manifest("b"))
    await make.trigger("a")
    (parent,) = await make.claim(worker)
    child = await child_of(make, parent, "b")
    (held,) = await make.claim(worker)
    await wait_for(make, worker, parent, child)
    await make.trigger("a")

    load = await engine.queues.pause_environment(make.environment)
    assert (load.environment.paused_at is not None, load.waiting, load.running) == (True, 1, 1)
    assert await make.claim(worker, 5) == []
    await make.succeed(worker, held)
    await engine.timers.run_once()
    assert [one.run_id for one in await make.claim(worker, 5)] == [parent.run_id]

    await engine.queues.resume_environment(make.environment)
    assert len(await make.claim(worker, 5)) == 1


async def test_a_paused_queue_with_a_waiting_parent_goes_on_when_it_is_resumed(make: Make, engine: Engine):
    worker = await mail(make, concurrency_limit=1)
    await trigger(make, 1)
    (parent,) = await make.claim(worker)
    child = await child_of(make, parent)
    await wait_for(make, worker, parent, child)
    await engine.queues.pause(make.environment, MAIL)
    assert await make.claim(worker) == []

    await engine.queues.resume(make.environment, MAIL)
    (held,) = await make.claim(worker, 5)
    await engine.queues.pause(make.environment, MAIL)
    await make.succeed(worker, held)
    await engine.timers.run_once()

    (back,) = await make.claim(worker, 5)
    assert (held.run_id, back.run_id) == (child, parent.run_id)


@pytest.mark.parametrize("options", [{"concurrency_limit": 2}, {"total_limit": 2}])
async def test_parents_that_wait_for_children_of_their_own_full_queue_never_deadlock(
    make: Make, options: dict[str, int]
):
    worker = await mail(make, **options)
    parents = [await make.trigger() for _ in range(6)]
    children: dict[str, str] = {}

    for _ in range(30):
        for held in await make.claim(worker, 10):
            if held.run_id in children or held.parent_run_id is not None:
                await make.succeed(worker, held)
            else:
                children[held.run_id] = child = await child_of(make, held)
                await wait_for(make, worker, held, child)
        await make.engine.timers.run_once()

    assert {await make.status(run) for run in [*parents, *children.values()]} == {"COMPLETED"}


# Limits.


async def test_an_override_counts_until_it_is_reset_and_survives_new_versions(make: Make, engine: Engine):
    worker = await mail(make, concurrency_limit=1)
    await trigger(make, 9)
    assert len(await make.claim(worker, 9)) == 1

    await engine.queues.override_limit(make.environment, MAIL, 3)
    assert len(await make.claim(worker, 9)) == 2

    manifests = [QueueManifest(name=MAIL, concurrency_limit=2)]
    await engine.resources.db.transact(define, make.environment.id, manifests, 0)
    assert await make.claim(worker, 9) == []

    view = await engine.queues.reset_limit(make.environment, MAIL)
    assert (view.queue.concurrency_limit, view.queue.limit_override, view.running) == (2, None, 3)
    assert await make.claim(worker, 9) == []


async def test_an_override_of_zero_starts_nothing(make: Make, engine: Engine):
    worker = await mail(make)
    await engine.queues.override_limit(make.environment, MAIL, 0)
    await trigger(make, 1)
    assert await make.claim(worker) == []

    await engine.queues.reset_limit(make.environment, MAIL)
    assert len(await make.claim(worker)) == 1


async def test_an_environment_bursts_as_a_whole_but_no_queue_alone(engine: Engine):
    make = await Make.begin(engine, concurrency_limit=2)
    await engine.queues.limit_environment(make.environment, 2, 1.5)
    worker = await make.worker(manifest("a"), manifest("b"))
    for _ in range(4):
        await make.trigger("a")
    assert len(await make.claim(worker, 9)) == 2
    for _ in range(4):
        await make.trigger("b")
    assert [held.task for held in await make.claim(worker, 9)] == ["b"]

    load = await engine.queues.limit_environment(make.environment, None, None)
    assert (load.environment.concurrency_limit, load.environment.burst_factor) == (None, 1.5)
    assert len(await make.claim(worker, 9)) == 5


async def test_a_burst_factor_is_from_1_to_100(make: Make, engine: Engine):
    with pytest.raises(BadOption, match=r"burst_factor can't be 0.5; it takes a number from 1 to 100"):
        await engine.queues.limit_environment(make.environment, 2, 0.5)


# Turns.


async def test_a_key_of_many_tasks_has_no_more_turns_than_a_key_of_one(make: Make):
    tasks = [f"t{number}" for number in range(5)]
    worker = await mail(make, *tasks)
    for _ in range(10):
        for task in tasks:
            await make.trigger(task, concurrency_key="many")
        await make.trigger("t0", concurrency_key="one")

    claimed = [held for _ in range(10) for held in await make.claim(worker, 2)]

    assert sum(held.concurrency_key == "one" for held in claimed) == 10
    assert {held.task for held in claimed if held.concurrency_key == "many"} == set(tasks)


# Shown.


async def test_a_queue_is_shown_with_the_keys_that_wait_most(make: Make, engine: Engine, clock: FakeClock):
    worker = await mail(make, concurrency_limit=1)
    began = clock.now()
    for key, count in (("ada", 3), ("bob", 5), (None, 1)):
        await trigger(make, count, key=key)
        clock.forward("1s")
    await make.claim(worker, 2)

    detail = await engine.queues.detail(make.environment, MAIL, keys=2)

    assert (detail.waiting, detail.running, detail.oldest) == (7, 2, began)
    assert [(one.key, one.waiting + (one.pool.running if one.pool else 0)) for one in detail.keys] == [
        ("bob", 5),
        ("ada", 3),
    ]
    assert [one.oldest for one in detail.keys] == [began + 1000, began]


async def test_queues_are_listed_by_name_a_page_at_a_time(make: Make, engine: Engine):
    await make.version(*(manifest(task) for task in "cab"))

    page = await engine.queues.list(make.environment, page=2, size=2)

    assert ([view.queue.name for view in page.queues], page.count) == (["task/c"], 3)


async def test_a_queue_is_found_by_its_id(make: Make, engine: Engine):
    await mail(make)

    view = await engine.queues.get(make.environment, queue_id(make.environment.id, MAIL))

    assert view.queue.name == MAIL


async def test_an_unknown_queue_is_told_with_the_nearest_name(make: Make, engine: Engine):
    with pytest.raises(NotFound, match="There is no queue mial: no worker has defined any yet"):
        await engine.queues.pause(make.environment, "mial")
    await mail(make)
    with pytest.raises(NotFound, match=r"There is no queue mial; did you mean mail\?"):
        await engine.queues.pause(make.environment, "mial")
    await make.version(manifest("report"), version="20260101.2")
    with pytest.raises(NotFound, match=r"There is no queue report; did you mean task/report\?"):
        await engine.queues.pause(make.environment, "report")
