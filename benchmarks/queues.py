"""What a claim costs with few and many concurrency keys, over a long backlog.

    python -m benchmarks.queues [runs] [sqlite|postgres …]

The backlog is a million runs (or as many as said) of one task and queue, shared among 1, 1,000 and 100,000
keys that are all ready; once more with a limit over all keys, a rate, and a rate for each key.  A claim takes
ten runs, as a worker does that has ten slots free.  Real files, and a real server that syncs its commits.
The cost should follow what is taken, not what waits: flat within 3x.
"""

import asyncio
import sqlite3
import statistics
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from itertools import islice
from typing import Any

import asyncpg

from benchmarks.engine import database_of, engine_at
from perdure.engine.drafts import Known, NewRun, draft, row_of
from perdure.engine.queues import define
from perdure.store import lanes, runs
from perdure.store.lanes import lane_of
from perdure.store.rows import Run, Worker
from perdure.wire.manifests import QueueManifest, Rate
from perdure.wire.runs import TriggerOptions, TriggerRun
from perdure.wire.workers import PollRuns
from tests.support.make import TASK, Make, manifest

RUNS = 1_000_000
KEYS = (1, 1_000, 100_000)
CLAIMS = 100
SLOTS = 10
BATCH = 10_000
COPIED = [column for column in Run._fields if column not in ("id", "place")]
QUEUE = "bench"

PLAIN = QueueManifest(name=QUEUE)
GATES = {
    "no gate": PLAIN,
    "a total limit": QueueManifest(name=QUEUE, total_limit=100_000),
    "a rate": QueueManifest(name=QUEUE, rate_limit=Rate(limit=100_000, period_ms=1000, burst=100_000)),
    "a rate for each key": QueueManifest(
        name=QUEUE, rate_limit=Rate(limit=100, period_ms=1000, per_key=True)
    ),
}


COPY = f"""
with recursive copies (number) as (select 1 union all select number + 1 from copies where number < {{copies}})
insert into runs (id, place, {", ".join(COPIED)})
select id || '_' || number, place + number, {", ".join(COPIED)} from runs cross join copies
"""
"""A statement of both dialects: each run so many times again, later in its line."""


def firsts(make: Make, keys: int) -> Iterator[dict[str, Any]]:
    """Yield the row of the first run of each key, as the engine makes it."""
    now, settings = make.engine.resources.clock.now(), make.engine.resources.settings
    known = Known({}, {(make.environment.id, "", TASK): manifest(queue=PLAIN)})
    for key in range(keys):
        command = TriggerRun(options=TriggerOptions(concurrency_key=f"key-{key}"))
        new = NewRun(environment=make.environment, task=TASK, command=command)
        yield row_of(draft(new, now, settings), known, settings)


async def fill(make: Make, url: str, count: int, keys: int) -> None:
    """Store a backlog: the first run of each key by the engine's own rows, the others copied from those."""
    db, rows = make.engine.resources.db, firsts(make, keys)
    each = count // keys
    while batch := list(islice(rows, BATCH)):
        await db.transact(runs.insert, batch)
        await db.transact(lanes.change, {_lane(row): each for row in batch})
    copy = COPY.format(copies=each - 1)
    if url.startswith("sqlite:"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file, file:
            file.execute(copy)
        return
    connection = await asyncpg.connect(url, server_settings={"search_path": "perdure"})
    await connection.execute(copy)
    await connection.execute("vacuum analyze")  # as a server does by itself after such growth
    await connection.close()


def _lane(row: dict[str, Any]) -> lanes.Lane:
    return lane_of(row["environment"], row["queue"], row["concurrency_key"], row["task"], "")


async def claim_cost(make: Make, worker: Worker) -> tuple[float, float]:
    """Return what a claim takes at the median, and our CPU for each, in milliseconds."""
    command = PollRuns(worker_id=worker.id, slots=SLOTS, wait=0)
    for _ in range(5):
        await make.engine.dequeue.poll(make.environment, command)
    times: list[float] = []
    burnt = time.process_time()
    for _ in range(CLAIMS):
        begun = time.perf_counter()
        held = (await make.engine.dequeue.poll(make.environment, command)).runs
        times.append(time.perf_counter() - begun)
        assert held, "a claim found nothing"
    cpu = time.process_time() - burnt
    return statistics.median(times) * 1000, cpu / CLAIMS * 1000


async def measure(dialect: str, count: int) -> None:
    """Print the table of one kind of database."""
    print(f"{dialect}: a claim of {SLOTS} runs, {count:,} waiting")
    print(f"  {'':<22}" + "".join(f"{f'{keys:,} keys':>26}" for keys in KEYS) + f"{'worst / best':>16}")
    costs: Mapping[str, list[tuple[float, float]]] = {name: [] for name in GATES}
    for keys in KEYS:
        with database_of(dialect) as url:
            async with engine_at(url) as make:
                worker = await make.worker(manifest(queue=PLAIN))
                await fill(make, url, count, keys)
                for name, queue in GATES.items():
                    if keys == 1 and queue.rate_limit and queue.rate_limit.per_key:
                        continue  # one key with one rate gives a run in ten milliseconds
                    await make.engine.resources.db.transact(define, make.environment.id, [queue], 0)
                    costs[name].append(await claim_cost(make, worker))
    for name, row in costs.items():
        shown = [f"{wall:.2f} ms, {cpu:.2f} of our CPU" for wall, cpu in row]
        blanks = [""] * (len(KEYS) - len(row))
        walls = [wall for wall, _ in row]
        cells = "".join(f"{cell:>26}" for cell in [*blanks, *shown])
        print(f"  {name:<22}{cells}{max(walls) / min(walls):>15.1f}x", flush=True)


def main() -> None:
    """Run what the arguments say."""
    given = sys.argv[1:]
    count = int(given.pop(0).replace("_", "")) if given and given[0].replace("_", "").isdigit() else RUNS
    for dialect in given or ["sqlite", "postgres"]:
        asyncio.run(measure(dialect, count))


if __name__ == "__main__":
    main()
