"""Schedules that the API makes, changes, turns off and deletes."""

from typing import Any

import pytest

from perdure.core.errors import BadCron, BadOption, NotFound, UnknownZone, Unprocessable
from perdure.engine.engine import Engine
from perdure.testing.clock import START, FakeClock
from perdure.wire.schedules import ScheduleFilter, UpdateSchedule
from tests.engine.scheduling import HOUR, MINUTE, pass_time, runs_of, schedule, ticks_of
from tests.support.make import Make, manifest


async def test_the_same_key_changes_the_schedule(engine: Engine, ready: Make):
    first = await schedule(ready, external_id="a")
    again = await schedule(ready, cron="30 * * * *", window="10m")

    assert again.schedule.id == first.schedule.id
    assert (again.schedule.cron, again.schedule.external_id, again.schedule.spread) == (
        "30 * * * *",
        None,
        "10m",
    )
    assert (await engine.schedules.list(ready.environment, ScheduleFilter())).count == 1


async def test_a_key_is_of_its_environment(engine: Engine, ready: Make):
    first = await schedule(ready)
    other = Make(engine, await ready.another_environment())
    await other.version(manifest())

    assert (await schedule(other)).schedule.id != first.schedule.id


async def test_saying_the_same_again_loses_no_tick_that_is_due(engine: Engine, ready: Make, clock: FakeClock):
    made = await schedule(ready, missed="catch_up")
    clock.forward("3h")
    await schedule(ready, missed="catch_up")
    await engine.ticks.run_once()

    assert len(await runs_of(ready, made)) == 3


async def test_another_time_counts_from_now(engine: Engine, ready: Make, clock: FakeClock):
    made = await schedule(ready, missed="catch_up")
    clock.forward("2h30m")
    changed = await engine.schedules.update(
        ready.environment, made.schedule.id, UpdateSchedule(cron="45 * * * *", timezone="Asia/Tokyo")
    )
    await engine.ticks.run_once()

    assert changed.schedule.next_at == START + 2 * HOUR + 45 * MINUTE
    assert (changed.schedule.missed, changed.schedule.timezone) == ("catch_up", "Asia/Tokyo")
    assert await runs_of(ready, made) == []


async def test_null_takes_away_and_what_is_left_out_stays(engine: Engine, ready: Make):
    made = await schedule(ready, window="10m", external_id="a", overlap="skip")
    change = UpdateSchedule.model_validate({"window": None, "externalId": None, "overlap": None})
    row = (await engine.schedules.update(ready.environment, made.schedule.id, change)).schedule

    assert (row.spread, row.external_id, row.overlap, row.cron) == (None, None, "skip", "0 * * * *")


async def test_a_schedule_that_was_off_floods_nobody_when_it_is_on_again(
    engine: Engine, ready: Make, clock: FakeClock
):
    made = await schedule(ready, missed="catch_up")
    off = await engine.schedules.set_active(ready.environment, made.schedule.id, False)
    await pass_time(engine, clock, "5h30m")
    on = await engine.schedules.set_active(ready.environment, made.schedule.id, True)
    await pass_time(engine, clock, "30m")

    assert (off.schedule.next_at, off.schedule.due_at) == (None, None)
    assert on.schedule.next_at == START + 6 * HOUR
    assert await ticks_of(ready, made) == ["2026-01-01T06:00"]


async def test_turning_off_drops_the_ticks_that_wait(engine: Engine, ready: Make, clock: FakeClock):
    made = await schedule(ready, overlap="queue")
    await pass_time(engine, clock, "1h", "1h")
    off = await engine.schedules.set_active(ready.environment, made.schedule.id, False)
    (run,) = await runs_of(ready, made)
    await engine.cancel.cancel(ready.environment, run.id)
    await engine.ticks.run_once()

    assert off.schedule.held == "[]"
    assert len(await runs_of(ready, made)) == 1


async def test_a_deleted_schedule_leaves_its_runs(engine: Engine, ready: Make, clock: FakeClock):
    made = await schedule(ready)
    await pass_time(engine, clock, "1h")
    await engine.schedules.delete(ready.environment, made.schedule.id)
    await pass_time(engine, clock, "1h")

    assert len(await runs_of(ready, made)) == 1
    with pytest.raises(NotFound, match=f"There is no schedule {made.schedule.id}"):
        await engine.schedules.get(ready.environment, made.schedule.id)


