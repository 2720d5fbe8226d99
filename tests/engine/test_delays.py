"""Changing when a delayed run starts."""

import pytest

from perdure.core.errors import BadOption, IllegalTransition, NotFound
from perdure.core.lifecycle import Status
from perdure.engine.engine import Engine
from perdure.testing.clock import START, FakeClock
from tests.support.make import Make

HOUR = 3_600_000


async def test_a_run_starts_at_its_new_time_and_not_at_its_old(engine: Engine, make: Make, clock: FakeClock):
    worker = await make.worker()
    run = await make.trigger(delay="1h")
    await engine.delays.reschedule(make.environment, run, "3h")
    assert (await make.row(run)).delayed_until == START + 3 * HOUR

    clock.forward("2h")
    await engine.timers.run_once()
    assert await make.status(run) == "DELAYED"

    clock.forward("1h")
    await engine.timers.run_once()
    assert [held.run_id for held in await make.claim(worker)] == [run]


@pytest.mark.parametrize("delay", ["10m", "2026-01-01T00:10:00Z", "2025-01-01T00:00:00Z"])
async def test_a_run_can_start_earlier(engine: Engine, make: Make, clock: FakeClock, delay: str):
    await make.worker()
    run = await make.trigger(delay="1h")

    await engine.delays.reschedule(make.environment, run, delay)

    clock.forward("10m")
    await engine.timers.run_once()
    assert await make.status(run) == "QUEUED"


@pytest.mark.parametrize("status", [Status.QUEUED, Status.EXECUTING, Status.COMPLETED])
async def test_only_a_delayed_run_has_a_delay_to_change(engine: Engine, make: Make, status: Status):
    run = await make.run(status=status)

    with pytest.raises(IllegalTransition, match=f"{status} can't reschedule"):
        await engine.delays.reschedule(make.environment, run.id, "1h")

    assert await make.row(run.id) == run


async def test_what_is_no_delay_is_refused(engine: Engine, make: Make):
    run = await make.trigger(delay="1h")

    with pytest.raises(BadOption, match="soon"):
        await engine.delays.reschedule(make.environment, run, "soon")
    with pytest.raises(NotFound, match=run):
        await engine.delays.reschedule(await make.another_environment(), run, "1h")
