"""The tasks that the official client triggers."""

import asyncio
from typing import Any

from perdure import Retry, ctx, task


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
