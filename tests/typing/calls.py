# pyright: strict, reportUnnecessaryTypeIgnoreComment=true
"""What a type checker knows of tasks.  Nothing runs this file: `./dev check` reads it.

A line that must be refused carries an ignore; where nothing was refused, the ignore itself is an error.
"""

from collections.abc import Coroutine
from decimal import Decimal
from typing import Any, assert_type

from perdure import (
    BatchHandle,
    BatchItem,
    BatchResults,
    Local,
    Retry,
    RunHandle,
    batch,
    hooks,
    middleware,
    queue,
    task,
)

emails = queue("emails", concurrency_limit=10)


@task
async def bare(order_id: str, amount: Decimal = Decimal(1)) -> int:
    """Return a number."""
    return len(order_id) + int(amount)


@task(id="told", queue=emails, retry=Retry(max_attempts=5), machine="small-2x", max_duration="5m")
async def told(order_id: str) -> list[str]:
    """Return texts."""
    return [order_id]


@task(isolation="fresh")
def blocking(n: int, *, fast: bool = False) -> str:
    """Return a text."""
    return str(n) if fast else ""


async def triggers() -> None:
    """Parameters are those of the function; the result is what it returns."""
    assert_type(await bare.trigger("o1"), RunHandle[int])
    assert_type(await bare.trigger(order_id="o1", amount=Decimal(10)), RunHandle[int])
    assert_type(await (await told.trigger("o1")).result(timeout="1m"), list[str])
    assert_type(await blocking.trigger(1, fast=True), RunHandle[str])
    assert_type(blocking.trigger_sync(1).result_sync(), str)
    assert_type(await told.options(delay="1h", tags=["a"]).trigger("o1"), RunHandle[list[str]])

    await bare.trigger()  # pyright: ignore[reportCallIssue]
    await bare.trigger(1)  # pyright: ignore[reportArgumentType]
    await bare.trigger("o1", amount="ten")  # pyright: ignore[reportArgumentType]
    await bare.trigger("o1", colour="red")  # pyright: ignore[reportCallIssue]
    await told.options(tags=["a"]).trigger(1)  # pyright: ignore[reportArgumentType]
    blocking.trigger_sync("1")  # pyright: ignore[reportArgumentType]


async def batches() -> None:
    """Items are calls, and results are what the tasks return."""
    assert_type(bare.item("o1"), BatchItem[int])
    assert_type(await bare.batch_trigger([{"order_id": "o1"}]), BatchHandle[int])
    results = await told.options(tags=["a"]).batch_trigger_and_wait([told.item("o1")])
    assert_type(results, BatchResults[list[str]])
    assert_type(results.unwrap(), list[list[str]])
    assert_type([one.output for one in results], list[list[str] | None])
    mixed = await batch.trigger([bare.item("o1"), blocking.item(1)])
    assert_type((await mixed.results())[0].unwrap(), int | str)
    assert_type(blocking.batch_trigger_and_wait_sync([{"n": 1}]).unwrap(), list[str])

    bare.item(1)  # pyright: ignore[reportArgumentType]
    bare.item("o1", colour="red")  # pyright: ignore[reportCallIssue]
    await batch.trigger([{"order_id": "o1"}])  # pyright: ignore[reportArgumentType]


async def inline() -> None:
    """A task is called as its function."""
    coroutine: Coroutine[Any, Any, int] = bare("o1")
    assert_type(await coroutine, int)
    assert_type(blocking(1), str)

    await bare(1)  # pyright: ignore[reportArgumentType]


def options() -> None:
    """Options are known by name and type."""
    bare.options(ttl=60, priority=5, max_attempts=3, queue=emails, metadata={"a": 1})
    bare.options(dely="1h")  # pyright: ignore[reportCallIssue]
    bare.options(max_attempts="many")  # pyright: ignore[reportArgumentType]
    task(retries=3)  # pyright: ignore[reportCallIssue]
    task(isolation="vm")  # pyright: ignore[reportArgumentType]


pool: Local[list[int]] = Local("pool")


def shared() -> None:
    """A local has a type."""
    assert_type(pool.get(), list[int])
    pool.set("text")  # pyright: ignore[reportArgumentType]


@bare.on_success
async def note(output: int) -> None:
    """Stay what it was, decorated."""


@middleware
async def around(call_next: Any) -> None:
    """Stay what it was, decorated."""
    await call_next()


@hooks.on_failure
def failed(error: Exception) -> None:
    """Stay what it was, decorated."""


async def hooks_stay_functions() -> None:
    """What a hook's decorator gives back is the function."""
    await note(1)
    failed(ValueError())
