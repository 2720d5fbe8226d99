"""How soon a run begins, and its result is there: `python -m benchmarks.latency [sqlite|postgres] [RUNS]`.

The claims: on an idle system a run's body begins, and its result is with the caller, no later than with
Celery on Redis, which keeps nothing; a child that returns at once costs its parent less than 15 ms; and a
parent of ten children in a row is done three times as fast as in DBOS.

One run is in flight at a time.  Client, server, worker and executor are processes of their own, and the
clock of them all is the machine's monotonic one, so that a body can tell when it began.  Rounds of ours and
of the peers alternate, and the best round of each counts: whatever else a machine does only adds.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.kit import peer
from benchmarks.kit.stack import DATABASES, Stack, stack

TASKS = """
import time
from perdure import task

@task(id="process")
async def in_process(number: int) -> float:
    return time.monotonic()

@task(id="shared", isolation="shared")
async def in_shared(number: int) -> float:
    return time.monotonic()

@task(id="parent", isolation="shared")
async def parent(children: int) -> float:
    for number in range(children):
        await in_shared.trigger_and_wait(number=number)
    return time.monotonic()
"""

ROUNDS, WARM, RUNS, PARENTS = 3, 10, 200, 10

Found = dict[str, list[float]]
"""p50, p95 and p99 in milliseconds, by what was measured."""

BODY, RESULT = "trigger to body", "trigger to result"
CHILD, FAMILY = "the same through a child that returns at once", "the same through ten children in a row"
PROCESS = ", isolation process"


def quantiles(seconds: Sequence[float]) -> list[float]:
    """p50, p95 and p99, in milliseconds."""
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return [cut * 1000 for cut in (cuts[49], cuts[94], cuts[98])]


async def one_by_one(
    on: Stack, task: str, payload: dict[str, int], runs: int
) -> tuple[list[float], list[float]]:
    """p50, p95 and p99 from the trigger to the body, and to the result."""
    bodies, results = [], []
    for _ in range(WARM + runs):
        began = time.monotonic()
        made = await on.client.trigger(task, payload)
        ended = await on.client.runs.result(made.id)
        results.append(time.monotonic() - began)
        bodies.append(float(ended.output or "nan") - began)
    return quantiles(bodies[WARM:]), quantiles(results[WARM:])


async def ours(kind: str, runs: int) -> Found:
    """One round of Perdure."""
    found: Found = {}
    async with stack(kind, TASKS) as on:
        found[BODY], found[RESULT] = await one_by_one(on, "shared", {"number": 1}, runs)
        found[BODY + PROCESS], found[RESULT + PROCESS] = await one_by_one(on, "process", {"number": 1}, runs)
        found[CHILD] = (await one_by_one(on, "parent", {"children": 1}, runs // 3))[1]
        found[FAMILY] = (await one_by_one(on, "parent", {"children": 10}, PARENTS))[1]
    return found


def dbos(runs: int) -> Found:
    """One round of DBOS on SQLite."""
    with tempfile.TemporaryDirectory() as folder:
        numbers = peer.numbers("dbos_latency", f"sqlite:///{Path(folder) / 'dbos.db'}", runs, PARENTS)
    return _by_name(numbers, BODY, RESULT, CHILD, FAMILY)


def celery(runs: int) -> Found:
    """One round of Celery on Redis."""
    with peer.redis() as url:
        return _by_name(peer.numbers("celery_latency", url, runs), BODY, RESULT) if url else {}


def _by_name(numbers: Sequence[float], *names: str) -> Found:
    return {name: list(numbers[3 * at : 3 * at + 3]) for at, name in enumerate(names)} if numbers else {}


def best(rounds: Sequence[Found]) -> Found:
    """The round with the lowest p50, of each thing that was measured."""
    return {name: min((found[name] for found in rounds), key=lambda one: one[0]) for name in rounds[0]}


def show(kind: str, found: Found, peers: dict[str, Found]) -> None:
    print(f"{kind}: one in flight, best of {ROUNDS} rounds{'p50':>22}{'p95':>9}{'p99':>9}  ms")
    for name, numbers in found.items():
        _line(name, numbers)
        for other, theirs in peers.items():
            beside = theirs.get(name.removesuffix(PROCESS))
            if beside:
                _line(f"    {other}", beside, f"   ratio {numbers[0] / beside[0]:.2f}")
    over = found[CHILD][0] - found[RESULT][0]
    print(f"  {'a child costs its parent':<50}{over:>9.2f}  ms, below 15")


def _line(name: str, numbers: Sequence[float], more: str = "") -> None:
    print(f"  {name:<50}" + "".join(f"{number:>9.2f}" for number in numbers) + more, flush=True)


async def main() -> None:
    runs = next((int(word) for word in sys.argv[1:] if word.isdigit()), RUNS)
    for kind in [word for word in sys.argv[1:] if word in DATABASES] or DATABASES:
        rounds: list[Found] = []
        peers: dict[str, list[Found]] = {"DBOS, SQLite, in one process": [], "Celery, Redis": []}
        for number in range(ROUNDS):
            rounds.append(await ours(kind, runs))
            peers["DBOS, SQLite, in one process"].append(dbos(runs))
            peers["Celery, Redis"].append(celery(runs))
            told = {name: round(quantiles[0], 2) for name, quantiles in rounds[-1].items()}
            print(f"round {number + 1}, p50 of ours: {told}", file=sys.stderr, flush=True)
        show(kind, best(rounds), {name: best(found) for name, found in peers.items()})


if __name__ == "__main__":
    asyncio.run(main())
