"""The tasks of the simulation.  Loaded by its workers; each returns what can be foretold from its payload."""

import asyncio

from perdure import Retry, checkpoint, ctx, gather, queue, task, wait

QUICK = Retry(max_attempts=4, min_timeout="500ms", max_timeout="3s", factor=2)

narrow = queue("narrow", concurrency_limit=1)


@task(id="plain", isolation="shared", retry=QUICK)
async def plain(number: int, seconds: float = 0.05) -> int:
    """Work for a while."""
    await asyncio.sleep(seconds)
    return number


@task(id="limited", isolation="shared", queue=narrow, retry=QUICK)
async def limited(number: int, seconds: float = 0.5) -> int:
    """Work, one at a time of each concurrency key."""
    await asyncio.sleep(seconds)
    return number


@task(id="flaky", isolation="process", retry=QUICK)
async def flaky(number: int, failures: int) -> int:
    """Fail so many times; with as many attempts as there are, for good."""
    await asyncio.sleep(0.05)
    if ctx.attempt.number <= failures:
        raise ValueError(f"attempt {ctx.attempt.number} fails")
    return number


@task(id="checkpointed", isolation="shared", retry=QUICK)
async def checkpointed(number: int) -> int:
    """Fail after a checkpoint, and go on from there."""
    seen = ["begun"]
    await asyncio.sleep(0.05)
    await checkpoint("half", {"number": number})
    seen.append("half")
    await asyncio.sleep(0.05)
    if ctx.attempt.number == 1:
        raise ValueError("the first attempt fails")
    await checkpoint("whole")
    return number if seen == ["begun", "half"] else -1


@task(id="sleeper", isolation="shared", retry=QUICK)
async def sleeper(number: int, seconds: float) -> int:
    """Wait for a time, twice."""
    kept = {"number": number}
    await wait.for_(seconds=seconds)
    await asyncio.sleep(0.02)
    await wait.for_(seconds=seconds / 2)
    return kept["number"]


@task(id="asker", isolation="shared", retry=QUICK)
async def asker(number: int, token: str) -> list[int]:
    """Wait for a token that somebody outside completes."""
    answer = await wait.for_token(token)
    return [number, answer]


@task(id="parent", isolation="shared", retry=QUICK)
async def parent(number: int, seconds: float) -> int:
    """Wait for a child, and then for another."""
    first = await plain.trigger_and_wait(number, seconds)
    await asyncio.sleep(0.02)
    second = await plain.trigger_and_wait(number + 1, seconds)
    return first + second


@task(id="gatherer", isolation="shared", retry=QUICK)
async def gatherer(number: int, seconds: float) -> list[int]:
    """Wait for two children and a time at once."""
    found = await gather(
        plain.trigger_and_wait(number, seconds),
        limited.trigger_and_wait(number + 1, seconds),
        _later(number, seconds),
    )
    return list(found)


async def _later(number: int, seconds: float) -> int:
    await wait.for_(seconds=seconds)
    return number + 2


@task(id="batcher", isolation="shared", retry=QUICK)
async def batcher(number: int) -> list[int]:
    """Wait for a batch of children, one of which fails for good."""
    results = await plain.batch_trigger_and_wait([{"number": number + one} for one in range(3)])
    failed = await flaky.batch_trigger_and_wait([{"number": number, "failures": 9}])
    return [*(one.unwrap() for one in results), *(int(one.ok) for one in failed)]


@task(id="pinner", isolation="shared", retry=QUICK)
async def pinner(number: int, seconds: float) -> int:
    """Wait with what can't be stored, so in memory."""
    held = (one for one in range(number, number + 1))
    await wait.for_(seconds=seconds)
    return next(held)


@task(id="ticker", isolation="shared", retry=QUICK)
async def ticker(payload: dict) -> None:
    """Run by a schedule."""
    await asyncio.sleep(0.05)
