"""More tasks that behave badly.  Loaded by workers, not by pytest."""

from decimal import Decimal

from perdure import task


@task(id="order")
async def order(number: str, amount: Decimal) -> str:
    return f"{number}: {amount}"


@task(id="no-json")
async def no_json() -> object:
    return object()


@task(id="add")
async def another_add() -> None: ...
