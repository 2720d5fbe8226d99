"""What the engine alone can do: no HTTP, no executors.

    python benchmarks/engine.py [sqlite|postgres]

Real files and a real server that sync their commits.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from perdure.engine.drafts import NewRun  # noqa: E402
from perdure.engine.engine import Engine  # noqa: E402
from perdure.engine.resources import Resources  # noqa: E402
from perdure.store.connect import open_database  # noqa: E402
from perdure.store.rows import Worker  # noqa: E402
from perdure.wire.runs import TriggerRun  # noqa: E402
from perdure.wire.workers import PollRuns, Report, ReportItem, Started, Succeeded  # noqa: E402
from tests.support.make import TASK, Make  # noqa: E402
from tests.support.postgres import durable_server  # noqa: E402

COMMAND = TriggerRun(payload={"name": "Ada"})


@contextmanager
def database_of(dialect: str) -> Iterator[str]:
    """Give the URL of an empty database of this kind, which syncs its commits."""
    if dialect == "postgres":
        with durable_server() as url:
            yield url
        return
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{Path(folder) / 'bench.db'}"


@asynccontextmanager
async def engine_at(url: str) -> AsyncIterator[Make]:
    """Open an engine on this database."""
    async with await open_database(url) as db:
        yield await Make.begin(Engine(Resources(db=db, telemetry=db)))


@asynccontextmanager
async def engine_on(dialect: str) -> AsyncIterator[Make]:
    """Open an engine on an empty database of this kind."""
    with database_of(dialect) as url:
        async with engine_at(url) as make:
            yield make


async def one_by_one(make: Make, count: int, in_flight: int) -> None:
    """Trigger runs singly, so many callers at a time."""
    numbers = iter(range(count))

    async def caller() -> None:
        for _ in numbers:
            await make.engine.enqueue.trigger(make.environment, TASK, COMMAND)

    await asyncio.gather(*(caller() for _ in range(in_flight)))


async def in_batches(make: Make, count: int, size: int) -> None:
    """Trigger runs in lists."""
    new = NewRun(environment=make.environment, task=TASK, command=COMMAND)
    for _ in range(count // size):
        await make.engine.enqueue.trigger_many([new] * size)


async def drain(make: Make, worker: Worker, size: int) -> int:
    """Run what is queued as a worker does: claim some, report all as begun and succeeded."""
    done = 0
    command = PollRuns(worker_id=worker.id, slots=size, wait=0)
    while held := (await make.engine.dequeue.poll(make.environment, command)).runs:
        items: list[ReportItem] = []
        for one in held:
            items.append(Started(run_id=one.run_id, fence=one.fence))
            items.append(Succeeded(run_id=one.run_id, fence=one.fence, output="null", duration_ms=1))
        await make.engine.attempts.report(make.environment, Report(worker_id=worker.id, items=items))
        done += len(held)
    return done


async def latency(make: Make, worker: Worker, count: int) -> None:
    """Trigger, claim and report one run after the other."""
    for _ in range(count):
        await make.engine.enqueue.trigger(make.environment, TASK, COMMAND)
        assert await drain(make, worker, 1) == 1


async def timed(name: str, count: int, work: Callable[[], Awaitable[object]]) -> None:
    """Print how many a second, and what each costs this process (not PostgreSQL's)."""
    begun, burnt = time.perf_counter(), time.process_time()
    await work()
    seconds, cpu = time.perf_counter() - begun, time.process_time() - burnt
    each = f"{seconds / count * 1e6:>8.0f} µs each, {cpu / count * 1e6:>6.0f} µs of our CPU"
    print(f"  {name:<40} {count / seconds:>9,.0f}/s {each}", flush=True)


async def measure(dialect: str) -> None:
    """Print the table of one kind of database."""
    print(dialect)
    async with engine_on(dialect) as make:
        worker = await make.worker()
        await one_by_one(make, 200, 16)
        await drain(make, worker, 100)
        await timed("one run after the other, all the way", 500, lambda: latency(make, worker, 500))
        await timed("triggers, one in flight", 2_000, lambda: one_by_one(make, 2_000, 1))
        await timed("triggers, 16 in flight", 4_000, lambda: one_by_one(make, 4_000, 16))
        await timed("triggers, 200 in flight", 8_000, lambda: one_by_one(make, 8_000, 200))
        await timed("triggers, lists of 500", 10_000, lambda: in_batches(make, 10_000, 500))
        await drain(make, worker, 500)
        for size in (20, 100, 500):
            await in_batches(make, 10_000, 500)

            await timed(f"drain, {size} at a time", 10_000, lambda size=size: drain(make, worker, size))


if __name__ == "__main__":
    for chosen in sys.argv[1:] or ["sqlite", "postgres"]:
        asyncio.run(measure(chosen))
