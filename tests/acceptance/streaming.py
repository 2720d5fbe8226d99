"""The tasks of a project that streams.  Loaded by workers, not by pytest."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from pydantic import BaseModel

from perdure import Retry, ctx, input_stream, metadata, stream, task, wait


class Answer(BaseModel):
    approved: bool
    by: str


tokens = stream[str]("tokens")
steps = stream[dict]("steps")
approval = input_stream[Answer]("approval")
messages = input_stream[str]("messages")


def note(file: str, text: str) -> None:
    with Path(file).open("a") as out:
        out.write(f"{text}\n")


def words(text: str) -> list[str]:
    return [f"{word} " for word in text.split()]


async def generate(text: str) -> AsyncIterator[str]:
    for word in words(text):
        yield word
        await asyncio.sleep(0)


@task(id="say")
async def say(text: str) -> int:
    return await tokens.pipe(generate(text))


@task(id="say-in-parts")
async def say_in_parts(seconds: float) -> str:
    """Write before and after a wait, in three ways."""
    await tokens.append("one ", "two ")
    metadata.set("waits", True)
    await wait.for_(seconds=seconds)
    async with tokens.writer() as writer:
        await writer.write("three ")
    await steps.append({"done": True})
    return "said"


@task(id="say-blocking")
def say_blocking(text: str) -> int:
    return tokens.pipe_sync(words(text))


@task(id="say-twice", retry=Retry(max_attempts=2, min_timeout=0.01))
async def say_twice() -> int:
    await tokens.append(f"try {ctx.attempt.number}")
    if ctx.attempt.number == 1:
        raise RuntimeError("no luck")
    return ctx.attempt.number


@task(id="many")
async def many(count: int) -> int:
    return await steps.pipe({"n": n} for n in range(count))


@task(id="ask")
async def ask(timeout: float | None = None) -> str:
    answer = await approval.wait(timeout=timeout)
    return f"{answer.approved} by {answer.by}"


@task(id="ask-blocking")
def ask_blocking() -> str:
    return f"by {approval.wait_sync().by}"


@task(id="chat")
async def chat() -> list[str]:
    """Take some messages, each in another way."""
    first = await messages.wait()
    second = await messages.once(timeout=20)
    heard: list[str] = []
    third = asyncio.Event()

    def hear(message: str) -> None:
        heard.append(message)
        third.set()

    listener = messages.on(hear)
    await third.wait()
    listener.off()
    return [first, second, *heard]


@task(id="take-again", retry=Retry(max_attempts=2, min_timeout=0.01))
async def take_again(file: str) -> list[str]:
    """Take two messages, fail, and take again."""
    taken = [await messages.wait(), await messages.wait()]
    note(file, " ".join(taken))
    if ctx.attempt.number == 1:
        raise RuntimeError("no luck")
    return taken


@task(id="tell-parent")
async def tell_parent() -> None:
    await tokens.append("from a child", target="parent")


@task(id="has-child")
async def has_child() -> None:
    await tell_parent.trigger_and_wait()


@task(id="watch-child")
async def watch_child() -> list[str]:
    return [run.status.value async for run in say.trigger_and_subscribe("a b")]
