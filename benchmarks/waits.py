"""What a wait costs: `python -m benchmarks.waits [sqlite|postgres] [RUNS] [parking]`.

The claims: a run that waits holds no process and no memory, and less than 2 kB in the database; thousands
of runs a second go on when what they wait for is over; a parent hardly pays for parking; and ten children
in a row are done more often a second than by DBOS.  With `parking`, only the first two are looked at.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.kit import peer
from benchmarks.kit.stack import DATABASES, Postgres, Stack, stack
from perdure.core.lifecycle import Status

TASKS = """
from datetime import datetime
from perdure import task, wait

@task(id="for-token", isolation="shared")
async def for_token(order: str, token: str) -> str:
    amount = 10
    answer = await wait.for_token(token)
    return f"{order} {amount} {answer}"

@task(id="for-time", isolation="shared")
async def for_time(order: str, moment: datetime) -> str:
    amount = 10
    await wait.until(moment)
    return f"{order} {amount}"

@task(id="child", isolation="shared")
async def child(number: int) -> int:
    return number + 1

@task(id="parent", isolation="shared")
async def parent(children: int) -> int:
    number = 0
    for _ in range(children):
        number = await child.trigger_and_wait(number=number)
    return number
"""

AT_ONCE = 100
WARM = 50
ONES, PARENTS, CHILDREN = 200, 100, 10


def report(what: str, value: float, unit: str, goal: str = "") -> None:
    print(f"  {what:<58}{value:>11,.2f} {unit:<12}{goal}", flush=True)


async def trigger(on: Stack, task: str, count: int, payload: dict[str, Any]) -> list[str]:
    """Trigger runs, many at once; return their ids."""
    ids: list[str] = []
    left = iter(range(count))

    async def one_after_another() -> None:
        for number in left:
            ids.append((await on.client.trigger(task, {"order": f"order-{number}", **payload})).id)

    await asyncio.gather(*(one_after_another() for _ in range(AT_ONCE)))
    return ids


async def parked(on: Stack, task: str, count: int, payload: dict[str, Any]) -> float:
    """Park runs and print what they hold; return how many were parked in a second."""
    memory, sizes = on.memory(), await on.database.sizes()
    began = time.time()
    await trigger(on, task, count, payload)
    await on.until(Status.WAITING, count + WARM, patience(count))
    rate = count / await seconds_since(on, began, "select max(updated_at) from runs")
    report(f"{count:,} runs triggered and parked", rate, "runs/s")
    await asyncio.sleep(1)
    now = on.memory()
    report("memory of the server over idle", (now[0] - memory[0]) / 1e6, "MB", "at most 50")
    report(
        "memory of the worker and all its processes over idle", (now[1] - memory[1]) / 1e6, "MB", "at most 50"
    )
    await report_bytes(on, sizes, count)
    return rate


async def warm_up(on: Stack, task: str, payload: dict[str, Any]) -> None:
    await trigger(on, task, WARM, payload)
    await on.until(Status.WAITING, WARM)
    await asyncio.sleep(1)


async def report_bytes(on: Stack, before: dict[str, int], count: int) -> None:
    """Print what the database has grown by, and where."""
    grown = await growth(on, before, count)
    report("bytes in the database for each", sum(grown.values()), "B", "below 2,000")
    if isinstance(on.database, Postgres):
        await on.database.compact()
        grown = await growth(on, before, count)
        report("  of rows as they are now", sum(grown.values()), "B", "below 2,000")
    largest = sorted(grown, key=lambda name: -grown[name])[:10]
    print("    " + ", ".join(f"{name} {grown[name]:.0f}" for name in largest), flush=True)


async def growth(on: Stack, before: dict[str, int], count: int) -> dict[str, float]:
    sizes = await on.database.sizes()
    return {name: (size - before.get(name, 0)) / count for name, size in sizes.items()}


async def resumed(on: Stack, count: int, began: float, cpu: dict[str, float]) -> None:
    await on.until(Status.COMPLETED, count, patience(count))
    seconds = await seconds_since(on, began, "select max(finished_at) from runs")
    report(f"{count:,} runs resumed and completed", count / seconds, "runs/s", "2,000")
    for part, used in on.cpu().items():
        report(f"  processor time of the {part} for each", (used - cpu[part]) / count * 1000, "ms")


async def seconds_since(on: Stack, began: float, moment: str) -> float:
    """Return the time from a moment to one in the database: nearer than who looks now and then."""
    return await on.database.value(moment) / 1000 - began


def patience(count: int) -> float:
    return 60 + count / 25


async def on_token(kind: str, count: int) -> float:
    """Park runs on a token, and complete it; return how many were parked in a second."""
    print(f"{kind}: {count:,} runs wait for one token")
    async with stack(kind, TASKS) as on:
        token = await on.client.tokens.create(timeout="1d")
        await warm_up(on, "for-token", {"token": token.id})
        rate = await parked(on, "for-token", count, {"token": token.id})
        began, cpu = time.time(), on.cpu()
        await on.client.tokens.complete(token.id, "yes")
        await resumed(on, count + WARM, began, cpu)
        return rate


async def on_timers(kind: str, count: int, rate: float) -> None:
    """Park runs until a moment; it comes when all should long be parked, at a known rate."""
    print(f"{kind}: {count:,} runs wait for a moment")
    async with stack(kind, TASKS) as on:
        moment = datetime.now(UTC) + timedelta(seconds=15 + 1.5 * count / rate)
        payload = {"moment": moment.isoformat()}
        await warm_up(on, "for-time", payload)
        await parked(on, "for-time", count, payload)
        left = (moment - datetime.now(UTC)).total_seconds()
        if left < 0:
            raise RuntimeError(
                "parking took longer than the wait: ask for fewer runs, or on a quieter machine"
            )
        await asyncio.sleep(left)
        await resumed(on, count + WARM, moment.timestamp(), on.cpu())


async def one_by_one(on: Stack, task: str, payload: dict[str, Any]) -> float:
    """Milliseconds from trigger to result, p50."""
    times = []
    for _ in range(ONES):
        began = time.perf_counter()
        made = await on.client.trigger(task, payload)
        await on.client.runs.result(made.id)
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000


async def families(on: Stack, at_once: int) -> float:
    """How many parents of ten children in a row finish in a second."""
    left = iter(range(PARENTS))

    async def one_after_another() -> None:
        for _ in left:
            made = await on.client.trigger("parent", {"children": CHILDREN})
            await on.client.runs.result(made.id)

    began = time.perf_counter()
    await asyncio.gather(*(one_after_another() for _ in range(at_once)))
    return PARENTS / (time.perf_counter() - began)


async def children(kind: str) -> None:
    print(f"{kind}: parents and children")
    async with stack(kind, TASKS) as on:
        await one_by_one(on, "parent", {"children": 1})
        plain = await one_by_one(on, "child", {"number": 1})
        report("a plain run, trigger to result, p50", plain, "ms")
        through = await one_by_one(on, "parent", {"children": 1})
        report("the same through a child that returns at once", through, "ms")
        report("  so a child, parking and resuming cost", through - plain, "ms", "below 15")
        for at_once in (1, 16):
            rate = await families(on, at_once)
            report(f"parents with ten children in a row, {at_once} at once", rate, "parents/s")
    if kind == "sqlite":
        for at_once in (1, 16):
            with tempfile.TemporaryDirectory() as folder:
                url = f"sqlite:///{Path(folder) / 'dbos.db'}"
                rate = peer.run("dbos_children", url, PARENTS, at_once)
            if rate is not None:
                report(f"  the same in DBOS, {at_once} at once", rate, "parents/s")


async def main() -> None:
    count = next((int(word) for word in sys.argv[1:] if word.isdigit()), 10_000)
    for kind in [word for word in sys.argv[1:] if word in DATABASES] or DATABASES:
        if "parking" not in sys.argv:
            await children(kind)
        rate = await on_token(kind, count)
        await on_timers(kind, count, rate)


if __name__ == "__main__":
    asyncio.run(main())
