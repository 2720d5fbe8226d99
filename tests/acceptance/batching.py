"""Tasks that trigger batches.  Loaded by workers, not by pytest."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from perdure import Retry, batch, task

ITEMS = 40
"""How many items a stream has."""


def is_there(file: str) -> bool:
    return Path(file).exists()


@task(id="square")
async def square(n: int, gate: str) -> int:
    """Return the square of a number, once a file is there."""
    while not is_there(gate):  # noqa: ASYNC110 -- the file is made by another process
        await asyncio.sleep(0.01)
    return n * n


@task(id="squares", retry=Retry(max_attempts=1))
async def squares(count: int, gate: str) -> list[int]:
    """Wait for a batch."""
    results = await square.batch_trigger_and_wait([{"n": n, "gate": gate} for n in range(count)])
    return results.unwrap()


@task(id="slow-stream", retry=Retry(max_attempts=1))
async def slow_stream(gate: str, go_on: str) -> list[int]:
    """Wait for a batch whose items come in pauses; the second half once a file is there."""

    async def items() -> AsyncIterator[dict[str, object]]:
        for n in range(ITEMS):
            while n == ITEMS // 2 and not is_there(go_on):  # noqa: ASYNC110 -- as above
                await asyncio.sleep(0.01)
            yield {"n": n, "gate": gate}

    results = await batch.trigger_and_wait(_as_items(items()))
    return results.unwrap()


async def _as_items(given: AsyncIterator[dict[str, object]]):
    async for one in given:
        yield square.item(**one)  # type: ignore[arg-type]
