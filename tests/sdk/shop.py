"""A project's tasks, which the tests of `.trigger` import too."""

from decimal import Decimal

from pydantic import BaseModel

from perdure import AbortRun, checkpoint, ctx, idempotency_key, task


class Receipt(BaseModel):
    """What `charge` returns."""

    order: str
    amount: Decimal


@task
async def charge(order: str, amount: Decimal) -> Receipt:
    """Return a receipt."""
    return Receipt(order=order, amount=amount)


@task
def add(a: int, b: int = 1) -> int:
    """Add, blocking."""
    return a + b


@task
async def double(amount: Decimal) -> Receipt:
    """Return a receipt of twice the amount, after a checkpoint."""
    order = "o1"
    await checkpoint("ordered", {"order": order})
    return Receipt(order=order, amount=amount * 2)


@task
async def refuse(reason: str) -> None:
    """Fail for good."""
    raise AbortRun(reason)


@task
async def parent() -> list[str]:
    """Trigger children under one key, by itself and by hand."""
    first = await add.options(idempotency_key="k").trigger(1)
    second = await add.options(idempotency_key=idempotency_key("k")).trigger(2)
    third = await add.options(idempotency_key=idempotency_key("k", scope="global")).trigger(3)
    return [first.id, second.id, third.id, ctx.run.id]


@task
async def waits_for_one() -> None:
    """Trigger two children that do not begin, and wait for one of them."""
    await add.options(delay="1h").trigger(1)
    await add.options(delay="1h").trigger_and_wait(2)
