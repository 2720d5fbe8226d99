"""The tasks that the official client triggers."""

import asyncio
from typing import Any

from pydantic import BaseModel

from perdure import Retry, ctx, task, wait


@task(id="echo")
async def echo(payload: Any = None) -> dict[str, Any]:
    return {"got": payload}


@task(id="other")
async def other(payload: Any = None) -> dict[str, Any]:
    return {"got": payload}


@task(id="ns/he llo")
async def in_a_namespace(payload: Any = None) -> str:
    return "hello"


@task(id="broken")
async def broken(payload: Any = None) -> None:
    raise ValueError(f"no luck with {payload}")


@task(id="flaky", retry=Retry(max_attempts=3, min_timeout=0.05, randomize=False))
async def flaky(payload: Any = None) -> int:
    if ctx.attempt.number < 2:
        raise RuntimeError("not yet")
    return ctx.attempt.number


@task(id="sleeper")
async def sleeper(payload: Any = None) -> None:
    await asyncio.sleep(600)


class Answer(BaseModel):
    approved: bool
    by: str


@task(id="asks")
async def asks(token: str) -> str:
    answer = await wait.for_token(token, Answer)
    return f"{'approved' if answer.approved else 'declined'} by {answer.by}"


@task(id="makes-a-token")
async def makes_a_token(tag: str) -> str:
    answer = await wait.for_token(await wait.create_token(tags=[tag]), Answer)
    return f"{answer.approved} by {answer.by}"
