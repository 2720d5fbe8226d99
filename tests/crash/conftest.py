"""A project, and databases that keep what they have acknowledged."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.world import World
from tests.support import postgres
from tests.support.databases import PostgresDatabases

TASKS = Path(__file__).with_name("tasks.py")


@pytest.fixture(scope="session")
def durable_databases() -> Iterator[PostgresDatabases]:
    with postgres.durable_server() as url:
        databases = PostgresDatabases(url)
        yield databases
        databases.close()


@pytest.fixture
def durable_url(dialect: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A database without tables."""
    if dialect == "sqlite":
        return f"sqlite:///{tmp_path / 'perdure.db'}"
    return request.getfixturevalue("durable_databases").create()


@pytest.fixture
def world(tmp_path: Path, durable_url: str) -> World:
    (tmp_path / "perdure.toml").write_text('project = "crash"\n')
    (tmp_path / "tasks").mkdir()
    shutil.copy(TASKS, tmp_path / "tasks" / "work.py")
    return World(tmp_path, durable_url)
