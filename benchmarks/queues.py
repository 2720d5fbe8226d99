"""What a claim costs with few and many concurrency keys, over a long backlog.

    python -m benchmarks.queues [runs] [sqlite|postgres …]

The backlog is a million runs (or as many as said) of one task and queue, shared among 1, 1,000 and 100,000
keys that are all ready; once more with a limit over all keys, a rate, and a rate for each key.  A claim takes
ten runs, as a worker does that has ten slots free.  Real files, and a real server that syncs its commits.
The cost should follow what is taken, not what waits: flat within 3x.
"""

import asyncio
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from benchmarks.engine import engine_on
from perdure.engine.drafts import Known, NewRun, draft, row_of
from perdure.engine.queues import define
from perdure.store import lanes, runs
from perdure.store.lanes import lane_of
from perdure.store.rows import Worker
from perdure.wire.manifests import QueueManifest, Rate
from perdure.wire.runs import TriggerOptions, TriggerRun
from perdure.wire.workers import PollRuns
from tests.support.make import TASK, Make, manifest

RUNS = 1_000_000
KEYS = (1, 1_000, 100_000)
CLAIMS = 100
SLOTS = 10
BATCH = 10_000
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


def backlog(make: Make, count: int, keys: int) -> Iterator[dict[str, Any]]:
    """Yield the rows of runs that are ready, dealt to the keys in turn."""
    now, settings = make.engine.resources.clock.now(), make.engine.resources.settings
    known = Known({}, {(make.environment.id, "", TASK): manifest(queue=PLAIN)})
    new = [
        NewRun(
            environment=make.environment,
            task=TASK,
            command=TriggerRun(options=TriggerOptions(concurrency_key=f"key-{key}")),
        )
        for key in range(keys)
    ]
    for number in range(count):
        yield row_of(draft(new[number % keys], now + number // 1000, settings), known, settings)


async def fill(make: Make, count: int, keys: int) -> None:
    """Store a backlog, thousands of rows in a statement."""
    db, rows = make.engine.resources.db, backlog(make, count, keys)
    while batch := list(islice(rows, BATCH)):
        ready = Counter(_lane(row) for row in batch)
        await db.transact(runs.insert, batch)
        await db.transact(lanes.change, ready)


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
        async with engine_on(dialect) as make:
            worker = await make.worker(manifest(queue=PLAIN))
            await fill(make, count, keys)
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
