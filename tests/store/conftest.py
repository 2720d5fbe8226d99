"""Databases with a small schema of the tests' own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from perdure.store.connect import open_database
from perdure.store.database import Database
from perdure.store.schema import Schema

SCHEMA = Schema("perdure_shelf", Path(__file__).parent / "schema")


@pytest.fixture
async def shelf(new_database_url: str) -> AsyncIterator[Database]:
    """An open database of items on a shelf."""
    async with await open_database(new_database_url, SCHEMA) as database:
        yield database
