"""Debounce keys.  Whoever locks them does so after trigger keys, and before the runs that they stand for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from perdure.store.database import Tx

Name: TypeAlias = tuple[str, str, str]
"""A key in full: environment, task and key."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The run that has a key, and when the first trigger of it came."""

    run: str
    first_at: int
    #: when the key is of no more use
    forget_at: int = 0


async def lock(tx: Tx, wanted: Mapping[Name, Holder]) -> dict[Name, Holder]:
    """Take keys that are free, and lock all of them; return who has each."""
    rows = await tx.all("lock_debounces", keys=_rows(wanted))
    return {(row[0], row[1], row[2]): Holder(row[3], row[4]) for row in rows}


async def write(tx: Tx, holders: Mapping[Name, Holder]) -> None:
    """Say which run has each of some locked keys now, and since when."""
    await tx.run("write_debounces", keys=_rows(holders))


async def update_runs(tx: Tx, rows: Sequence[Mapping[str, object]]) -> None:
    """Change locked runs that have not begun; given as `id`, `max_attempts` and `max_duration_ms`."""
    await tx.run("update_debounced_runs", runs=rows)


async def forget(tx: Tx, *, now: int, limit: int) -> int:
    """Delete keys that are of no more use; return how many."""
    return await tx.run("delete_old_debounces", now=now, limit=limit)


def _rows(holders: Mapping[Name, Holder]) -> list[dict[str, object]]:
    return [
        {
            "environment": name[0],
            "task": name[1],
            "key": name[2],
            "run": holder.run,
            "first_at": holder.first_at,
            "forget_at": holder.forget_at,
        }
        for name, holder in sorted(holders.items())
    ]
