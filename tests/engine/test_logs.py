"""What happened in a run: changes of status and log lines, in one sequence."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from perdure.core.clock import to_datetime
from perdure.core.errors import NotFound
from perdure.engine import logs
from perdure.engine.engine import Engine
from perdure.engine.resources import Resources
from perdure.store.database import Database
from perdure.testing.clock import FakeClock
from perdure.wire.runs import Event
from perdure.wire.workers import Assignment, LogLine, SendLogs
from tests.support.make import Make


@pytest.fixture
async def engine(db: Database, telemetry: Database, clock: FakeClock) -> Engine:
    return Engine(Resources(db=db, telemetry=telemetry, clock=clock, dice=lambda: 0.5))


async def log(make: Make, run: str, *messages: str, **changes: Any) -> None:
    now = make.engine.resources.clock.now()
    fields = {"run_id": run, "attempt": 1, "time": to_datetime(now), "level": "info", "source": "stdout"}
    lines = [LogLine(**({**fields, "message": message} | changes)) for message in messages]
    await make.engine.logs.append(make.environment, SendLogs(worker_id="worker_1", lines=lines))


async def begin(make: Make) -> Assignment:
    """Trigger, claim and start a run."""
    worker = await make.worker()
    await make.trigger()
    (held,) = await make.claim(worker)
    await make.start(worker, held)
    return held


async def told(make: Make, run: str, after: int = 0) -> Sequence[Event]:
    return (await make.engine.logs.events(make.environment, run, after=after, wait=0)).events


async def read_all(make: Make, run: str) -> list[Event]:
    """Read page by page, from each page's last sequence on."""
    events: list[Event] = []
    while page := await told(make, run, events[-1].sequence if events else 0):
        events += page
    return events


def words(events: Sequence[Event]) -> list[str]:
    return [event.message if event.kind == "log" else event.kind for event in events]


async def test_a_line_is_told_as_it_was_sent(make: Make):
    run = (await begin(make)).run_id
    await log(make, run, "half", level="warning", source="logger", attempt=3, properties={"n": [1, None]})

    (line,) = [event for event in await told(make, run) if event.kind == "log"]

    assert (line.message, line.level, line.source, line.attempt) == ("half", "warning", "logger", 3)
    assert line.properties == {"n": [1, None]}


async def test_lines_stand_where_they_happened_and_keep_their_order(make: Make, clock: FakeClock):
    held = await begin(make)
    clock.forward(1)
    await log(make, held.run_id, "one", "two")
    await log(make, held.run_id, "three")
    clock.forward(1)
    await make.engine.cancel.cancel(make.environment, held.run_id)

    events = await told(make, held.run_id)

    assert words(events) == ["triggered", "claim", "start", "one", "two", "three", "cancel"]
    sequences = [event.sequence for event in events]
    assert sequences == sorted(set(sequences))
    assert max(sequences) < 2**53


async def test_reading_goes_on_from_any_event(make: Make, clock: FakeClock):
    run = (await begin(make)).run_id
    clock.forward(1)
    await log(make, run, "one", "two")
    events = await told(make, run)

    for place, event in enumerate(events):
        assert await told(make, run, event.sequence) == events[place + 1 :]


async def test_a_line_that_comes_late_is_told_to_who_has_read_the_end(make: Make, clock: FakeClock):
    held = await begin(make)
    await make.engine.cancel.cancel(make.environment, held.run_id)
    ended = await make.engine.logs.events(make.environment, held.run_id, after=0, wait=0)
    assert not ended.done

    await log(make, held.run_id, "last words")
    clock.forward(1)

    rest = await make.engine.logs.events(
        make.environment, held.run_id, after=ended.events[-1].sequence, wait=0
    )
    assert words(rest.events) == ["last words"]
    assert rest.done


async def test_more_than_a_page_is_told_in_order_without_a_gap(
    make: Make, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(logs, "BATCH", 3)
    run = (await begin(make)).run_id
    for number in range(0, 8, 2):
        clock.forward(1)
        await log(make, run, str(number), str(number + 1))
    clock.forward(1)
    await make.engine.cancel.cancel(make.environment, run)

    events = await read_all(make, run)

    assert words(events) == ["triggered", "claim", "start", *"01234567", "cancel"]


async def test_lines_of_a_clock_that_went_back_are_all_told(
    make: Make, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(logs, "BATCH", 2)
    run = (await begin(make)).run_id
    for message, second in (("a", 9), ("b", 1), ("c", 8), ("d", 2), ("e", 3)):
        await log(make, run, message, time=to_datetime(clock.now() + second * 1000))
    await make.engine.cancel.cancel(make.environment, run)

    found = words(await read_all(make, run))

    assert [word for word in found if len(word) == 1] == list("abcde")
    assert len(found) == 9


async def test_lines_that_are_sent_at_once_are_each_told_once(make: Make):
    run, other = (await begin(make)).run_id, (await begin(make)).run_id
    await asyncio.gather(*(log(make, one, f"{n}") for n in range(20) for one in (run, other)))

    for one in (run, other):
        events = [event for event in await told(make, one) if event.kind == "log"]
        assert sorted(int(event.message) for event in events) == list(range(20))
        assert len({event.sequence for event in events}) == 20


@pytest.mark.parametrize("news", ["a line", "the end"])
async def test_who_waits_for_news_has_them_when_they_come(make: Make, news: str):
    run = (await begin(make)).run_id
    last = (await told(make, run))[-1].sequence
    waiting = asyncio.create_task(make.engine.logs.events(make.environment, run, after=last, wait=30))
    await asyncio.sleep(0)

    if news == "a line":
        await log(make, run, "here")
    else:
        await make.engine.cancel.cancel(make.environment, run)

    assert words((await waiting).events) == ["here" if news == "a line" else "cancel"]


async def test_what_no_database_can_store_is_made_fit(make: Make):
    run = (await begin(make)).run_id
    await log(make, run, "a\0b", properties={"x": "\ud800"})

    (line,) = [event for event in await told(make, run) if event.kind == "log"]

    assert line.message == "a\N{REPLACEMENT CHARACTER}b"


async def test_lines_of_another_environments_runs_are_dropped(engine: Engine, make: Make):
    other = await Make.begin(engine)
    run = await other.trigger()

    await log(make, run, "not mine")
    await log(make, "run_none", "nobody's")

    assert words(await told(other, run)) == ["triggered"]
    with pytest.raises(NotFound, match=run):
        await told(make, run)
