"""What is wrong is told by name with the next step, on both databases, and nothing else is disturbed."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from perdure.client import AsyncClient
from perdure.core.clock import SystemClock
from perdure.core.errors import TooLarge
from perdure.core.lifecycle import Status
from perdure.engine.engine import Engine
from perdure.engine.resources import Resources
from perdure.store.database import Database
from perdure.testing.clock import START, FakeClock
from tests.support import processes
from tests.support.make import Make
from tests.worker.world import KEY, World

HERE = Path(__file__).parent
MEGABYTE = 1024 * 1024
HOUR_MS = 3_600_000

MISDEEDS = [
    ("order", {"amount": "many"}, Status.FAILED, ["number", "amount"]),
    ("no-json", {}, Status.FAILED, ["no-json", "object"]),
    ("sys-exit", {"code": 4}, Status.CRASHED, ["sys-exit", "sys.exit"]),
    ("block", {"seconds": 3}, Status.COMPLETED, ["block", "blocked the event loop"]),
    ("print", {"lines": 100_000, "width": 1000}, Status.COMPLETED, ["The log is cut here"]),
    ("leave-thread", {}, Status.COMPLETED, ["straggler"]),
    ("leave-child", {"hide": True}, Status.COMPLETED, ["behind, which were killed"]),
]


@pytest.fixture
async def world(tmp_path: Path, database_url: str) -> AsyncIterator[World]:
    (tmp_path / "perdure.toml").write_text('project = "misdeeds"\n')
    (tmp_path / "tasks").mkdir()
    shutil.copy(HERE.parent / "worker" / "tasks.py", tmp_path / "tasks" / "bad.py")
    shutil.copy(HERE / "misbehaving.py", tmp_path / "tasks" / "more.py")
    (tmp_path / "tasks" / "broken.py").write_text("from perdure import taks\n")
    settings = {"PERDURE_SECRET_KEY": KEY, "PERDURE_DATABASE_URL": database_url}
    with processes.server(tmp_path, **settings) as server:
        async with AsyncClient(server.url, KEY) as client:
            yield World(server, client, tmp_path)


@pytest.mark.slow
async def test_a_worker_tells_what_its_tasks_do_wrong_and_goes_on_with_the_others(world: World):
    async with world.worker(concurrency=4):
        misdeeds = [
            world.run(task, payload, max_attempts=1 if task == "sys-exit" else 3)
            for task, payload, _, _ in MISDEEDS
        ]
        others = [world.run("add", {"a": number, "b": 1}) for number in range(20)]
        ended = await asyncio.gather(*misdeeds, *others)
        logs = [await world.log_of(run.id) for run in ended[: len(MISDEEDS)]]

    for run, log, (task, _, status, told) in zip(ended, logs, MISDEEDS, strict=False):
        assert (run.status, run.attempt_count) == (status, 1), (task, run.error)
        error = run.error.message if run.error else ""
        assert [text for text in told if text not in f"{error}\n{log}"] == [], (task, error, log[-2000:])
    assert [run.output for run in ended[len(MISDEEDS) :]] == [number + 1 for number in range(20)]


async def test_files_that_do_not_import_and_ids_used_twice_are_told_and_the_others_work(world: World):
    async with world.worker():
        known = await world.client.tasks()
        added = await world.run("add", {"a": 1, "b": 2})

    broken, doubled = sorted(known.problems, key=lambda problem: problem.file_path)
    assert broken.file_path == "tasks/broken.py"
    assert "taks" in broken.message
    assert doubled.file_path == "tasks/more.py"
    assert "add" in doubled.message
    assert "tasks/bad.py" in doubled.message
    assert added.output == 3


async def test_a_payload_over_the_limit_is_refused_with_size_and_limit(world: World):
    with pytest.raises(TooLarge, match=r"the limit is \d+\. Keep large data elsewhere"):
        await world.trigger("order", {"number": "x" * 20 * MEGABYTE, "amount": "1"})

    assert [run async for run in world.client.runs.list()] == []


async def test_a_server_whose_clock_was_set_back_while_it_was_down_goes_on(db: Database):
    before = Engine(Resources(db=db, telemetry=db, clock=FakeClock()))
    make = await Make.begin(before)
    worker = await make.worker()
    held_before = await make.trigger()
    (held,) = await make.claim(worker)
    queued = await make.trigger()
    delayed = await make.trigger(delay="10m")

    clock = FakeClock(START - HOUR_MS)
    engine = Engine(Resources(db=db, telemetry=db, clock=clock))
    after = Make(engine, make.environment)
    new = await after.trigger()
    assert (await after.succeed(worker, held)).ok
    assert {run.run_id for run in await after.claim(worker, 10)} == {queued, new}

    clock.forward("1h")
    await engine.timers.run_once()
    assert await after.status(delayed) == Status.DELAYED
    clock.forward("10m")
    await engine.timers.run_once()
    assert await after.status(delayed) == Status.QUEUED
    assert await after.status(held_before) == Status.COMPLETED


def test_a_clock_that_is_set_back_stands_still_until_it_has_caught_up(monkeypatch: pytest.MonkeyPatch):
    clock = SystemClock()
    told = []
    for wall in (1_000, 400, 999, 1_001):
        monkeypatch.setattr(time, "time_ns", lambda wall=wall: wall * 1_000_000)
        told.append(clock.now())

    assert told == [1_000, 1_000, 1_000, 1_001]
