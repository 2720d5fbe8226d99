"""What batches cost: `python -m benchmarks.batches [sqlite|postgres] [ITEMS]`.

The claims: a thousand runs triggered as one cost a few statements and are done as fast as the worker is; a
parent hardly pays for waiting for them; and a stream of any length takes no more memory than two batches, in
the client and in the server.
"""

import asyncio
import resource
import subprocess
import sys
import time
from collections.abc import Iterator

from benchmarks.kit.stack import DATABASES, KEY, Stack, stack
from perdure.client.call import Call
from perdure.core.lifecycle import Status
from perdure.wire.endpoints.runs import RUN_RESULT
from perdure.wire.runs import ResultQuery
from tests.support.processes import variables

TASKS = """
from perdure import task

@task(id="child", isolation="shared")
async def child(number: int) -> int:
    return number + 1

@task(id="parent", isolation="shared")
async def parent(count: int) -> int:
    results = await child.batch_trigger_and_wait([{"number": n} for n in range(count)])
    return sum(results.unwrap())
"""

ITEMS = 1_000
STREAMED = 50_000
TIMES = 3


def report(what: str, value: float, unit: str, goal: str = "") -> None:
    print(f"  {what:<58}{value:>11,.2f} {unit:<12}{goal}", flush=True)


def items(count: int, **options: str) -> Iterator[dict[str, object]]:
    for number in range(count):
        yield {"task": "child", "payload": {"number": number}, "options": options}


async def end_to_end(on: Stack) -> None:
    """A batch, from its trigger to the end of its last run."""
    for name in ("first", "best"):
        taken = []
        for _ in range(1 if name == "first" else TIMES):
            began = time.perf_counter()
            (made,) = await on.client.batches.trigger(items(ITEMS))
            triggered = time.perf_counter() - began
            ends = [item.ok async for item in on.client.batches.results(made.id)]
            assert len(ends) == sum(ends) == ITEMS
            taken.append((time.perf_counter() - began, triggered))
        whole, triggered = min(taken)
        report(f"{ITEMS:,} items triggered ({name})", triggered, "s")
        report(f"{ITEMS:,} items triggered and done ({name})", whole, "s")
        report("  runs a second", ITEMS / whole, "runs/s")


async def and_wait(on: Stack) -> None:
    """A parent that waits for a batch."""
    taken = []
    for _ in range(TIMES):
        began = time.perf_counter()
        made = await on.client.trigger("parent", {"count": ITEMS})
        call = Call(RUN_RESULT, ResultQuery(wait=60), {"run": made.id})
        result = await on.client.send(call)
        assert result.status is Status.COMPLETED, result
        taken.append(time.perf_counter() - began)
    report(f"a parent waits for {ITEMS:,} (best)", min(taken), "s")


STREAM = """
import asyncio, resource, sys, time
from perdure import AsyncClient
from benchmarks.batches import items

async def main(url, key, count):
    async with AsyncClient(url, key) as client:
        await client.batches.trigger(items(100, delay="1d"))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began, cpu = time.perf_counter(), time.process_time()
        made = await client.batches.trigger(items(count, delay="1d"))
        assert sum(batch.run_count for batch in made) == count
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(time.perf_counter() - began, time.process_time() - cpu, (after - before) / 1024)

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""


async def streamed(on: Stack, count: int) -> None:
    """A long stream; what grows in the client and in the server is told."""
    before = on.server.memory_info().rss
    peak, cpu = before, on.server.cpu_times()
    command = [sys.executable, "-c", STREAM, on.client.access.api_url, KEY, str(count)]
    process = await asyncio.create_subprocess_exec(*command, env=variables(), stdout=subprocess.PIPE)
    reading = asyncio.create_task(process.communicate())
    while not reading.done():
        await asyncio.wait({reading}, timeout=0.1)
        peak = max(peak, on.server.memory_info().rss)
    seconds, client_cpu, grown = map(float, reading.result()[0].split())
    used = on.server.cpu_times()
    report(f"{count:,} items streamed", count / seconds, "items/s")
    report("  CPU of the client, of 1,000 items", client_cpu / count * 1e6, "ms")
    server_cpu = used.user + used.system - cpu.user - cpu.system
    report("  CPU of the server, of 1,000 items", server_cpu / count * 1e6, "ms")
    report("  the client's memory grows by", grown, "MB")
    report("  the server's memory grows by", (peak - before) / 2**20, "MB")


async def main() -> None:
    wanted = [name for name in sys.argv[1:] if name in DATABASES] or DATABASES
    counts = [int(text.replace(",", "")) for text in sys.argv[1:] if text not in DATABASES]
    for kind in wanted:
        print(f"{kind}:")
        async with stack(kind, TASKS) as on:
            await end_to_end(on)
            await and_wait(on)
            for _ in range(2):  # SQLite's cache of 64 MB is full after the first
                await streamed(on, counts[0] if counts else STREAMED)
    print(f"  (this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB)")


if __name__ == "__main__":
    asyncio.run(main())
