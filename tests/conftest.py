"""Fixtures for every test: real databases, SQLite and PostgreSQL."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings

from perdure.store.connect import open_database
from perdure.store.database import Database
from tests.support import postgres
from tests.support.databases import PostgresDatabases, SQLiteFiles

# CI looks at the same examples each time; new ones are looked for elsewhere.
settings.register_profile("ci", derandomize=True, deadline=None)
if os.environ.get("CI"):
    settings.load_profile("ci")


def pytest_configure(config: pytest.Config) -> None:
    """Let all processes of this session share one PostgreSQL server."""
    if not hasattr(config, "workerinput"):
        session = ExitStack()
        session.enter_context(postgres.test_session())
        config.add_cleanup(session.close)


WHOLE = ("acceptance", "cli", "crash", "examples", "worker")
"""Folders whose tests start whole programs: `./dev test --quick` leaves them out."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what starts whole programs as slow."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here) and item.path.relative_to(here).parts[0] in WHOLE:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def sqlite_files(tmp_path_factory: pytest.TempPathFactory) -> SQLiteFiles:
    return SQLiteFiles(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgres_databases() -> Iterator[PostgresDatabases]:
    databases = PostgresDatabases()
    yield databases
    databases.close()


@pytest.fixture(params=["sqlite", "postgres"])
def dialect(request: pytest.FixtureRequest) -> str:
    """Runs the test once for each kind of database."""
    return request.param


@pytest.fixture
def database_url(dialect: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A migrated database without rows."""
    if dialect == "sqlite":
        return request.getfixturevalue("sqlite_files").copy(tmp_path)
    return request.getfixturevalue("postgres_databases").emptied()


@pytest.fixture
def new_database_url(dialect: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A database that nothing was done to yet: no tables, or no file."""
    if dialect == "sqlite":
        return f"sqlite:///{tmp_path / 'new.db'}"
    return request.getfixturevalue("postgres_databases").create()


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """An open database without rows."""
    async with await open_database(database_url) as database:
        yield database
