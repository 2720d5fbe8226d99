"""Fixtures for the engine: a clock that stands still, and factories."""

from collections.abc import AsyncIterator

import pytest

from perdure.engine.engine import Engine
from perdure.engine.resources import Resources
from perdure.store.connect import open_database
from perdure.store.database import Database
from perdure.store.schema import TELEMETRY
from perdure.testing.clock import FakeClock
from tests.support.make import Make, manifest


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def engine(db: Database, clock: FakeClock) -> Engine:
    """An engine whose services do not run by themselves."""
    return Engine(Resources(db=db, telemetry=db, clock=clock, dice=lambda: 0.5))


@pytest.fixture
async def make(engine: Engine) -> Make:
    return await Make.begin(engine)


@pytest.fixture
async def ready(make: Make) -> Make:
    """An environment whose version has the task `hello`."""
    await make.version(manifest())
    return make


@pytest.fixture
async def telemetry(database_url: str) -> AsyncIterator[Database]:
    """The database of what was seen; the engine of most tests does without."""
    async with await open_database(database_url, TELEMETRY) as database:
        yield database
