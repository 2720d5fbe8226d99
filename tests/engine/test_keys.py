"""Forgetting idempotency keys."""

import pytest

from perdure.core.errors import BadOption, NotFound
from perdure.engine.engine import Engine
from tests.support.make import Make


async def test_after_a_reset_the_key_makes_a_new_run_and_stands_for_that(engine: Engine, make: Make):
    first = await make.trigger(idempotency_key="k")
    assert await make.trigger(idempotency_key="k") == first

    await engine.keys.reset(make.environment, "hello", "k")

    second = await make.trigger(idempotency_key="k")
    assert second != first
    assert await make.trigger(idempotency_key="k") == second


async def test_only_the_key_of_the_task_and_the_environment_is_reset(engine: Engine, make: Make):
    run = await make.trigger(idempotency_key="k")
    other = await make.another_environment()

    for environment, task, key in (
        (make.environment, "other", "k"),
        (make.environment, "hello", "K"),
        (other, "hello", "k"),
    ):
        with pytest.raises(NotFound, match=f"idempotency key: {key}"):
            await engine.keys.reset(environment, task, key)

    assert await make.trigger(idempotency_key="k") == run


async def test_a_key_that_no_run_can_have_is_refused(engine: Engine, make: Make):
    with pytest.raises(BadOption, match="key"):
        await engine.keys.reset(make.environment, "hello", "a\0b")
