"""Alarms: that something is to be looked at, at a moment.

An alarm is void unless the row it is about still names its moment, so changing one's mind means to
change that row and set a new alarm.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from perdure.store.database import Tx

DELAY = "delay"
RETRY = "retry"
TTL = "ttl"
WAKE = "wake"
TOKEN = "token"

CHANNEL = "timers"
"""Hinted when an alarm was set that may be the next."""


@dataclass(frozen=True, slots=True)
class Timer:
    """An alarm: what to look at, why, and when."""

    due_at: int
    kind: str
    subject: str


async def add(tx: Tx, timers: Sequence[Timer]) -> None:
    """Set alarms."""
    await tx.run("insert_timers", timers=_rows(timers))


async def lock_due(tx: Tx, *, now: int, limit: int) -> list[Timer]:
    """Lock and return alarms whose moment has come, the earliest first."""
    return [Timer(*row) for row in await tx.all("lock_due_timers", now=now, limit=limit)]


async def remove(tx: Tx, timers: Sequence[Timer]) -> None:
    """Delete alarms."""
    await tx.run("delete_timers", timers=_rows(timers))


async def next_due(tx: Tx) -> int | None:
    """Return when the next alarm is due, or None if there is none."""
    return (await tx.one("next_timer"))["due_at"]


def _rows(timers: Sequence[Timer]) -> list[dict[str, object]]:
    return [{"due_at": t.due_at, "kind": t.kind, "subject": t.subject} for t in timers]
