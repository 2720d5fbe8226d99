"""The log lines of an environment: searched, and read as they come."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from perdure.core.clock import to_datetime
from perdure.core.errors import BadOption
from perdure.engine import log_search
from perdure.engine.engine import Engine
from perdure.engine.resources import Resources
from perdure.store.database import Database
from perdure.testing.clock import FakeClock
from perdure.wire.telemetry import LogQuery, TailQuery
from perdure.wire.workers import LogLine, SendLogs
from tests.support.make import Make


@pytest.fixture
async def engine(db: Database, telemetry: Database, clock: FakeClock) -> Engine:
    return Engine(Resources(db=db, telemetry=telemetry, clock=clock, dice=lambda: 0.5))


async def log(make: Make, run: str, *messages: str, level: str = "info") -> None:
    now = to_datetime(make.engine.resources.clock.now())
    fields: dict[str, Any] = {"run_id": run, "attempt": 1, "time": now, "source": "logger", "level": level}
    lines = [LogLine(message=message, **fields) for message in messages]
    await make.engine.logs.append(make.environment, SendLogs(worker_id="w", lines=lines))


async def found(make: Make, **query: Any) -> list[str]:
    """Return the messages of all pages."""
    messages, after = [], None
    while True:
        page = await make.engine.log_search.search(
            make.environment, LogQuery(**{"size": 2, **query, "after": after})
        )
        messages += [line.message for line in page.data]
        after = page.pagination.next
        if after is None:
            return messages


@pytest.fixture
async def said(make: Make, clock: FakeClock) -> tuple[str, str]:
    """Two runs, of tasks `a` and `b`, that have said something."""
    one, other = await make.trigger("a"), await make.trigger("b")
    await log(make, one, "first Light", "50% off")
    clock.forward(60)
    await log(make, other, "second light", level="error")
    clock.forward(60)
    await log(make, one, "a_b", level="warning")
    return one, other


async def test_lines_are_found_newest_first(make: Make, said: tuple[str, str]):
    assert await found(make) == ["a_b", "second light", "50% off", "first Light"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"text": "LIGHT"}, ["second light", "first Light"]),
        ({"text": "0%"}, ["50% off"]),
        ({"text": "_"}, ["a_b"]),
        ({"text": "\\"}, []),
        ({"level": "error"}, ["second light"]),
        ({"level": "error, Warning"}, ["a_b", "second light"]),
        ({"task": "b"}, ["second light"]),
        ({"task": "none"}, []),
        ({"run": "run_none"}, []),
    ],
)
async def test_each_filter_narrows_what_is_found(
    make: Make, said: tuple[str, str], query: dict[str, Any], expected: list[str]
):
    assert await found(make, **query) == expected


async def test_lines_of_one_run_are_found(make: Make, said: tuple[str, str]):
    assert await found(make, run=said[0]) == ["a_b", "50% off", "first Light"]
    assert await found(make, run=said[0], text="light") == ["first Light"]


async def test_lines_of_a_time_are_found(make: Make, said: tuple[str, str], clock: FakeClock):
    middle = to_datetime(clock.now()) - timedelta(seconds=60)

    assert await found(make, from_=middle) == ["a_b", "second light"]
    assert await found(make, to=middle) == ["second light", "50% off", "first Light"]
    assert await found(make, from_=middle, to=middle) == ["second light"]


async def test_what_is_rare_is_found_by_going_on(make: Make, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(log_search, "SCAN", 3)
    run = await make.trigger()
    await log(make, run, "needle", *(f"hay {n}" for n in range(20)))

    assert await found(make, text="needle") == ["needle"]


async def test_a_tail_begins_now_and_misses_nothing(make: Make):
    run = await make.trigger()
    await log(make, run, "before")
    tail = make.engine.log_search.tail
    cursor = (await tail(make.environment, TailQuery())).cursor
    waiting = asyncio.create_task(tail(make.environment, TailQuery(after=cursor, wait=30, level="error")))
    await asyncio.sleep(0)

    await log(make, run, "noise")
    await log(make, run, "here", level="error")

    told = await waiting
    assert [line.message for line in told.data] == ["here"]
    assert (await tail(make.environment, TailQuery(after=told.cursor))).data == []
    assert [line.message for line in (await tail(make.environment, TailQuery(after=0))).data] == [
        "before",
        "noise",
        "here",
    ]


async def test_environments_do_not_see_each_others_lines(engine: Engine, make: Make, said: tuple[str, str]):
    other = await Make.begin(engine)

    assert await found(other) == []
    assert await found(other, run=said[0]) == []


@pytest.mark.parametrize(("query", "option"), [({"level": "loud"}, "level"), ({"after": "x_y"}, "page")])
async def test_what_can_not_be_asked_is_told(
    make: Make, said: tuple[str, str], query: dict[str, Any], option: str
):
    with pytest.raises(BadOption, match=option):
        await make.engine.log_search.search(make.environment, LogQuery(**query))
