"""Waiting for what other processes do: files they write, answers they give."""

import asyncio
from collections.abc import Awaitable, Callable

PATIENCE_S = 60.0
PAUSE_S = 0.05


async def until(
    condition: Callable[[], bool | Awaitable[bool]], what: str, patience: float = PATIENCE_S
) -> None:
    """Wait until a condition holds.

    Args:
        condition: looks, and says whether it does.
        what: what is waited for, for the error.
        patience: how long, in seconds; a minute by default.

    Raises:
        AssertionError: it does not hold in that time.
    """
    try:
        async with asyncio.timeout(patience):
            while not await _holds(condition):  # noqa: ASYNC110 -- of another process
                await asyncio.sleep(PAUSE_S)
    except TimeoutError:
        raise AssertionError(f"waited {patience:.0f} s in vain until {what}") from None


async def _holds(condition: Callable[[], bool | Awaitable[bool]]) -> bool:
    answer = condition()
    return answer if isinstance(answer, bool) else await answer
