"""A server, and the project of tasks that wait."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from perdure.client import AsyncClient
from tests.support import processes
from tests.worker.world import KEY, World

TASKS = Path(__file__).with_name("waiting.py")


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
    """The file in which tasks leave what they have done."""
    return tmp_path / "effects"