async def test_a_schedule_can_be_run_by_hand(engine: Engine, ready: Make, clock: FakeClock):
    made = await schedule(ready)
    clock.forward("10m")
    await engine.schedules.set_active(ready.environment, made.schedule.id, False)
    await engine.schedules.run(ready.environment, made.schedule.id)
    await engine.schedules.run(ready.environment, made.schedule.id)

    assert await ticks_of(ready, made) == ["2026-01-01T00:10", "2026-01-01T00:10"]
    assert (await engine.schedules.get(ready.environment, made.schedule.id)).schedule.last_at is None


async def test_lists_have_pages_and_a_filter(engine: Engine, ready: Make, clock: FakeClock):
    await ready.version(manifest(), manifest("other"), version="20260102.1")
    for number in range(5):
        clock.forward(0.001)
        await schedule(ready, deduplication_key=str(number), task="other" if number == 2 else "hello")

    first = await engine.schedules.list(ready.environment, ScheduleFilter(per_page=2))
    last = await engine.schedules.list(ready.environment, ScheduleFilter(per_page=2, page=3))
    other = await engine.schedules.list(ready.environment, ScheduleFilter(task="other"))
    assert [view.schedule.deduplication_key for view in first.schedules] == ["4", "3"]
    assert ([view.schedule.deduplication_key for view in last.schedules], last.count) == (["0"], 5)
    assert ([view.schedule.deduplication_key for view in other.schedules], other.count) == (["2"], 1)


@pytest.mark.parametrize(
    ("wanted", "error", "told"),
    [
        ({"cron": "61 9 * * *"}, BadCron, "its minute is 61, and takes 0 to 59"),
        ({"cron": "* * * * * *"}, BadCron, "it has 6 fields, and takes five"),
        ({"cron": "0 0 31 2 *"}, BadCron, "there is no day 31 in month 2"),
        ({"timezone": "Europe/Pari"}, UnknownZone, "did you mean Europe/Paris"),
        ({"window": "25h"}, BadOption, "whole minutes or hours up to 24h"),
        ({"window": "-1m"}, BadOption, "Option window can't be '-1m'"),
        ({"window": "101%"}, BadOption, "up to 100%"),
        ({"window": "90s"}, BadOption, "whole minutes"),
        (
            {"task": "helo"},
            Unprocessable,
            "no task helo in the current version 20260101.1; did you mean hello",
        ),
        ({"external_id": "a\0"}, BadOption, "external_id"),
    ],
)
async def test_what_can_not_be_is_refused(
    ready: Make, wanted: dict[str, Any], error: type[Exception], told: str
):
    with pytest.raises(error) as raised:
        await schedule(ready, **wanted)

    assert told in str(raised.value)
    assert (await ready.engine.schedules.list(ready.environment, ScheduleFilter())).count == 0


async def test_before_the_first_worker_any_task_may_come(make: Make):
    made = await schedule(make)

    assert made.problem == "Task hello is not in the current version (there is none), so no tick makes a run."


async def test_a_change_that_can_not_be_changes_nothing(engine: Engine, ready: Make):
    made = await schedule(ready)
    for change in ({"cron": "x"}, {"timezone": "Mars"}, {"window": "soon"}, {"task": "nope"}):
        wanted = UpdateSchedule.model_validate(change)
        with pytest.raises((BadCron, UnknownZone, BadOption, Unprocessable)):
            await engine.schedules.update(ready.environment, made.schedule.id, wanted)

    assert (await engine.schedules.get(ready.environment, made.schedule.id)) == made


async def test_schedules_of_other_environments_are_not_there(engine: Engine, ready: Make):
    made = await schedule(ready)
    other = await ready.another_environment()

    for refused in (
        engine.schedules.get(other, made.schedule.id),
        engine.schedules.update(other, made.schedule.id, UpdateSchedule()),
        engine.schedules.set_active(other, made.schedule.id, False),
        engine.schedules.delete(other, made.schedule.id),
        engine.schedules.run(other, made.schedule.id),
    ):
        with pytest.raises(NotFound):
            await refused
