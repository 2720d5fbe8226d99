"""Ticks under random times, crashes and two servers on one database: none is lost, none comes twice."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perdure.engine.engine import Engine
from perdure.engine.resources import Resources
from perdure.store.connect import open_database
from perdure.store.database import Database, Tx
from perdure.testing.clock import START, FakeClock
from perdure.wire.schedules import UPCOMING
from tests.engine.scheduling import MINUTE, payload_of, runs_of, schedule
from tests.support.make import Make, manifest

STEPS = ("lock_due_schedules", "insert_runs", "claim_trigger_keys", "insert_packets", "write_schedules")
"""The statements that a crash comes before."""


class Crash(Exception):
    """The server dies here; what its transaction has written is undone."""


class CrashingTx:
    """A transaction whose server dies before one of its statements."""

    def __init__(self, tx: Tx, before: str) -> None:
        self._tx = tx
        self._before = before

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._tx, name)
        if name not in ("all", "one", "maybe", "run", "many"):
            return method

        def call(statement: str, *args: Any, **kwargs: Any) -> Coroutine[Any, Any, Any]:
            if statement == self._before:
                raise Crash(statement)
            return method(statement, *args, **kwargs)

        return call


async def tick_and_die(engine: Engine, before: str, now: int) -> None:
    """Fire what is due, and die before a statement."""

    async def body(tx: Tx) -> int:
        return await engine.ticks._tick(CrashingTx(tx, before), now)  # type: ignore[arg-type]

    with pytest.raises(Crash):
        await engine.resources.db.transact(body)


ACTIONS = st.lists(
    st.one_of(
        st.integers(1, 12).map(lambda minutes: ("pass", minutes)),
        st.sampled_from(STEPS).map(lambda before: ("crash", before)),
        st.just(("both", None)),
        st.just(("tick", None)),
    ),
    min_size=5,
    max_size=25,
)


def test_no_tick_is_lost_and_none_comes_twice(database_url: str):
    with asyncio.Runner() as runner:
        db = runner.run(open_database(database_url))

        @settings(deadline=None, max_examples=40)
        @given(actions=ACTIONS, every=st.integers(1, 7))
        def check(actions: list[tuple[str, Any]], every: int) -> None:
            runner.run(play(db, actions, every))

        try:
            check()
        finally:
            runner.run(db.close())


async def play(db: Database, actions: list[tuple[str, Any]], every: int) -> None:
    """Play the actions on a schedule that catches up, and compare its runs with the cron expression."""
    clock = FakeClock()
    engines = [Engine(Resources(db=db, telemetry=db, clock=clock)) for _ in range(2)]
    make = await Make.begin(engines[0])
    await make.version(manifest())
    made = await schedule(make, cron=f"*/{every} * * * *", missed="catch_up", max_catch_up=1000)
    for action, value in actions:
        if action == "pass":
            clock.forward(value * 60)
        elif action == "crash" and await is_due(engines[0], made.schedule.id, make):
            await tick_and_die(engines[0], value, clock.now())
        elif action == "both":
            await asyncio.gather(*(engine.ticks.run_once() for engine in engines))
        elif action == "tick":
            await engines[1].ticks.run_once()
    await engines[0].ticks.run_once()

    payloads = [await payload_of(make, run) for run in await runs_of(make, made)]
    minutes = (clock.now() - START) // MINUTE
    expected = [minute for minute in range(1, minutes + 1) if minute % 60 % every == 0]
    assert [_minute(one["timestamp"]) for one in payloads] == expected
    assert [_minute(one["lastTimestamp"]) for one in payloads[1:]] == expected[:-1]
    assert all(len(one["upcoming"]) == UPCOMING for one in payloads)
    await engines[0].schedules.delete(make.environment, made.schedule.id)


async def is_due(engine: Engine, schedule: str, make: Make) -> bool:
    row = (await engine.schedules.get(make.environment, schedule)).schedule
    return row.due_at is not None and row.due_at <= engine.resources.clock.now()


def _minute(moment: str) -> int:
    hours, minutes = moment[11:16].split(":")
    return int(hours) * 60 + int(minutes)
