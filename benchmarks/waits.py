"""What a wait costs: `python -m benchmarks.waits [sqlite|postgres] [RUNS]`.

The claims: a run that waits holds no process and no memory, and less than 2 kB in the database; thousands
of runs a second go on when what they wait for is over; a parent hardly pays for parking; and ten children
in a row are done more often a second than by DBOS.
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
from benchmarks.kit.stack import DATABASES, Stack, stack
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


async def parked(on: Stack, task: str, count: int, payload: dict[str, Any]) -> None:
    """Park runs and print what they hold."""
    await trigger(on, task, 50, payload)  # warm
    await on.until(Status.WAITING, 50)
    await asyncio.sleep(1)
    memory, size = on.memory(), await on.database.bytes()
    began = time.perf_counter()
    await trigger(on, task, count, payload)
    await on.until(Status.WAITING, count + 50)
    report(f"{count:,} runs triggered and parked", count / (time.perf_counter() - began), "runs/s")
    await asyncio.sleep(1)
    now = on.memory()
    report("memory of the server over idle", (now[0] - memory[0]) / 1e6, "MB", "at most 50")
    report(
        "memory of the worker and all its processes over idle", (now[1] - memory[1]) / 1e6, "MB", "at most 50"
    )
    report("bytes in the database for each", (await on.database.bytes() - size) / count, "B", "below 2,000")


async def resumed(on: Stack, count: int, began: float) -> None:
    await on.until(Status.COMPLETED, count)
    seconds = time.perf_counter() - began
    report(f"{count:,} runs resumed and completed", count / seconds, "runs/s", "2,000")


async def on_token(kind: str, count: int) -> None:
    print(f"{kind}: {count:,} runs wait for one token")
    async with stack(kind, TASKS) as on:
        token = await on.client.tokens.create(timeout="1d")
        await parked(on, "for-token", count, {"token": token.id})
        began = time.perf_counter()
        await on.client.tokens.complete(token.id, "yes")
        await resumed(on, count + 50, began)


async def on_timers(kind: str, count: int) -> None:
    print(f"{kind}: {count:,} runs wait for a moment")
    async with stack(kind, TASKS) as on:
        moment = datetime.now(UTC) + timedelta(seconds=20 + count / 300)
        await parked(on, "for-time", count, {"moment": moment.isoformat()})
        left = (moment - datetime.now(UTC)).total_seconds()
        if left < 0:
            raise RuntimeError("parking took longer than the wait: ask for fewer runs")
        await asyncio.sleep(left)
        await resumed(on, count + 50, time.perf_counter())


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
        await children(kind)
        await on_token(kind, count)
        await on_timers(kind, count)


if __name__ == "__main__":
    asyncio.run(main())
