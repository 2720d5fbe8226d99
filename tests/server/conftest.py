"""A server in this process, over a real engine and both databases."""

from collections.abc import AsyncIterator

import httpx
import pytest

from perdure.engine.engine import Engine
from perdure.engine.resources import Resources
from perdure.server.app import create_app
from perdure.store.connect import open_database
from perdure.store.database import Database
from perdure.store.schema import TELEMETRY
from perdure.testing.clock import FakeClock
from perdure.wire.values import EnvironmentType
from tests.server.api import Api

KEY = "tr_dev_0123456789abcdef0123456789abcdef"
PROD_KEY = "tr_prod_0123456789abcdef0123456789abcdef"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def engine(db: Database, database_url: str, clock: FakeClock) -> AsyncIterator[Engine]:
    """An engine whose services do not run by themselves."""
    async with await open_database(database_url, TELEMETRY) as telemetry:
        yield Engine(Resources(db=db, telemetry=telemetry, clock=clock, dice=lambda: 0.5))


@pytest.fixture
async def api(engine: Engine, clock: FakeClock) -> AsyncIterator[Api]:
    """A client with the key of the dev environment."""
    environment = await engine.environments.ensure("dev", type=EnvironmentType.DEV, key=KEY, project="tests")
    app = create_app(engine)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://perdure") as http:
        yield Api(app, engine, clock, environment, http)


@pytest.fixture
async def prod_key(engine: Engine) -> str:
    """The key of another environment."""
    await engine.environments.ensure("prod", type=EnvironmentType.PROD, key=PROD_KEY, project="tests")
    return PROD_KEY
