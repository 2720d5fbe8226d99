"""What lines and spans are about: runs, and traces of other programs; in the telemetry database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from perdure.store.database import Tx


@dataclass(frozen=True, slots=True)
class Feed:
    """All lines of an environment: how many it ever had, and how many were dropped on the way."""

    id: int
    lines: int
    dropped: int


@dataclass(frozen=True, slots=True)
class Counted:
    """A subject, after it was added to."""

    id: int
    name: str
    lines: int
    spans: int


@dataclass(frozen=True, slots=True)
class Subject:
    """A subject, and how many of its spans were over the limit."""

    id: int
    name: str
    spans_dropped: int


@dataclass(frozen=True, slots=True)
class Old:
    """A subject that nothing was added to lately."""

    id: int
    name: str
    lines: int
    spans: int
    last_at: int

    @property
    def rows(self) -> int:
        """How many rows it has, at most."""
        return self.lines + self.spans


async def feed(tx: Tx, environment: str) -> Feed | None:
    """Return the feed of an environment, if it has lines."""
    row = await tx.maybe("feed", environment=environment)
    return Feed(*row) if row else None


async def count_feed(tx: Tx, environment: str, *, lines: int, dropped: int = 0) -> tuple[int, int]:
    """Add to the lines of an environment, and lock it; return its feed, and how many lines there are then."""
    row = await tx.one("count_feed", environment=environment, lines=lines, dropped=dropped)
    return row["id"], row["lines"]


async def count(tx: Tx, added: Sequence[Mapping[str, object]]) -> dict[str, Counted]:
    """Add to what subjects have, and lock them; return, by name, what they have then.

    Args:
        tx: the transaction.
        added: of each, in the order of their names, `feed`, `name`, `task`, `lines`, `spans`, `last_at`.
    """
    return {row["name"]: Counted(*row) for row in await tx.all("count_telemetry", subjects=added)}


async def count_dropped_spans(tx: Tx, dropped: Mapping[int, int]) -> None:
    """Note how many spans of subjects, by id, were over the limit."""
    rows = [{"id": subject, "dropped": number} for subject, number in sorted(dropped.items())]
    await tx.run("count_dropped_spans", subjects=rows)


async def find(tx: Tx, environment: str, names: Sequence[str]) -> list[Subject]:
    """Return the subjects of an environment that have these names and that something was seen of."""
    found = await feed(tx, environment)
    if found is None:
        return []
    return [Subject(*row) for row in await tx.all("subjects", names=names, feed=found.id)]


async def dropped(tx: Tx) -> dict[str, int]:
    """Return how many lines and spans were dropped, by environment."""
    return {row["environment"]: int(row["dropped"]) for row in await tx.all("count_dropped")}


async def old(tx: Tx, *, before: int, after: int, limit: int) -> list[Old]:
    """Return subjects that nothing was added to since a moment, by id.

    Args:
        tx: the transaction.
        before: the moment.
        after: only subjects after this one; 0 for all.
        limit: the most to return.
    """
    rows = await tx.all("old_subjects", before=before, after=after, limit=limit)
    return [Old(*row) for row in rows]


async def forget(tx: Tx, subjects: Sequence[int]) -> None:
    """Delete subjects, with their lines and spans."""
    for statement in ("delete_log_lines", "delete_spans", "delete_subjects"):
        await tx.run(statement, subjects=subjects)


async def forget_named(tx: Tx, names: Sequence[str]) -> None:
    """Delete what was seen of runs."""
    found = [row["id"] for row in await tx.all("ids_of_subjects", names=names)]
    if found:
        await forget(tx, found)
