"""Tasks for the tests of the command line."""

import asyncio
import os
from pathlib import Path

from perdure import Retry, logger, queue, span, task

slow = queue("slow")


@task
async def greet(name: str = "world") -> str:
    with span("says hello", name=name):
        logger.info("greeting", name=name)
    return f"Hello, {name}!"


@task(retry=Retry(max_attempts=2, min_timeout=0.01, randomize=False), dead_letters=True)
async def refuse(order: str) -> None:
    raise ValueError(f"no order {order}\nand no more")


@task(retry=Retry(max_attempts=1))
async def rest(seconds: float = 600) -> None:
    await asyncio.sleep(seconds)


@task
async def listen(pipe: str) -> str:
    """Say hello to whoever writes their name into a pipe."""
    return f"Hello, {await asyncio.to_thread(Path(pipe).read_text)}!"


@task
def whoami() -> int:
    return os.getpid()
