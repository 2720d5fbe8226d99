"""Workers: what they bring when they connect, and what they leave behind."""

import asyncio
from typing import Any

import pytest

from perdure.core.errors import NotFound
from perdure.engine.engine import Engine
from perdure.store.rows import Environment
from perdure.testing.clock import FakeClock
from perdure.wire.manifests import ImportProblem, QueueManifest
from perdure.wire.values import EnvironmentType
from perdure.wire.workers import Connected, ConnectWorker, PollRuns
from tests.support.make import Make, manifest

PROBLEM = ImportProblem(file_path="tasks/broken.py", line=3, message="No module named 'nope'")


async def connect(engine: Engine, environment: Environment, code: str = "a", **changes: Any) -> Connected:
    fields = {
        "name": "host-1",
        "host": "host",
        "pid": 1,
        "python_version": "3.11.2",
        "perdure_version": "0.1.0",
        "concurrency": 10,
        "code_hash": code,
        "tasks": [manifest()],
    }
    return await engine.workers.connect(environment, ConnectWorker(**(fields | changes)))


async def test_a_worker_hears_who_it_is_and_where(engine: Engine, make: Make):
    connected = await connect(engine, make.environment)

    assert connected.worker_id.startswith("worker_")
    assert connected.environment.slug == make.environment.slug
    assert connected.heartbeat_ms * 2 < connected.lease_ms


async def test_new_code_makes_a_version_and_the_same_code_none(engine: Engine, make: Make, clock: FakeClock):
    versions = [(await connect(engine, make.environment, code)).version for code in ("a", "a", "b")]
    clock.forward("24h")
    versions += [(await connect(engine, make.environment, code)).version for code in ("b", "c")]

    assert versions == ["20260101.1", "20260101.1", "20260101.2", "20260101.2", "20260102.1"]
    assert (await engine.workers.tasks(make.environment)).version == "20260102.1"


async def test_workers_that_connect_together_make_one_version(engine: Engine, make: Make):
    connected = await asyncio.gather(*(connect(engine, make.environment) for _ in range(5)))

    assert {one.version for one in connected} == {"20260101.1"}
    assert len({one.worker_id for one in connected}) == 5


async def test_an_old_worker_that_comes_back_does_not_bring_its_version_back(engine: Engine, make: Make):
    await connect(engine, make.environment, "old")
    new = await connect(engine, make.environment, "new")

    await connect(engine, make.environment, "old")

    assert (await engine.workers.tasks(make.environment)).version == new.version


async def test_while_developing_the_code_saved_last_counts(engine: Engine):
    dev = await engine.environments.ensure("dev", type=EnvironmentType.DEV, key=None, project="p")
    first = await connect(engine, dev, "a")
    await connect(engine, dev, "b")

    undone = await connect(engine, dev, "a")

    assert undone.version == first.version
    assert (await engine.workers.tasks(dev)).version == first.version


async def test_versions_of_environments_do_not_mix(engine: Engine, make: Make):
    other = await make.another_environment()
    await connect(engine, make.environment, tasks=[manifest("a")])
    await connect(engine, other, tasks=[manifest("b")])

    assert [task.id for task in (await engine.workers.tasks(make.environment)).tasks] == ["a"]
    assert [task.id for task in (await engine.workers.tasks(other)).tasks] == ["b"]


async def test_tasks_are_listed_with_what_did_not_import(engine: Engine, make: Make):
    assert (await engine.workers.tasks(make.environment)).tasks == []
    one = manifest("a", description="Does a.", max_duration=5)
    connected = await connect(engine, make.environment, tasks=[one], problems=[PROBLEM])

    listed = await engine.workers.tasks(make.environment)

    (task,) = listed.tasks
    assert (task.id, task.description, task.max_duration) == ("a", "Does a.", 5)
    assert (task.version, listed.version) == (connected.version, connected.version)
    assert listed.problems == [PROBLEM]


async def test_a_new_version_changes_the_limits_of_its_queues(engine: Engine, make: Make):
    limited = {"queue": QueueManifest(name="narrow")}
    for code, limit in (("a", 1), ("b", 2)):
        connected = await connect(
            engine,
            make.environment,
            code,
            tasks=[manifest(**limited)],
            queues=[QueueManifest(name="narrow", concurrency_limit=limit)],
        )
    for _ in range(3):
        await make.trigger()

    polled = await engine.dequeue.poll(
        make.environment, PollRuns(worker_id=connected.worker_id, slots=3, wait=0)
    )

    assert len(polled.runs) == 2


async def test_runs_that_waited_for_their_task_start(engine: Engine, make: Make):
    run = await make.trigger("later")
    assert await make.status(run) == "PENDING_VERSION"
    connected = await connect(engine, make.environment, tasks=[manifest("later")])
    await engine.pending.run_once()

    polled = await engine.dequeue.poll(
        make.environment, PollRuns(worker_id=connected.worker_id, slots=1, wait=0)
    )

    assert [held.run_id for held in polled.runs] == [run]


async def test_a_worker_is_listed_with_what_it_holds_until_it_is_silent(
    engine: Engine, make: Make, clock: FakeClock
):
    await connect(engine, make.environment, problems=[PROBLEM])
    clock.forward(1)
    worker = await make.worker()
    await make.trigger()
    await make.claim(worker)

    shown, busy = (await engine.workers.list(make.environment)).workers

    assert (shown.name, shown.running, shown.problems) == ("host-1", 0, [PROBLEM])
    assert (busy.id, busy.running) == (worker.id, 1)
    clock.forward(2 * engine.resources.settings.lease_ms / 1000 + 1)
    assert (await engine.workers.list(make.environment)).workers == []


async def test_a_worker_that_leaves_gives_its_runs_back_at_once(engine: Engine, make: Make):
    worker, other = await make.worker(), await make.worker()
    run = await make.trigger()
    (held,) = await make.claim(worker)
    await make.start(worker, held)

    await engine.workers.disconnect(make.environment, worker.id)

    assert [one.id for one in (await engine.workers.list(make.environment)).workers] == [other.id]
    (again,) = await make.claim(other)
    assert (again.run_id, again.attempt) == (run, 2)
    assert not (await make.succeed(worker, held)).ok


@pytest.mark.parametrize("whose", ["nobody", "another environment"])
async def test_only_a_worker_that_is_there_can_leave(engine: Engine, make: Make, whose: str):
    worker = "worker_nope"
    if whose == "another environment":
        worker = (await connect(engine, await make.another_environment())).worker_id

    with pytest.raises(NotFound, match=worker):
        await engine.workers.disconnect(make.environment, worker)
