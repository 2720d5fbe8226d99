"""Tasks that wait."""

import threading

from perdure import checkpoint, task, wait


async def ask(total: int) -> int:
    return total + await wait.for_token(await wait.create_token(timeout="1h"), int)


@task
async def sell(amount: int) -> int:
    total = amount * 2
    await checkpoint("priced", {"total": total})
    return await ask(total)


@task
async def hold() -> None:
    with threading.Lock():
        await wait.for_(hours=1)


@task
async def price(amount: int) -> int:
    total = amount * 2
    await checkpoint("priced")
    return total
