"""Waiting for news: a look at once, and another at each hint."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias, TypeVar

from perdure.store.hints import Hints, Subscription

T = TypeVar("T")

Pause: TypeAlias = Callable[[Subscription, float], Awaitable[T | None]]
"""Waits for a hint, so many seconds at most; returns what a look saw that rode along, if one did."""


async def _wait(subscription: Subscription, seconds: float) -> None:
    """Wait for a hint."""
    await subscription.wait(seconds)


async def look_until(
    hints: Hints,
    channels: Sequence[str],
    look: Callable[[], Awaitable[T]],
    is_enough: Callable[[T], object],
    *,
    wait: float,
    every_ms: int,
    pause: Pause[T] = _wait,
) -> T:
    """Look until what is seen is enough, or the wait is over; return what was seen last.

    Args:
        hints: where news are announced.
        channels: those that a look is worth after.
        look: asks the database.
        is_enough: tells whether what it gave ends the wait.
        wait: how long to wait, in seconds; the first look is always taken.
        every_ms: how long to go without a look when no hint comes, for one that was lost.
        pause: waits for a hint.
    """
    with hints.subscribe(*channels) as subscription:
        return await look_on(
            subscription, await look(), look, is_enough, wait=wait, every_ms=every_ms, pause=pause
        )


async def look_on(
    subscription: Subscription,
    seen: T,
    look: Callable[[], Awaitable[T]],
    is_enough: Callable[[T], object],
    *,
    wait: float,
    every_ms: int,
    pause: Pause[T] = _wait,
) -> T:
    """Do the same for one who listens already, and has seen something since."""
    now = asyncio.get_running_loop().time
    until = now() + wait
    while not is_enough(seen) and (left := until - now()) > 0:
        ridden = await pause(subscription, min(left, every_ms / 1000))
        seen = await look() if ridden is None else ridden
    return seen
