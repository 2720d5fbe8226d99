"""Environments: how they are made, and which key opens which."""

import pytest

from perdure.core.errors import BadSetting
from perdure.engine.engine import Engine
from perdure.engine.environments import KEPT_MS
from perdure.store import catalog
from perdure.store.rows import Environment
from perdure.testing.clock import FakeClock
from perdure.wire.values import EnvironmentType
from tests.support.make import Make, manifest

DEV, PROD = EnvironmentType.DEV, EnvironmentType.PROD


async def ensure(engine: Engine, slug: str = "dev", key: str | None = None) -> Environment:
    return await engine.environments.ensure(slug, type=EnvironmentType(slug), key=key, project="shop")


async def test_each_environment_has_a_key_of_its_own(engine: Engine):
    dev, prod = await ensure(engine, "dev"), await ensure(engine, "prod")

    assert dev.key.startswith("tr_dev_")
    assert prod.key.startswith("tr_prod_")
    assert await engine.environments.by_key(dev.key) == dev
    assert await engine.environments.by_key(prod.key) == prod
    assert await engine.environments.by_id(prod.id) == prod
    assert await engine.environments.list() == [dev, prod]


async def test_an_environment_that_is_there_stays_as_it_is(engine: Engine):
    made = await ensure(engine)

    assert await ensure(engine) == made


async def test_a_key_that_is_given_takes_the_place_of_the_old(engine: Engine):
    made = await ensure(engine)
    assert await engine.environments.by_key(made.key)

    changed = await ensure(engine, key="tr_dev_mine")

    assert (changed.id, changed.key) == (made.id, "tr_dev_mine")
    assert await engine.environments.by_key("tr_dev_mine") == changed
    assert await engine.environments.by_key(made.key) is None


async def test_one_key_can_not_open_two_environments(engine: Engine):
    await ensure(engine, "dev", key="tr_dev_mine")

    with pytest.raises(BadSetting, match="opens environment dev already"):
        await ensure(engine, "prod", key="tr_dev_mine")


async def test_an_environment_does_not_change_its_type(engine: Engine):
    await ensure(engine, "dev")

    with pytest.raises(BadSetting, match="is of type dev"):
        await engine.environments.ensure("dev", type=PROD, key=None, project="shop")


async def test_the_same_slug_in_another_project_is_another_environment(engine: Engine):
    one = await ensure(engine)

    other = await engine.environments.ensure("dev", type=DEV, key=None, project="bank")

    assert other.id != one.id


async def test_an_unknown_key_opens_nothing(engine: Engine):
    assert await engine.environments.by_key("tr_dev_nope") is None
    assert await engine.environments.by_id("env_nope") is None


async def test_a_known_key_is_not_looked_up_again_at_once(engine: Engine, clock: FakeClock):
    made = await ensure(engine)
    await engine.environments.by_key(made.key)
    await engine.resources.db.transact(catalog.set_key, made.id, "tr_dev_other")

    assert await engine.environments.by_key(made.key) == made

    clock.forward(KEPT_MS / 1000)
    assert await engine.environments.by_key(made.key) is None


@pytest.mark.parametrize(
    ("ttl", "expected", "shown"), [("14d", 14 * 86_400_000, 14 * 86_400_000), (0, None, None)]
)
async def test_the_ttl_of_an_environment_can_be_changed_while_the_server_runs(
    engine: Engine, ttl: str | int, expected: int | None, shown: int | None
):
    make = await Make.begin(engine, type="dev")
    await make.version(manifest())
    before = await make.row(await make.trigger())

    load = await engine.queues.set_default_ttl(make.environment, ttl)
    make.environment = load.environment
    after = await make.row(await make.trigger())
    own = await make.row(await make.trigger(ttl="1s"))
    reset = await engine.queues.set_default_ttl(make.environment, None)

    assert (before.ttl_ms, after.ttl_ms, own.ttl_ms) == (600_000, expected, 1_000)
    assert (load.default_ttl_ms, reset.default_ttl_ms) == (shown, 600_000)
