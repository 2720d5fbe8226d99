"""What a trace is made of, besides what stands in the telemetry database."""

from collections.abc import Sequence
from dataclasses import dataclass

from perdure.store import history, packets, runs
from perdure.store.database import Tx
from perdure.store.packets import TRACE
from perdure.store.rows import Attempt, Run, RunEvent


@dataclass(frozen=True, slots=True)
class CheckpointRow:
    """A state that a run stored under a key."""

    run: str
    number: int
    key: str
    attempt: int
    created_at: int


@dataclass(frozen=True, slots=True)
class Family:
    """A run and those it led to, the oldest first, with what is known of their lives."""

    runs: Sequence[Run]
    """The first is the one that was asked for."""
    events: dict[str, list[RunEvent]]
    attempts: dict[str, list[Attempt]]
    """Of the first one's parent too."""
    checkpoints: dict[str, list[CheckpointRow]]
    traceparents: dict[str, str]
    """Of the first one's root too."""
    is_cut: bool
    """There are more runs."""


async def family(tx: Tx, environment: str, run: str, *, limit: int) -> Family | None:
    """Return a run of an environment with those it led to, so many at most; None if it is not there."""
    first = await runs.find(tx, environment, run)
    if first is None:
        return None
    root = first.root or first.id
    found = [Run._make(row) for row in await tx.all("family", root=root, limit=limit)]
    inside = {first.id}
    members = [first]
    for row in found:  # parents are older than their children
        if row.parent in inside and row.id not in inside:
            inside.add(row.id)
            members.append(row)
    return await lives(tx, members, is_cut=len(found) == limit)


async def places(tx: Tx, members: Sequence[Run]) -> Family:
    """Return what tells which traces runs belong to, without their lives."""
    ids = {row.id for row in members} | {row.root for row in members if row.root}
    found = await packets.of_runs(tx, sorted(ids), TRACE)
    return Family(members, {}, {}, {}, {one.run: one.data for one in found}, is_cut=False)


async def lives(tx: Tx, members: Sequence[Run], *, is_cut: bool = False) -> Family:
    """Return what is known of the lives of runs."""
    ids = [row.id for row in members]
    parents = {row.parent for row in members if row.parent} - set(ids)
    roots = {row.root for row in members if row.root} - set(ids)
    attempts: dict[str, list[Attempt]] = {}
    for attempt in await history.attempts_of(tx, [*ids, *sorted(parents)]):
        attempts.setdefault(attempt.run, []).append(attempt)
    checkpoints: dict[str, list[CheckpointRow]] = {}
    for row in await tx.all("checkpoints", runs=ids):
        checkpoints.setdefault(row["run"], []).append(CheckpointRow(*row))
    traceparents = {one.run: one.data for one in await packets.of_runs(tx, [*ids, *sorted(roots)], TRACE)}
    return Family(
        runs=members,
        events={id: await history.events_of(tx, id) for id in ids},
        attempts=attempts,
        checkpoints=checkpoints,
        traceparents=traceparents,
        is_cut=is_cut,
    )
