"""Time is an argument.

Everything that needs the time is given a `Clock`; nothing asks the system for it directly.  A moment
is an integer: milliseconds since the Unix epoch, in UTC.
"""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Something that knows the time."""

    def now(self) -> int:
        """Return the current moment in milliseconds since the Unix epoch."""
        ...


class SystemClock:
    """The wall clock, held so that it never runs backwards within one process.

    When the machine's clock is set back, `now()` repeats the last moment it gave until the wall clock
    has caught up: leases and timers then wait a little longer, and no order is ever reversed.
    """

    def __init__(self) -> None:
        self._last = 0

    def now(self) -> int:
        """Return the current moment in milliseconds since the Unix epoch."""
        self._last = max(self._last, time.time_ns() // 1_000_000)
        return self._last


class Ahead:
    """Another machine's clock, which is ahead of one of ours by so many milliseconds, or behind it."""

    def __init__(self, clock: Clock, by_ms: int) -> None:
        self._clock = clock
        self._by_ms = by_ms

    def now(self) -> int:
        """Return the current moment in milliseconds since the Unix epoch, as the other tells it."""
        return self._clock.now() + self._by_ms


def to_datetime(moment: int) -> datetime:
    """Return the moment as an aware datetime in UTC."""
    return datetime.fromtimestamp(moment / 1000, UTC)


def to_datetime_or_none(moment: int | None) -> datetime | None:
    """Return the moment, if there is one, as an aware datetime in UTC."""
    return None if moment is None else to_datetime(moment)


def from_datetime(when: datetime) -> int:
    """Return an aware datetime as milliseconds since the Unix epoch.

    Raises:
        ValueError: the datetime has no time zone, so the moment it means is unknown.
    """
    if when.tzinfo is None:
        raise ValueError(f"{when!r} has no time zone; use datetime.now(UTC) or add tzinfo=…")
    return round(when.timestamp() * 1000)
