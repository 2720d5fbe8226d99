"""Claims: who gets which run, how many at once, and in what order."""

import asyncio

import pytest

from perdure.core.errors import NotFound
from perdure.engine.engine import Engine
from perdure.engine.queues import define
from perdure.store import catalog, workers
from perdure.store.database import Tx
from perdure.testing.clock import FakeClock
from perdure.wire.manifests import QueueManifest
from perdure.wire.workers import PollRuns, RunRef
from tests.support.make import Make, manifest


def limited(limit: int, name: str = "task/hello") -> QueueManifest:
    return QueueManifest(name=name, concurrency_limit=limit)


async def test_runs_are_handed_out_in_the_order_they_came(make: Make, clock: FakeClock):
    worker = await make.worker()
    runs = []
    for _ in range(3):
        runs.append(await make.trigger())
        clock.forward(1)

    assert [held.run_id for held in await make.claim(worker, 3)] == runs


async def test_priority_is_a_head_start_in_seconds(make: Make, clock: FakeClock):
    worker = await make.worker()
    first = await make.trigger()
    clock.forward(8)
    urgent = await make.trigger(priority=10)
    late = await make.trigger(priority=7)

    assert [held.run_id for held in await make.claim(worker, 3)] == [urgent, first, late]


async def test_no_run_is_handed_out_twice(make: Make, engine: Engine):
    worker_a, worker_b = await make.worker(), await make.worker()
    runs = {await make.trigger() for _ in range(10)}

    polls = [make.claim(worker, 3) for worker in (worker_a, worker_b, worker_a, worker_b)]
    claimed = [held.run_id for answer in await asyncio.gather(*polls) for held in answer]

    assert len(claimed) == len(set(claimed)) == 10
    assert set(claimed) == runs


async def test_servers_that_claim_at_the_same_moment_keep_the_limits(make: Make, engine: Engine):
    worker = await make.worker(manifest(queue=limited(4)))
    for _ in range(10):
        await make.trigger()
    servers = [Engine(engine.resources) for _ in range(4)]
    command = PollRuns(worker_id=worker.id, slots=3, wait=0)

    answers = await asyncio.gather(*(s.dequeue.poll(make.environment, command) for s in servers))

    claimed = [held.run_id for answer in answers for held in answer.runs]
    assert len(claimed) == len(set(claimed)) == 4


async def test_runs_are_dealt_fairly_to_workers_that_ask_at_the_same_moment(make: Make):
    worker_a, worker_b = await make.worker(), await make.worker()
    for _ in range(4):
        await make.trigger()

    answers = await asyncio.gather(make.claim(worker_a, 4), make.claim(worker_b, 4))

    assert [len(answer) for answer in answers] == [2, 2]


async def test_a_queue_runs_no_more_than_its_limit(make: Make):
    worker = await make.worker(manifest(queue=limited(2)))
    for _ in range(3):
        await make.trigger()
    first, _ = await make.claim(worker, 10)
    assert await make.claim(worker, 10) == []

    await make.succeed(worker, first)

    assert len(await make.claim(worker, 10)) == 1


async def test_a_limit_is_shared_by_the_tasks_of_a_queue(make: Make):
    queue = limited(1, "mail")
    worker = await make.worker(manifest("a", queue=queue), manifest("b", queue=queue))
    await make.trigger("a")
    await make.trigger("b")

    (held,) = await make.claim(worker, 10)
    assert await make.claim(worker, 10) == []

    await make.succeed(worker, held)
    (other,) = await make.claim(worker, 10)
    assert {held.task, other.task} == {"a", "b"}


async def test_each_concurrency_key_has_the_limit_for_itself(make: Make):
    worker = await make.worker(manifest(queue=limited(1)))
    for key in ("ada", "ada", "bob", None):
        await make.trigger(concurrency_key=key)

    held = await make.claim(worker, 10)

    assert {one.concurrency_key for one in held} == {"ada", "bob", None}


