"""10,000 schedules that are due at one moment: how long until all their runs are stored.

    python -m benchmarks.schedules [sqlite|postgres]

*One expression*: all say the same, as the tenants of a program do.  *Each its own*: one for each minute of a
day in seven time zones, a day of which is caught up with at once.
"""

import asyncio
import sys
import time
from collections.abc import Iterator
from itertools import product

from benchmarks.engine import engine_on
from perdure.engine.engine import Engine
from perdure.engine.resources import Resources
from perdure.engine.schedules import new_row
from perdure.store import schedules
from perdure.store.database import Tx
from perdure.store.schedules import Schedule
from perdure.testing.clock import FakeClock
from perdure.wire.schedules import Timing
from tests.support.make import TASK, Make, manifest

COUNT = 10_000
ZONES = (
    "UTC",
    "Europe/Paris",
    "Asia/Tokyo",
    "America/New_York",
    "Asia/Kolkata",
    "Africa/Cairo",
    "Asia/Dubai",
)


def same() -> Iterator[Timing]:
    """Yield one timing, again and again."""
    while True:
        yield Timing(cron="0 9 * * *", timezone="Europe/Paris")


def different() -> Iterator[Timing]:
    """Yield timings that differ: each time of day in each zone."""
    for zone, hour, minute in product(ZONES, range(24), range(60)):
        yield Timing(cron=f"{minute} {hour} * * *", timezone=zone, missed="catch_up")


async def fire(make: Make, timings: Iterator[Timing], name: str) -> None:
    """Make the schedules, go to the moment when all are due, and print how long their runs take."""
    clock = FakeClock()
    engine = Engine(
        Resources(db=make.engine.resources.db, telemetry=make.engine.resources.telemetry, clock=clock)
    )
    here = await Make.begin(engine)
    await here.version(manifest())
    owner = {"environment": here.environment.id, "task": TASK}
    rows = [
        new_row(next(timings), clock.now(), **owner, deduplication_key=str(number)) for number in range(COUNT)
    ]

    async def store(tx: Tx, some: list[Schedule]) -> None:
        await schedules.insert(tx, some)

    for begin in range(0, COUNT, 500):
        await engine.resources.db.transact(store, rows[begin : begin + 500])
    clock.forward("8h" if name.startswith("one") else "24h")
    begun, burnt = time.perf_counter(), time.process_time()
    fired = await engine.ticks.run_once()
    seconds, cpu = time.perf_counter() - begun, time.process_time() - burnt
    assert fired == COUNT, fired
    each = f"{cpu / COUNT * 1e6:>6.0f} µs of our CPU each"
    print(f"  {name:<20} {seconds:>6.2f} s  {COUNT / seconds:>8,.0f}/s  {each}", flush=True)


async def measure(dialect: str) -> None:
    """Print the table of one kind of database."""
    print(f"{COUNT:,} schedules due at one moment, {dialect}")
    async with engine_on(dialect) as make:
        await fire(make, same(), "one expression")
        await fire(make, different(), "each its own")


if __name__ == "__main__":
    for chosen in sys.argv[1:] or ["sqlite", "postgres"]:
        asyncio.run(measure(chosen))
