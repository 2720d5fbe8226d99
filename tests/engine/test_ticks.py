"""Ticks of schedules: when they make runs, what these are given, and the policies."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from perdure.engine.engine import Engine
from perdure.store import schedules
from perdure.testing.clock import START, FakeClock
from tests.engine.scheduling import HOUR, MINUTE, pass_time, payload_of, runs_of, schedule, ticks_of
from tests.support.make import Make, manifest


async def test_each_tick_makes_a_run_that_is_told_of_it(engine: Engine, ready: Make, clock: FakeClock):
    made = await schedule(ready, external_id="user:7", timezone="Europe/Paris", cron="0 9 * * *")
    await pass_time(engine, clock, "8h", "1d")

    first, second = await runs_of(ready, made)
    assert await payload_of(ready, first) == {
        "scheduleId": made.schedule.id,
        "type": "IMPERATIVE",
        "timestamp": "2026-01-01T08:00:00.000Z",
        "timezone": "Europe/Paris",
        "externalId": "user:7",
        "upcoming": [f"2026-01-0{day}T08:00:00.000Z" for day in range(2, 7)],
    }
    assert (await payload_of(ready, second))["lastTimestamp"] == "2026-01-01T08:00:00.000Z"
    assert first.schedule == made.schedule.id


async def test_before_its_time_nothing_happens(engine: Engine, ready: Make, clock: FakeClock):
    made = await schedule(ready)
    await pass_time(engine, clock, "59m")

    assert await runs_of(ready, made) == []
    assert engine.ticks.next_pause_ms() == 30_000
    clock.forward("50s")
    await engine.ticks.run_once()
    assert engine.ticks.next_pause_ms() == 10_000


@pytest.mark.parametrize(
    ("missed", "ticks"),
    [
        ({"missed": "skip"}, ["2026-01-01T05:00"]),
        ({"missed": "catch_up"}, [f"2026-01-01T0{hour}:00" for hour in range(1, 6)]),
        ({"missed": "catch_up", "max_catch_up": 2}, ["2026-01-01T04:00", "2026-01-01T05:00"]),
    ],
)
async def test_missed_ticks_are_skipped_or_caught_up_with_in_order(
    engine: Engine, ready: Make, clock: FakeClock, missed: dict[str, Any], ticks: Sequence[str]
):
    made = await schedule(ready, **missed)
    await pass_time(engine, clock, "5h")

    assert await ticks_of(ready, made) == ticks
    assert (
        await engine.schedules.get(ready.environment, made.schedule.id)
    ).schedule.next_at == START + 6 * HOUR


@pytest.mark.parametrize(("late", "count"), [("1h1m", 1), ("1h1m0.001s", 0), ("23d5h30m", 0)])
async def test_a_tick_that_is_seen_over_a_minute_late_was_missed(
    engine: Engine, ready: Make, clock: FakeClock, late: str, count: int
):
    made = await schedule(ready)
    await pass_time(engine, clock, late)

    assert len(await runs_of(ready, made)) == count


async def test_a_server_that_was_down_for_a_year_catches_up_with_the_latest(
    engine: Engine, ready: Make, clock: FakeClock
):
    made = await schedule(ready, cron="* * * * *", missed="catch_up", max_catch_up=3)
    await pass_time(engine, clock, "365d")

    assert await ticks_of(ready, made) == ["2026-12-31T23:58", "2026-12-31T23:59", "2027-01-01T00:00"]


async def test_a_clock_that_is_set_back_doubles_nothing(engine: Engine, ready: Make, clock: FakeClock):
    made = await schedule(ready)
    await pass_time(engine, clock, "2h")
    earlier = FakeClock(START + HOUR)
    for _ in range(3):
        assert await engine.resources.db.transact(engine.ticks._tick, earlier.now()) == 0
        earlier.forward("30m")
    await pass_time(engine, clock, "1h")

    assert await ticks_of(ready, made) == ["2026-01-01T02:00", "2026-01-01T03:00"]


async def test_two_servers_fire_a_tick_once(engine: Engine, ready: Make, clock: FakeClock):
    other = Engine(engine.resources)
    made = await schedule(ready)
    clock.forward("1h")
    await engine.ticks.run_once()
    await other.ticks.run_once()

    assert len(await runs_of(ready, made)) == 1


async def test_not_even_a_schedule_that_is_set_back_by_hand_fires_a_tick_twice(
    engine: Engine, ready: Make, clock: FakeClock
):
    made = await schedule(ready)
    await pass_time(engine, clock, "1h")
    await engine.resources.db.transact(schedules.write, [made.schedule])
    await engine.ticks.run_once()

    assert len(await runs_of(ready, made)) == 1


async def test_a_window_moves_runs_but_not_what_they_are_told(engine: Engine, ready: Make, clock: FakeClock):
    views = [await schedule(ready, deduplication_key=str(n), window="30m") for n in range(20)]
    due = [view.schedule.due_at or 0 for view in views]
    await pass_time(engine, clock, *["1m"] * 90)

    assert len(set(due)) > 10
    assert all(START + HOUR <= at < START + HOUR + 30 * MINUTE for at in due)
    for view in views:
        assert await ticks_of(ready, view) == ["2026-01-01T01:00"]


async def test_a_window_ends_before_the_next_tick(ready: Make):
    views = [
        await schedule(ready, deduplication_key=str(n), cron="* * * * *", window="24h") for n in range(9)
    ]

    assert all(START + MINUTE <= (view.schedule.due_at or 0) < START + 2 * MINUTE for view in views)


async def test_a_share_is_of_the_time_to_the_next_tick(ready: Make):
    views = [await schedule(ready, deduplication_key=str(n), window="50%") for n in range(9)]

    assert all(START + HOUR <= (view.schedule.due_at or 0) < START + HOUR + 30 * MINUTE for view in views)
    assert max(view.schedule.due_at or 0 for view in views) > START + HOUR


async def test_ticks_overlap_if_they_may(engine: Engine, ready: Make, clock: FakeClock):
    made = await schedule(ready)
    await pass_time(engine, clock, "1h", "1h")

    assert [run.status for run in await runs_of(ready, made)] == ["QUEUED", "QUEUED"]


async def test_a_tick_is_skipped_while_an_older_run_goes_on(engine: Engine, ready: Make, clock: FakeClock):
    made = await schedule(ready, overlap="skip")
    worker = await ready.worker()
    await pass_time(engine, clock, "1h", "1h")
    (held,) = await ready.claim(worker, 10)
    await ready.start(worker, held)
    await ready.succeed(worker, held)
    await pass_time(engine, clock, "1h")

    assert await ticks_of(ready, made) == ["2026-01-01T01:00", "2026-01-01T03:00"]
    last = (await runs_of(ready, made))[-1]
    assert (await payload_of(ready, last))["lastTimestamp"] == "2026-01-01T01:00:00.000Z"


async def test_a_tick_waits_for_the_older_run_and_then_fires(engine: Engine, ready: Make, clock: FakeClock):
    made = await schedule(ready, overlap="queue")
    worker = await ready.worker()
    await pass_time(engine, clock, "1h", "1h", "1h")
    waiting = json.loads((await engine.schedules.get(ready.environment, made.schedule.id)).schedule.held)
    for _ in range(3):
        (held,) = await ready.claim(worker, 10)
        await ready.start(worker, held)
        await ready.succeed(worker, held)
        await engine.ticks.run_once()

    assert waiting == [START + 2 * HOUR, START + 3 * HOUR]
    assert await ticks_of(ready, made) == [f"2026-01-01T0{hour}:00" for hour in (1, 2, 3)]


async def test_the_end_of_a_run_is_hinted(engine: Engine, ready: Make, clock: FakeClock):
    made = await schedule(ready, overlap="queue")
    await pass_time(engine, clock, "1h", "1h")
    with engine.resources.db.hints.subscribe(*engine.ticks.channels) as subscription:
        await engine.cancel.cancel(ready.environment, (await runs_of(ready, made))[0].id)

        assert await subscription.wait(60)
    await engine.ticks.run_once()
    assert await ticks_of(ready, made) == ["2026-01-01T01:00", "2026-01-01T02:00"]


async def test_no_more_ticks_wait_than_may(engine: Engine, ready: Make, clock: FakeClock):
    made = await schedule(ready, overlap="queue", max_catch_up=2)
    await pass_time(engine, clock, *["1h"] * 5)

    held = json.loads((await engine.schedules.get(ready.environment, made.schedule.id)).schedule.held)
    assert held == [START + 4 * HOUR, START + 5 * HOUR]


async def test_missed_ticks_run_one_after_the_other_if_they_must_not_overlap(
    engine: Engine, ready: Make, clock: FakeClock
):
    made = await schedule(ready, overlap="queue", missed="catch_up")
    await pass_time(engine, clock, "3h")

    held = json.loads((await engine.schedules.get(ready.environment, made.schedule.id)).schedule.held)
    assert await ticks_of(ready, made) == ["2026-01-01T01:00"]
    assert held == [START + 2 * HOUR, START + 3 * HOUR]


async def test_a_tick_cancels_the_older_run(engine: Engine, ready: Make, clock: FakeClock):
    made = await schedule(ready, overlap="cancel_old")
    worker = await ready.worker()
    await pass_time(engine, clock, "1h")
    (held,) = await ready.claim(worker)
    await ready.start(worker, held)
    await pass_time(engine, clock, "1h")

    assert [run.status for run in await runs_of(ready, made)] == ["CANCELED", "QUEUED"]


async def test_several_missed_ticks_that_would_cancel_each_other_make_one_run(
    engine: Engine, ready: Make, clock: FakeClock
):
    made = await schedule(ready, overlap="cancel_old", missed="catch_up")
    await pass_time(engine, clock, "3h")

    assert await ticks_of(ready, made) == ["2026-01-01T03:00"]


async def test_ticks_of_a_task_that_is_gone_make_no_runs_and_say_so(
    engine: Engine, ready: Make, clock: FakeClock
):
    made = await schedule(ready, missed="catch_up")
    await ready.version(manifest("other"), version="20260102.1")
    await pass_time(engine, clock, "2h")
    view = await engine.schedules.get(ready.environment, made.schedule.id)
    await ready.version(manifest(), version="20260103.1")
    await pass_time(engine, clock, "1h")

    assert view.problem == "Task hello is not in the current version 20260102.1, so no tick makes a run."
    assert await ticks_of(ready, made) == ["2026-01-01T03:00"]
    assert (await engine.schedules.get(ready.environment, made.schedule.id)).problem is None


async def test_in_dev_ticks_make_runs_while_a_worker_is_connected(engine: Engine, clock: FakeClock):
    dev = await Make.begin(engine, type="dev", slug="dev")
    await dev.version(manifest())
    made = await schedule(dev, missed="catch_up")
    await pass_time(engine, clock, "2h")
    before = await engine.schedules.get(dev.environment, made.schedule.id)
    clock.forward("1h")
    await dev.worker()
    await engine.ticks.run_once()

    assert made.problem == "No dev worker is connected, so no tick makes a run: start `perdure dev`."
    assert before.problem == made.problem
    assert (await engine.schedules.get(dev.environment, made.schedule.id)).problem is None
    assert await ticks_of(dev, made) == ["2026-01-01T03:00"]