async def test_an_environment_runs_no_more_than_its_limit(engine: Engine):
    make = await Make.begin(engine, concurrency_limit=2)
    worker = await make.worker(manifest("a"), manifest("b"))
    for task in ("a", "b", "a", "b"):
        await make.trigger(task)

    held = await make.claim(worker, 10)
    assert len(held) == 2
    assert await make.claim(worker, 10) == []

    await make.succeed(worker, held[0])
    assert len(await make.claim(worker, 10)) == 1


async def test_a_limit_of_zero_stops_a_queue_and_raising_it_starts_it_again(make: Make, engine: Engine):
    worker = await make.worker(manifest(queue=limited(0)))
    await make.trigger()
    assert await make.claim(worker) == []

    await engine.resources.db.transact(define, make.environment.id, [limited(1)], 0)

    assert len(await make.claim(worker)) == 1


async def test_a_key_with_many_runs_does_not_hold_up_a_key_with_one(make: Make, clock: FakeClock):
    worker = await make.worker()
    for _ in range(20):
        await make.trigger(concurrency_key="many")
    await make.claim(worker, 5)
    clock.forward(1)
    await make.trigger(concurrency_key="one")

    assert "one" in [held.concurrency_key for held in await make.claim(worker, 2)]


async def test_a_lane_that_was_idle_does_not_catch_up(make: Make):
    worker = await make.worker()
    for _ in range(30):
        await make.trigger(concurrency_key="steady")
    await make.claim(worker, 20)
    for _ in range(10):
        await make.trigger(concurrency_key="new")

    keys = [held.concurrency_key for held in await make.claim(worker, 8)]

    assert keys.count("steady") >= 3


async def test_a_run_locked_to_a_version_is_only_for_its_workers_and_blocks_nobody(make: Make):
    new = await make.worker(version="20260102.1")
    old = await make.worker(version="20260101.1", current=False)
    locked = await make.trigger(lock_to_version="20260101.1")
    free = await make.trigger()

    assert [held.run_id for held in await make.claim(new, 10)] == [free]
    (held,) = await make.claim(old, 10)
    assert (held.run_id, held.version) == (locked, "20260101.1")


async def test_a_worker_gets_only_tasks_that_its_version_has(make: Make):
    old = await make.worker(manifest("a"), version="20260101.1")
    new = await make.worker(manifest("a"), manifest("b"), version="20260102.1")
    await make.trigger("b")

    assert await make.claim(old) == []
    assert [held.task for held in await make.claim(new)] == ["b"]


async def test_an_assignment_has_all_that_an_executor_needs(make: Make):
    worker = await make.worker(manifest(machine="small-2x"))
    parent = await make.trigger("other")
    await make.trigger(
        payload=[1],
        metadata={"a": 1},
        tags=["x", "y"],
        concurrency_key="ada",
        priority=3,
        test=True,
        max_attempts=7,
        parent_run_id=parent,
        idempotency_key="k",
    )

    (held,) = await make.claim(worker)

    assert (held.payload, held.metadata, held.tags) == ("[1]", {"a": 1}, ["x", "y"])
    assert (held.concurrency_key, held.priority, held.is_test) == ("ada", 3, True)
    assert (held.machine, held.max_attempts, held.version) == ("small-2x", 7, worker.version)
    assert (held.parent_run_id, held.root_run_id, held.depth) == (parent, parent, 1)
    assert held.idempotency_key == "k"


async def test_a_worker_that_is_not_connected_is_told_to_connect(make: Make):
    worker = await make.worker()
    unknown = PollRuns(worker_id="worker_none", slots=1, wait=0)

    with pytest.raises(NotFound, match="worker_none"):
        await make.engine.dequeue.poll(make.environment, unknown)
    assert await make.claim(worker) == []


async def test_a_waiting_poll_is_answered_when_a_run_comes(make: Make, engine: Engine):
    worker = await make.worker()
    command = PollRuns(worker_id=worker.id, slots=1, wait=30)
    poll = asyncio.create_task(engine.dequeue.poll(make.environment, command))
    await asyncio.sleep(0)

    run = await make.trigger()

    assert [held.run_id for held in (await poll).runs] == [run]


