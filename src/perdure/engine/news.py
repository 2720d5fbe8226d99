"""Waiting for news: a look at once, and another at each hint."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from perdure.store.hints import Hints

T = TypeVar("T")


async def look_until(
    hints: Hints,
    channels: Sequence[str],
    look: Callable[[], Awaitable[T]],
    is_enough: Callable[[T], object],
    *,
    wait: float,
    every_ms: int,
) -> T:
    """Look until what is seen is enough, or the wait is over; return what was seen last.

    Args:
        hints: where news are announced.
        channels: those that a look is worth after.
        look: asks the database.
        is_enough: tells whether what it gave ends the wait.
        wait: how long to wait, in seconds; the first look is always taken.
        every_ms: how long to go without a look when no hint comes, for one that was lost.
    """
    now = asyncio.get_running_loop().time
    until = now() + wait
    with hints.subscribe(*channels) as subscription:
        while True:
            seen = await look()
            left = until - now()
            if is_enough(seen) or left <= 0:
                return seen
            await subscription.wait(min(left, every_ms / 1000))
