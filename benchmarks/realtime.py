"""How fast those who watch hear of it: `python -m benchmarks.realtime`, on SQLite and PostgreSQL.

- from a change of a run (the request that makes it) to one who watches;
- the same with 1,000 who watch the run, each on a connection of its own: to the first and the last of them;
- from a chunk that is written to one who reads the stream.

The goals on one server: change to watcher p50 20 ms and p99 60 ms, chunk to reader p50 15 ms.
"""

import asyncio
import statistics
import time

import aiohttp

from benchmarks.kit.stack import DATABASES, KEY, Stack, stack
from perdure.wire.runs import UpdateMetadata

TASKS = """
from perdure import task

@task(id="never")
async def never() -> None: ...
"""

CHANGES = 200
MANY = 1_000
MANY_CHANGES = 5
PAUSE_S = 0.02


async def listen(session: aiohttp.ClientSession, url: str, heard: list[float], ready: asyncio.Event) -> None:
    """Note when each event of a connection comes."""
    async with session.get(url, headers={"accept": "text/event-stream"}) as answer:
        answer.raise_for_status()
        async for line in answer.content:
            if line.startswith(b"data: "):
                heard.append(time.perf_counter())
            if line.startswith((b"data: ", b": hello")):
                ready.set()


async def measure(
    found: Stack, run: str, path: str, count: int, changes: int, change: object
) -> list[list[float]]:
    """Return, for each change, after how many milliseconds each of those who watch heard of it."""
    url = f"{found.client.access.api_url}{path}"
    heard: list[list[float]] = [[] for _ in range(count)]
    ready = [asyncio.Event() for _ in range(count)]
    headers = {"authorization": f"Bearer {KEY}"}
    timeout = aiohttp.ClientTimeout(total=None)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, headers=headers) as session:
        watching = [asyncio.create_task(listen(session, url, *one)) for one in zip(heard, ready, strict=True)]
        await asyncio.gather(*(one.wait() for one in ready))
        await asyncio.sleep(0.5)
        told = []
        for number in range(changes):
            before = [len(one) for one in heard]
            began = time.perf_counter()
            await change(run, number)  # type: ignore[operator]
            while any(len(one) == n for one, n in zip(heard, before, strict=True)):  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            told.append([(one[n] - began) * 1000 for one, n in zip(heard, before, strict=True)])
            await asyncio.sleep(PAUSE_S)
        for one in watching:
            one.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
    return told


def p(values: list[float], share: float) -> str:
    """Return a quantile, in milliseconds."""
    return f"{statistics.quantiles(values, n=100)[round(share * 100) - 1]:8.1f}"


async def bench(kind: str) -> None:
    """Measure on one kind of database."""
    async with stack(kind, TASKS) as found:
        client = found.client

        async def change(run: str, number: int) -> None:
            await client.runs.update_metadata(run, UpdateMetadata(metadata={"n": number}))

        async def write(run: str, number: int) -> None:
            await client.streams.append(run, "tokens", "word ")

        async def new() -> str:
            return (await client.trigger("never", {}, delay="1d")).id

        run = await new()
        one = [t for (t,) in await measure(found, run, f"/realtime/v1/runs/{run}", 1, CHANGES, change)]
        print(f"{kind:9} change to one watcher, ms     p50 {p(one, 0.5)}  p99 {p(one, 0.99)}", flush=True)
        run = await new()
        many = await measure(found, run, f"/realtime/v1/runs/{run}", MANY, MANY_CHANGES, change)
        first, last = (statistics.median(pick(one) for one in many) for pick in (min, max))
        print(f"{kind:9} change to {MANY:,} watchers, ms   first {first:6.1f}  last {last:8.1f}", flush=True)
        run = await new()
        path = f"/realtime/v1/streams/{run}/tokens"
        read = [t for (t,) in await measure(found, run, path, 1, CHANGES, write)]
        print(f"{kind:9} chunk to its reader, ms       p50 {p(read, 0.5)}  p99 {p(read, 0.99)}", flush=True)


if __name__ == "__main__":
    for database in DATABASES:
        asyncio.run(bench(database))
