"""Schedules: when tasks run by themselves.

The truth is in the row: its next tick, and when that is due.  Whoever fires a tick moves the row on in the
same transaction, so no tick fires twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from perdure.store.database import Tx
from perdure.store.rows import Environment

CHANNEL = "schedules"
"""Hinted when a tick may be due earlier than was known, or a run of a schedule has ended."""

NO_TICKS = "[]"
"""`held`, when no tick waits."""

PREFIX = "sched"
"""What ids of schedules begin with; the official server's."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule; the columns of its table, in order."""

    id: str
    environment: str
    task: str
    is_declared: int
    is_active: int
    deduplication_key: str | None
    external_id: str | None
    cron: str
    timezone: str
    spread: str | None
    missed: str
    max_catch_up: int
    overlap: str
    created_at: int
    updated_at: int
    next_at: int | None
    due_at: int | None
    last_at: int | None
    held: str


_COLUMNS = tuple(Schedule.__slots__)
_FIXED = ("environment", "is_declared", "deduplication_key", "created_at")
_CHANGING = tuple(name for name in _COLUMNS if name not in _FIXED)


async def insert(tx: Tx, schedules: Sequence[Schedule]) -> int:
    """Store new schedules; return how many were, as a deduplication key may be taken."""
    rows = [{name: getattr(one, name) for name in _COLUMNS} for one in schedules]
    return await tx.run("insert_schedules", schedules=rows)


async def write(tx: Tx, schedules: Sequence[Schedule]) -> None:
    """Write schedules that this transaction has locked."""
    rows = [{name: getattr(one, name) for name in _CHANGING} for one in schedules]
    await tx.run("write_schedules", schedules=rows)


async def delete(tx: Tx, ids: Sequence[str]) -> None:
    """Forget schedules; their runs stay."""
    await tx.run("delete_schedules", ids=ids)


async def find(tx: Tx, environment: str, schedule: str) -> Schedule | None:
    """Return a schedule of an environment, or None."""
    row = await tx.maybe("schedule", environment=environment, id=schedule)
    return Schedule(*row) if row else None


async def lock(tx: Tx, environment: str, schedule: str) -> Schedule | None:
    """Lock and return a schedule of an environment, or None."""
    row = await tx.maybe("lock_schedule", environment=environment, id=schedule)
    return Schedule(*row) if row else None


async def lock_of_key(tx: Tx, environment: str, key: str) -> Schedule | None:
    """Lock and return the schedule of a deduplication key, or None."""
    row = await tx.maybe("lock_schedule_of_key", environment=environment, key=key)
    return Schedule(*row) if row else None


async def lock_declared(tx: Tx, environment: str) -> list[Schedule]:
    """Lock and return the schedules that code declares in an environment, in the order they were made."""
    return [Schedule(*row) for row in await tx.all("lock_declared_schedules", environment=environment)]


async def page(
    tx: Tx, environment: str, *, task: str | None, limit: int, offset: int
) -> tuple[list[Schedule], int]:
    """Return a page of schedules, newest first, and how many there are in all."""
    count = await tx.one("count_schedules", environment=environment, task=task)
    rows = await tx.all("schedules_page", environment=environment, task=task, limit=limit, offset=offset)
    return [Schedule(*row) for row in rows], count["number"]


async def lock_due(tx: Tx, *, now: int, limit: int) -> list[Schedule]:
    """Lock and return schedules whose tick is due, the earliest first."""
    return [Schedule(*row) for row in await tx.all("lock_due_schedules", now=now, limit=limit)]


async def lock_released(tx: Tx, *, limit: int) -> list[Schedule]:
    """Lock and return schedules of which ticks wait, and no run is left to wait for."""
    return [Schedule(*row) for row in await tx.all("lock_released_schedules", limit=limit)]


async def next_due(tx: Tx) -> int | None:
    """Return when the next tick is due: 0 if one waits for nothing any more, None if there is none."""
    if (await tx.one("any_released_schedule"))["found"]:
        return 0
    return (await tx.one("next_schedule"))["due_at"]


async def live_runs(tx: Tx, schedules: Sequence[str]) -> dict[str, list[str]]:
    """Return the runs of schedules that have not ended, by schedule, the oldest first."""
    found: dict[str, list[str]] = {}
    for row in await tx.all("live_runs_of_schedules", schedules=schedules):
        found.setdefault(row["schedule"], []).append(row["id"])
    return found


async def with_workers(tx: Tx, environments: Sequence[str], *, since: int) -> set[str]:
    """Return those environments that have a worker which was heard of since then."""
    rows = await tx.all("environments_with_workers", environments=environments, since=since)
    return {row["environment"] for row in rows}


async def environments(tx: Tx, ids: Sequence[str]) -> dict[str, Environment]:
    """Return environments by their ids."""
    return {row["id"]: Environment(*row) for row in await tx.all("environments_of_ids", ids=ids)}
