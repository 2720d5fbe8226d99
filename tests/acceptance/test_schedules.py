"""Schedules with a real server, a real worker and both databases."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from perdure.core.lifecycle import Status
from tests.worker.world import World, opened

TASKS = Path(__file__).parent / "scheduling.py"


@pytest.fixture
async def world(tmp_path: Path, database_url: str) -> AsyncIterator[World]:
    async with opened(tmp_path, database_url, TASKS) as world:
        yield world


async def test_declared_and_made_in_a_task_and_run_by_hand(world: World):
    client = world.client
    async with world.worker(concurrency=2):
        made = await world.run("subscribe", {"user": "user:7"})
        blocking = await world.run("subscribe_blocking", {"user": "user:8"})
        of_report = {one.type: one async for one in client.schedules.list(task="report")}
        runs = [await client.schedules.run(of_report[kind].id) for kind in ("DECLARATIVE", "IMPERATIVE")]
        declared, imperative = [await client.runs.poll(run, timeout=60) for run in runs]
        off = await client.schedules.retrieve(str(blocking.output))

    assert of_report["DECLARATIVE"].overlap == "skip"
    assert of_report["IMPERATIVE"].id == made.output
    assert declared.status == imperative.status == Status.COMPLETED
    assert {**declared.output, "hours": None} == {
        "type": "DECLARATIVE",
        "zone": "Europe/Paris",
        "user": None,
        "hours": None,
        "last": None,
    }
    assert (imperative.output["user"], imperative.output["hours"]) == ("user:7", [7])
    assert imperative.schedule is not None
    assert imperative.schedule.id == made.output
    assert (off.active, off.window, off.task) == (False, "30m", "clean")
