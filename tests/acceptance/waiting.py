"""The tasks of a project that waits.  Loaded by workers, not by pytest."""

import asyncio
import os
import threading
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel

from perdure import AbortRun, Token, WaitTimeout, checkpoint, ctx, gather, idempotency_key, race, task, wait


def mark(file: str, text: str) -> None:
    """Add a word to a file: an effect that can be counted."""
    with Path(file).open("a") as out:
        out.write(f"{text}\n")


@task(id="nap")
async def nap(seconds: float, file: str) -> str:
    name = "kept"
    mark(file, "before")
    await wait.for_(seconds=seconds)
    mark(file, "after")
    return f"{name} {ctx.attempt.number}"


@task(id="add")
async def add(a: int, b: int) -> int:
    return a + b


@task(id="fail")
async def fail() -> None:
    raise AbortRun("no luck")


@task(id="sum")
async def total(file: str) -> int:
    mark(file, "begun")
    first = await add.trigger_and_wait(a=1, b=2)
    return await add.trigger_and_wait(a=first, b=10)


@task(id="both")
async def both() -> list[int]:
    return await gather(add.trigger_and_wait(a=1, b=1), add.trigger_and_wait(a=2, b=2))


@task(id="child-fails")
async def child_fails() -> str:
    try:
        await fail.trigger_and_wait()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "no error"


@task(id="linger")
async def linger(seconds: float) -> str:
    await wait.for_(seconds=seconds)
    return "lingered"


@task(id="first")
async def first() -> object:
    return await race(linger.trigger_and_wait(seconds=3600), wait.for_(seconds=1))


@task(id="retry")
async def retry(file: str) -> int:
    mark(file, "fetched")
    child = await add.trigger_and_wait(a=1, b=1)
    await checkpoint("fetched", {"child": child})
    mark(file, f"try-{ctx.attempt.number}")
    if ctx.attempt.number == 1:
        raise ValueError("once")
    return child + ctx.attempt.number


@task(id="pinned")
async def pinned(seconds: float, file: str) -> int:
    lock = threading.Lock()
    with lock:
        mark(file, "before")
        await wait.for_(seconds=seconds)
        mark(file, "after")
    return os.getpid()


@task(id="pinned-later")
async def pinned_later(file: str) -> str:
    mark(file, "begun")
    await checkpoint("half")
    with threading.Lock():
        mark(file, str(os.getpid()))
        await wait.for_(seconds=2)
    return "done"


@task(id="share", isolation="shared")
async def share(token: str) -> list[int]:
    before = os.getpid()
    await wait.for_token(token)
    return [before, os.getpid()]


async def rest(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "rested"


@task(id="busy")
async def busy(seconds: float, file: str) -> list[object]:
    token = await wait.create_token()
    mark(file, token.id)
    return await gather(wait.for_token(token), rest(seconds))


async def lose_patience(seconds: float) -> None:
    await asyncio.sleep(seconds)
    raise ValueError("no more")


@task(id="restless")
async def restless(seconds: float) -> str:
    if ctx.attempt.number == 1:
        await gather(wait.for_(days=1), lose_patience(seconds))
    return "calm"


@task(id="nap-sync")
def plain_nap(seconds: float, file: str) -> None:
    mark(file, "before")
    wait.for_sync(seconds=seconds)
    mark(file, "after")


@task(id="past")
async def past() -> None:
    await wait.until(datetime(2020, 1, 1, tzinfo=UTC), raise_if_past=True)


@task(id="no-time")
async def no_time() -> None:
    await wait.create_token(timeout=0)


@task(id="no-token")
async def no_token() -> None:
    await wait.for_token("waitpoint_nope")


@task(id="too-large")
async def too_large() -> int:
    heap = os.urandom(11 * 1024 * 1024)
    await wait.for_(days=1)
    return len(heap)


@task(id="unstorable")
async def unstorable() -> None:
    lock = threading.Lock()
    with lock:
        await checkpoint("half")


@task(id="itself")
async def itself() -> None:
    await itself.options(idempotency_key=idempotency_key("itself", scope="global")).trigger_and_wait()


@task(id="library")
async def library() -> object:
    return await asyncio.gather(add.trigger_and_wait(a=5, b=5), asyncio.sleep(0.01, "slept"))


class Answer(BaseModel):
    yes: bool


@task(id="ask")
async def ask(file: str) -> bool:
    token = await wait.create_token(timeout="1h", tags=["asked"])
    mark(file, f"{token.id} {token.url} {token.public_access_token}")
    answer = await wait.for_token(token, Answer)
    return answer.yes


@task(id="ask-in-vain")
async def ask_in_vain() -> str:
    token = await wait.create_token(timeout="1s")
    try:
        return await wait.for_token(token)
    except WaitTimeout:
        return "nobody came"


@task(id="approve")
async def approve(file: str) -> str:
    def tell(token: Token) -> None:
        mark(file, token.id)

    approval = await wait.for_approval(tell, timeout="1h")
    return f"{approval.approved} by {approval.by}"


@task(id="sync")
def plain(file: str) -> int:
    mark(file, "before")
    wait.for_sync(seconds=1)
    mark(file, "after")
    return add.trigger_and_wait_sync(a=20, b=22)


@task(id="approve-sync")
def plain_approval(file: str) -> str:
    approval = wait.for_approval_sync(lambda token: mark(file, token.id), timeout="1h")
    return f"{approval.approved} by {approval.by}"


@task(id="sync-forever")
def plain_forever() -> None:
    wait.for_sync(days=1)
