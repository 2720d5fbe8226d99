"""An order that waits for a person: it holds no process meanwhile, and survives the end of any."""

from pathlib import Path

from pydantic import BaseModel

from perdure import Token, checkpoint, ctx, gather, logger, task, wait

LEDGER = Path("ledger.txt")


class Order(BaseModel):
    id: str
    amount: float


class Receipt(BaseModel):
    order: str
    approved_by: str | None
    parcel: str
    invoice: str


def note(what: str) -> None:
    """Stands for what reaches the outside world: a line in a file, which can be counted."""
    with LEDGER.open("a") as ledger:
        ledger.write(f"{ctx.run.id} {what}\n")


@task(id="process-order")
async def process_order(order: Order) -> Receipt | None:
    note("begun")
    await checkpoint("begun", {"order": order.id})  # a retry starts after this line
    await wait.for_(seconds=2)  # time to change one's mind
    approval = await wait.for_approval(ask_manager, timeout="7d")
    if not approval:
        note("declined")
        return None
    parcel, invoice = await gather(
        ship.trigger_and_wait(order.id),
        bill.trigger_and_wait(order.id, order.amount),
    )
    return Receipt(order=order.id, approved_by=approval.by, parcel=parcel, invoice=invoice)


def ask_manager(token: Token) -> None:
    logger.info(f"""To approve:  curl {token.url} -d '{{"approved": true, "by": "you"}}'""")


@task(id="ship")
async def ship(order: str) -> str:
    note("shipped")
    return f"parcel of {order}"


@task(id="bill")
async def bill(order: str, amount: float) -> str:
    note("billed")
    await wait.for_(seconds=1)
    return f"invoice of {order}: {amount:.2f}"