async def test_a_poll_hears_once_of_what_to_stop(make: Make, engine: Engine):
    worker = await make.worker()
    command = PollRuns(worker_id=worker.id, slots=0, wait=30)
    poll = asyncio.create_task(engine.dequeue.poll(make.environment, command))
    await asyncio.sleep(0)

    async def cancel(tx: Tx) -> None:
        await workers.add_cancels(tx, [(worker.id, "run_a", 3)])
        tx.hint(f"worker:{worker.id}")

    await engine.resources.db.transact(cancel)

    assert (await poll).cancels == [RunRef(run_id="run_a", fence=3)]
    again = await engine.dequeue.poll(make.environment, command.model_copy(update={"wait": 0}))
    assert again.cancels == []


async def test_runs_claimed_for_a_poll_that_was_given_up_go_to_the_next(make: Make, engine: Engine):
    gone, here = await make.worker(), await make.worker()
    run = await make.trigger()
    command = PollRuns(worker_id=gone.id, slots=1, wait=30)
    poll = asyncio.create_task(engine.dequeue.poll(make.environment, command))
    for _ in range(3):  # the claim is under way, and nothing of it can have come back yet
        await asyncio.sleep(0)
    poll.cancel()
    await asyncio.wait([poll])

    (held,) = await make.wait_for_runs(here)
    assert (held.run_id, (await make.row(run)).losses) == (run, 0)


async def test_what_comes_ready_between_two_polls_is_in_the_second(make: Make, engine: Engine):
    worker = await make.worker()
    command = PollRuns(worker_id=worker.id, slots=2, wait=30)
    first = await make.trigger()
    (held,) = (await engine.dequeue.poll(make.environment, command)).runs

    second = await make.trigger()
    (next_held,) = (await engine.dequeue.poll(make.environment, command)).runs

    assert [held.run_id, next_held.run_id] == [first, second]


async def test_a_poll_waits_again_where_the_last_one_left_nothing(make: Make, engine: Engine):
    worker = await make.worker()
    command = PollRuns(worker_id=worker.id, slots=2, wait=30)
    await make.trigger()
    await engine.dequeue.poll(make.environment, command)
    poll = asyncio.create_task(engine.dequeue.poll(make.environment, command))
    await asyncio.sleep(0)

    run = await make.trigger()

    assert [held.run_id for held in (await poll).runs] == [run]


async def test_a_poll_that_took_all_it_could_carry_looks_again(make: Make, engine: Engine):
    worker = await make.worker()
    command = PollRuns(worker_id=worker.id, slots=1, wait=30)
    runs = [await make.trigger() for _ in range(2)]

    held = [(await engine.dequeue.poll(make.environment, command)).runs[0].run_id for _ in runs]

    assert held == runs


async def test_environments_do_not_see_each_other(make: Make, engine: Engine):
    other = await Make.begin(engine)
    worker = await other.worker()
    await make.worker()
    await make.trigger()

    assert await other.claim(worker) == []


async def test_a_version_that_connects_later_changes_the_current_one(make: Make, engine: Engine):
    await make.worker(version="20260101.1")
    await make.worker(version="20260102.1")

    version = await engine.resources.db.read(catalog.current_version, make.environment.id)

    assert version == "20260102.1"


async def test_runs_of_one_millisecond_are_handed_out_in_the_order_they_came(make: Make):
    worker = await make.worker()
    runs = [await make.trigger() for _ in range(20)]

    assert [held.run_id for held in await make.claim(worker, 20)] == runs


async def test_servers_that_work_at_once_drain_all_under_a_limit_and_wait_for_nobody(make: Make):
    queue = limited(2, "shared")
    worker = await make.worker(manifest("a", queue=queue), manifest("b", queue=queue))
    servers = [Make(Engine(make.engine.resources), make.environment) for _ in range(3)]
    seen: list[str] = []

    async def trigger(server: Make) -> None:
        for number in range(30):
            await server.trigger("ab"[number % 2], concurrency_key=f"key-{number % 4}")

    async def work(server: Make) -> None:
        while len(seen) < 90:
            for held in await server.claim(worker, 4):
                seen.append(held.run_id)
                assert (await server.succeed(worker, held)).ok

    await asyncio.gather(*(trigger(server) for server in servers), *(work(server) for server in servers))

    assert len(seen) == len(set(seen)) == 90
    assert await make.engine.reconcile.run_once() == 0
