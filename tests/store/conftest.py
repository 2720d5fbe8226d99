"""Databases with a small schema of the tests' own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from perdure.store.connect import open_database
from perdure.store.database import Database
from perdure.store.schema import Schema

SCHEMA = Schema("perdure_shelf", Path(__file__).parent / "schema")


@pytest.fixture
def shelf_url(dialect: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A database of items on a shelf; there are none yet."""
    if dialect == "sqlite":
        return f"sqlite:///{tmp_path / 'shelf.db'}"
    return request.getfixturevalue("postgres_databases").emptied((SCHEMA,))


@pytest.fixture
async def shelf(shelf_url: str) -> AsyncIterator[Database]:
    """The same, open."""
    async with await open_database(shelf_url, SCHEMA) as database:
        yield database
