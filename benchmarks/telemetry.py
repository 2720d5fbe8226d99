"""What it costs to be seen: `./dev bench telemetry`.

The claims: a run that says something (one span, one log line) drains at nine tenths of the rate of one that
says nothing, as what it says goes beside the hot path; and a span and a line take little room.  Both tasks
are drained in turns, so that what else the machine does meets both; the ratio of processor time, of server
and worker together, says more than the clock on a machine that is shared.
"""

import asyncio
import sqlite3
import statistics
import time
from pathlib import Path
from typing import Any

import psutil

from benchmarks.kit.stack import Sqlite, Stack, stack
from tests.support.waiting import until

TASKS = """
from perdure import logger, span, task

@task(id="silent", isolation="shared")
async def silent() -> None: ...

@task(id="telling", isolation="shared")
async def telling() -> None:
    with span("work", number=1):
        logger.info("worked", number=1)

@task(id="spans")
async def spans(count: int) -> None:
    for number in range(count):
        with span("work", number=number):
            pass

@task(id="lines")
async def lines(count: int) -> None:
    for number in range(count):
        logger.info("worked", number=number)
"""

RUNS = 2_000
ROUNDS = 3
RECORDS = 5_000


def processor_time(process: psutil.Process) -> float:
    """Seconds that a process, and all below it, has computed."""
    family = [process, *process.children(recursive=True)]
    # With the times of children that have ended: executors come and go.
    return sum(sum(one.cpu_times()[:4]) for one in family)


async def drain(running: Stack, task: str, done: int) -> tuple[float, float]:
    """Trigger runs, and wait for them; return runs per second, and milliseconds of work for each."""
    computed = processor_time(running.server) + processor_time(running.worker)
    began = time.perf_counter()
    await running.client.batches.trigger([{"task": task, "payload": None}] * RUNS)
    await running.until("COMPLETED", done + RUNS)
    took = time.perf_counter() - began
    computed = processor_time(running.server) + processor_time(running.worker) - computed
    return RUNS / took, computed / RUNS * 1000


async def room(running: Stack, task: str) -> float:
    """Let a run tell so many things; return the bytes that each takes in the telemetry database."""
    assert isinstance(running.database, Sqlite)
    file = Path(running.database.url.removeprefix("sqlite:///"))
    telemetry = file.with_name(f"{file.stem}-telemetry{file.suffix}")

    def ask(query: str) -> Any:
        with sqlite3.connect(telemetry, timeout=30) as connection:
            return connection.execute(query).fetchone()[0]

    def used() -> int:
        query = "select (page_count - freelist_count) * page_size from pragma_page_count, "
        return ask(query + "pragma_freelist_count, pragma_page_size")

    table = "spans" if task == "spans" else "log_lines"
    had, before = ask(f"select count(*) from {table}"), used()
    await running.client.trigger(task, {"count": RECORDS})

    async def is_stored() -> bool:
        return ask(f"select count(*) from {table}") >= had + RECORDS

    await until(is_stored, f"{RECORDS} {task} are stored", 120)
    return (used() - before) / RECORDS


async def main() -> None:
    rates: dict[str, list[float]] = {"silent": [], "telling": []}
    costs: dict[str, list[float]] = {"silent": [], "telling": []}
    async with stack("sqlite", TASKS) as running:
        done = 0
        for _ in range(ROUNDS):
            for task in rates:
                rate, cost = await drain(running, task, done)
                rates[task].append(rate)
                costs[task].append(cost)
                done += RUNS
        for task in rates:
            print(f"{task:<10} {max(rates[task]):>8,.0f} runs/s  {min(costs[task]):.3f} ms of work a run")
        best = {task: max(found) for task, found in rates.items()}
        median = {task: statistics.median(found) for task, found in rates.items()}
        print(
            f"telling / silent: {best['telling'] / best['silent']:.2f} of the rate (best of {ROUNDS}), ",
            end="",
        )
        print(f"{median['telling'] / median['silent']:.2f} (median)")
        for task in ("spans", "lines"):
            print(f"{task:<10} {await room(running, task):>8,.0f} bytes each")


if __name__ == "__main__":
    asyncio.run(main())
