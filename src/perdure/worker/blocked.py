"""Notices when an event loop does not turn, from a thread beside it."""

import asyncio
import sys
import threading
from collections.abc import Callable

BLOCKED_SECONDS = 1.0
"""A loop that has not turned for this long is told of."""


class LoopWatch:
    """Asks a loop for a sign of life, and tells when the answer is late.

    `tick` is called by another thread, the answer by the loop's own.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        on_end: Callable[[float], None],
        on_turn: Callable[[float], None] = lambda lag: None,
    ) -> None:
        """Watch a loop.

        Args:
            loop: what is watched.
            on_end: is called on it, with the seconds, after a block that was told of.
            on_turn: is called on it, with the seconds, whenever it has answered.
        """
        self._loop = loop
        self._on_end = on_end
        self._on_turn = on_turn
        self._asked: float | None = None
        self._is_told = False

    def tick(self, now: float) -> float | None:
        """Ask, or look for the answer.

        Args:
            now: seconds of a monotonic clock; the loop's own.

        Returns:
            For how many seconds the loop has been blocked, once for each block; else None.
        """
        asked = self._asked
        if asked is None:
            self._asked = now
            self._loop.call_soon_threadsafe(self.answer)
        elif now - asked >= BLOCKED_SECONDS and not self._is_told:
            self._is_told = True
            return now - asked
        return None

    def is_blocked(self, now: float) -> bool:
        """Tell whether the loop owes an answer for long."""
        asked = self._asked
        return asked is not None and now - asked >= BLOCKED_SECONDS

    def answer(self) -> None:
        """Show that the loop turns; called on it."""
        asked, self._asked = self._asked, None
        if asked is not None:
            self._on_turn(self._loop.time() - asked)
        if self._is_told and asked is not None:
            self._is_told = False
            self._on_end(self._loop.time() - asked)


def where_main_is(is_users: Callable[[str], bool]) -> str:
    """Return the line that the main thread is at: `tasks/pay.py:12 in charge`.

    Args:
        is_users: tells whether a file is the user's; the innermost line in one is given, or else the
            innermost of all.
    """
    frame = innermost = sys._current_frames().get(threading.main_thread().ident or 0)
    while frame is not None and not is_users(frame.f_code.co_filename):
        frame = frame.f_back
    found = frame or innermost
    return f"{found.f_code.co_filename}:{found.f_lineno} in {found.f_code.co_name}" if found else "?"
