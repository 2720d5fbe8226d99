"""What the tests of schedules share."""

import json
from typing import Any

from perdure.engine.engine import Engine
from perdure.engine.schedules import ScheduleView
from perdure.store.rows import Run
from perdure.store.run_lists import RunQuery, page
from perdure.testing.clock import FakeClock
from perdure.wire.schedules import CreateSchedule
from tests.support.make import Make

MINUTE = 60_000
HOUR = 60 * MINUTE


async def schedule(make: Make, **wanted: Any) -> ScheduleView:
    """Make a schedule of the task `hello`, each hour unless it says otherwise."""
    fields = {"task": "hello", "cron": "0 * * * *", "deduplication_key": "k", **wanted}
    return await make.engine.schedules.create(make.environment, CreateSchedule(**fields))


async def runs_of(make: Make, schedule: ScheduleView) -> list[Run]:
    """Return the runs of a schedule, the oldest first."""
    query = RunQuery(schedules=[schedule.schedule.id], size=1000)
    found = await make.engine.resources.db.read(page, make.environment.id, query)
    return [glance.run for glance in reversed(found.runs)]


async def payload_of(make: Make, run: Run) -> dict[str, Any]:
    view = await make.engine.runs.get(make.environment, run.id)
    return json.loads(view.packets["payload"].data)["json"]


async def ticks_of(make: Make, schedule: ScheduleView) -> list[str]:
    """Return the moments that the runs of a schedule were given."""
    payloads = [await payload_of(make, run) for run in await runs_of(make, schedule)]
    return [one["timestamp"].removesuffix(":00.000Z") for one in payloads]


async def pass_time(engine: Engine, clock: FakeClock, *steps: str) -> None:
    for step in steps:
        clock.forward(step)
        await engine.ticks.run_once()
