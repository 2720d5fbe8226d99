"""A project's tasks, which the tests of batches import too."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from perdure import AbortRun, batch, ctx, idempotency_key, race, task, wait


class Order(BaseModel):
    """What `ship` takes as a whole."""

    number: int


class Parcel(BaseModel):
    """What `ship` returns."""

    number: int
    weight: Decimal


@task
async def double(n: int) -> int:
    """Return twice a number; refuse those below zero."""
    if n < 0:
        raise AbortRun(f"{n} is below zero")
    return n * 2


@task
async def ship(order: Order) -> Parcel:
    """Take a whole value, and return another."""
    return Parcel(number=order.number, weight=Decimal("1.5"))


@task
async def sleepy() -> None:
    """Wait for long."""
    await wait.for_("1h")


@task
async def fan_out(count: int) -> list[int]:
    """Wait for a batch of one task."""
    results = await double.batch_trigger_and_wait([{"n": n} for n in range(count)])
    return results.unwrap()


@task
async def mixed() -> list[Any]:
    """Wait for a batch of two tasks, one run of which fails."""
    results = await batch.trigger_and_wait(
        [double.item(1), ship.item(Order(number=2)), double.item(n=-1), double.options(tags="t").item(3)]
    )
    failed = results[2]
    assert (results.ok, failed.ok, failed.index) == (False, False, 2)
    return [[item.task, item.ok, item.output, str(item.error or "")] for item in results]


@task
async def streamed(count: int) -> int:
    """Wait for a batch whose items come by and by."""

    async def items() -> AsyncIterator[dict[str, int]]:
        for n in range(count):
            if n % 3 == 0:
                await asyncio.sleep(0)
            yield {"n": n}

    return sum((await double.batch_trigger_and_wait(items())).unwrap())


@task
async def twice() -> list[str | None]:
    """Wait for a batch with the same key twice."""
    item = double.options(idempotency_key=f"twice-{ctx.run.id}").item(4)
    return [result.run_id for result in await batch.trigger_and_wait([item, item, double.item(5)])]


@task
async def impatient() -> str:
    """Want a batch no more once something else is there."""
    await race(sleepy.batch_trigger_and_wait([{}, {}]), double.trigger_and_wait(1))
    return ctx.run.id


@task
async def ouroboros(key: str) -> list[str]:
    """Wait for a batch that has this run itself in it, and another."""
    itself = ouroboros.options(idempotency_key=idempotency_key(key, scope="global")).item(key)
    return [str(item.error or "fine") for item in await batch.trigger_and_wait([itself, double.item(1)])]


@task
def blocking() -> list[int]:
    """Wait for a batch in a plain function."""
    return double.batch_trigger_and_wait_sync([{"n": 1}, {"n": 2}]).unwrap()


@task
async def nothing() -> int:
    """Wait for a batch of no items."""
    return len(await double.batch_trigger_and_wait([]))


@task
async def parked_twice(folder: str) -> list[int]:
    """Trigger a batch, fail once, and do all of it again."""
    results = await double.batch_trigger_and_wait([{"n": n} for n in range(3)])
    marker = Path(folder) / ctx.run.id
    if not marker.exists():
        marker.touch()
        raise ValueError("once")
    return results.unwrap()
