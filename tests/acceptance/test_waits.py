"""Runs that wait, with a real server, real workers and both databases."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from perdure.client import AsyncClient
from perdure.core.lifecycle import Status
from tests.support import processes
from tests.worker.world import KEY, World

TASKS = Path(__file__).parent / "waiting.py"


@pytest.fixture
async def world(tmp_path: Path, database_url: str) -> AsyncIterator[World]:
    (tmp_path / "perdure.toml").write_text('project = "waits"\n')
    (tmp_path / "tasks").mkdir()
    shutil.copy(TASKS, tmp_path / "tasks" / "waiting.py")
    settings = {"PERDURE_SECRET_KEY": KEY, "PERDURE_DATABASE_URL": database_url}
    with processes.server(tmp_path, **settings) as server:
        async with AsyncClient(server.url, KEY) as client:
            yield World(server, client, tmp_path)


@pytest.fixture
def effects(tmp_path: Path) -> Path:
    return tmp_path / "effects"


async def test_a_run_waits_for_a_time_and_holds_no_process(world: World, effects: Path):
    async with world.worker() as supervisor:
        run = await world.trigger("nap", {"seconds": 1, "file": str(effects)})
        await world.until(run, Status.WAITING)
        assert supervisor.held == 0
        ended = await world.end(run)

    assert (ended.status, ended.output) == (Status.COMPLETED, "kept 1")
    assert effects.read_text().split() == ["before", "after"]


async def test_a_parent_waits_for_its_children_one_by_one(world: World, effects: Path):
    async with world.worker(concurrency=1):
        ended = await world.run("sum", {"file": str(effects)})

    assert (ended.status, ended.output) == (Status.COMPLETED, 13)
    assert effects.read_text().split() == ["begun"]
