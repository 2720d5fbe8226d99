"""Schedules that code declares follow the code of the live version."""

from collections.abc import Sequence

from perdure.engine.engine import Engine
from perdure.store.schedules import Schedule
from perdure.testing.clock import START, FakeClock
from perdure.wire.manifests import ScheduleManifest, TaskManifest
from perdure.wire.runs import RunFilter
from perdure.wire.schedules import ScheduleFilter
from perdure.wire.values import EnvironmentType
from perdure.wire.workers import ConnectWorker
from tests.engine.scheduling import HOUR, MINUTE, pass_time, schedule
from tests.support.make import Make, manifest

EVERY_HOUR = ScheduleManifest(cron="0 * * * *")
AT_NINE = ScheduleManifest(cron="0 9 * * *", timezone="Europe/Paris")


async def connect(make: Make, code: str, *tasks: TaskManifest) -> None:
    """Connect a worker of this state of the code."""
    hello = ConnectWorker(
        name="w",
        host="h",
        pid=1,
        python_version="3.11",
        perdure_version="0",
        concurrency=1,
        code_hash=code,
        tasks=list(tasks),
    )
    await make.engine.workers.connect(make.environment, hello)


def task(*schedules: ScheduleManifest, id: str = "hello") -> TaskManifest:
    return manifest(id, schedules=list(schedules))


async def declared(make: Make) -> list[Schedule]:
    """Return the schedules of an environment, the oldest first."""
    found = await make.engine.schedules.list(make.environment, ScheduleFilter(per_page=100))
    return [view.schedule for view in reversed(found.schedules)]


def times(rows: Sequence[Schedule]) -> list[tuple[str, str, str]]:
    return [(row.task, row.cron, row.timezone) for row in rows]


async def test_a_version_that_goes_live_brings_its_schedules(make: Make):
    await connect(make, "one", task(EVERY_HOUR, AT_NINE), task(AT_NINE, id="other"))

    rows = await declared(make)
    assert times(rows) == [
        ("hello", "0 * * * *", "UTC"),
        ("hello", "0 9 * * *", "Europe/Paris"),
        ("other", "0 9 * * *", "Europe/Paris"),
    ]
    assert {(row.is_declared, row.is_active, row.deduplication_key) for row in rows} == {(1, 1, None)}
    assert [row.next_at for row in rows] == [START + HOUR, START + 8 * HOUR, START + 8 * HOUR]


async def test_what_stays_goes_on_and_what_is_gone_goes(engine: Engine, make: Make, clock: FakeClock):
    await connect(make, "one", task(EVERY_HOUR, AT_NINE), task(AT_NINE, id="other"))
    hourly, _, _ = await declared(make)
    await pass_time(engine, clock, "1h")
    await connect(make, "two", task(EVERY_HOUR))

    (row,) = await declared(make)
    assert (row.id, row.last_at, row.next_at) == (hourly.id, START + HOUR, START + 2 * HOUR)


async def test_an_edited_expression_is_the_same_schedule_at_another_time(make: Make, clock: FakeClock):
    await connect(make, "one", task(AT_NINE, EVERY_HOUR))
    nine, hourly = await declared(make)
    clock.forward("10m")
    await connect(make, "two", task(EVERY_HOUR, ScheduleManifest(cron="30 * * * *", overlap="skip")))

    changed, kept = await declared(make)
    assert (kept.id, kept.next_at) == (hourly.id, hourly.next_at)
    assert (changed.id, changed.cron, changed.overlap) == (nine.id, "30 * * * *", "skip")
    assert changed.next_at == START + 30 * MINUTE


async def test_the_order_in_code_does_not_matter(make: Make):
    await connect(make, "one", task(AT_NINE, EVERY_HOUR))
    before = await declared(make)
    await connect(make, "two", task(EVERY_HOUR, AT_NINE))

    assert await declared(make) == before


async def test_a_new_policy_loses_no_tick_that_is_due(engine: Engine, make: Make, clock: FakeClock):
    await connect(make, "one", task(EVERY_HOUR))
    clock.forward("3h")
    catching = ScheduleManifest(cron="0 * * * *", missed="catch_up")
    await connect(make, "two", task(catching))
    await engine.ticks.run_once()

    (row,) = await declared(make)
    assert row.next_at == START + 4 * HOUR
    assert len((await engine.runs.list(make.environment, RunFilter(schedule=row.id))).runs) == 3


async def test_one_that_was_turned_off_stays_off_when_code_is_deployed(engine: Engine, make: Make):
    await connect(make, "one", task(EVERY_HOUR))
    (row,) = await declared(make)
    await engine.schedules.set_active(make.environment, row.id, False)
    await connect(make, "two", task(ScheduleManifest(cron="30 * * * *")))

    (now,) = await declared(make)
    assert (now.id, now.cron, now.is_active, now.next_at) == (row.id, "30 * * * *", 0, None)


async def test_it_is_live_in_its_environments(engine: Engine, make: Make):
    some = ScheduleManifest(cron="0 * * * *", environments=[EnvironmentType.STAGING, EnvironmentType.PROD])
    none = ScheduleManifest(cron="5 * * * *", environments=[EnvironmentType.DEV])
    dev = await Make.begin(engine, type="dev", slug="dev")
    await connect(make, "one", task(some, none))
    await connect(dev, "one", task(some, none))

    assert [row.cron for row in await declared(make)] == ["0 * * * *"]
    assert [row.cron for row in await declared(dev)] == ["5 * * * *"]


async def test_a_version_that_is_not_live_changes_nothing(make: Make):
    await connect(make, "one", task(EVERY_HOUR))
    await connect(make, "two", task(AT_NINE))
    await connect(make, "one", task(EVERY_HOUR))

    assert [row.cron for row in await declared(make)] == ["0 9 * * *"]


async def test_in_dev_the_code_that_was_saved_last_counts(engine: Engine):
    dev = await Make.begin(engine, type="dev", slug="dev")
    await connect(dev, "one", task(EVERY_HOUR))
    await connect(dev, "two", task(AT_NINE))
    await connect(dev, "one", task(EVERY_HOUR))

    assert [row.cron for row in await declared(dev)] == ["0 * * * *"]


async def test_schedules_of_the_api_are_left_alone(engine: Engine, make: Make):
    await connect(make, "one", task())
    made = await schedule(make)
    await connect(make, "two", task(EVERY_HOUR))
    await connect(make, "three", task())

    assert [row.id for row in await declared(make)] == [made.schedule.id]
