"""Runs with all that is shown of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from perdure.store import history, packets, runs, schedules
from perdure.store.database import Tx
from perdure.store.packets import ERROR, METADATA, OUTPUT, PAYLOAD
from perdure.store.rows import Attempt, Packet, Run
from perdure.store.schedules import Schedule


@dataclass(frozen=True, slots=True)
class Glance:
    """A run as lists and relatives show it."""

    run: Run
    tags: Sequence[str]
    packets: Mapping[str, Packet]
    """By kind; in lists and families only the metadata, of an outcome the output or error."""


@dataclass(frozen=True, slots=True)
class RunView:
    """A run in full, and its family at a glance."""

    run: Run
    tags: Sequence[str]
    packets: Mapping[str, Packet]
    attempts: Sequence[Attempt]
    root: Glance | None
    parent: Glance | None
    children: Sequence[Glance]
    schedule: Schedule | None
    """The schedule that it came of, if that is still there."""


MOST_CHILDREN = 100
"""More children are not shown with a run; `filter[parent]` lists them all."""


async def view(tx: Tx, environment: str, run: str) -> RunView | None:
    """Return a run of an environment in full, or None."""
    row = await runs.find(tx, environment, run)
    if row is None:
        return None
    ancestors = sorted({one for one in (row.root, row.parent) if one})
    family = await runs.of_ids(tx, ancestors) if ancestors else []
    children = await runs.children(tx, run, limit=MOST_CHILDREN)
    seen = {glance.run.id: glance for glance in await glances(tx, [*family, *children])}
    found = await packets.of_runs(tx, [run], PAYLOAD, METADATA, OUTPUT, ERROR)
    return RunView(
        run=row,
        tags=(await history.tags_of(tx, [run])).get(run, []),
        packets={packet.kind: packet for packet in found},
        attempts=await history.attempts_of(tx, [run]),
        root=seen.get(row.root or ""),
        parent=seen.get(row.parent or ""),
        children=[seen[child.id] for child in children],
        schedule=await schedules.find(tx, environment, row.schedule) if row.schedule else None,
    )


async def outcome(tx: Tx, environment: str, run: str) -> Glance | None:
    """Return a run of an environment, with what it came to if it has ended; or None."""
    return (await outcomes(tx, [(environment, run)]))[0]


async def outcomes(tx: Tx, asked: Sequence[tuple[str, str]]) -> list[Glance | None]:
    """Return the same of many runs, given as environment and id."""
    ids = sorted({run for _, run in asked})
    rows = {row.id: row for row in await runs.of_ids(tx, ids)}
    ended = [row.id for row in rows.values() if row.finished_at is not None]
    found: dict[str, dict[str, Packet]] = {run: {} for run in rows}
    for packet in await packets.of_runs(tx, ended, OUTPUT, ERROR) if ended else ():
        found[packet.run][packet.kind] = packet
    tags = await history.tags_of(tx, ids)
    return [
        Glance(row, tags.get(run, []), found[run])
        if (row := rows.get(run)) is not None and row.environment == environment
        else None
        for environment, run in asked
    ]


async def glances(tx: Tx, rows: Sequence[Run]) -> list[Glance]:
    """Return runs as lists show them, in the same order."""
    ids = [row.id for row in rows]
    if not ids:
        return []
    tags = await history.tags_of(tx, ids)
    metadata = {packet.run: packet for packet in await packets.of_runs(tx, ids, METADATA)}
    return [
        Glance(row, tags.get(row.id, []), {METADATA: metadata[row.id]} if row.id in metadata else {})
        for row in rows
    ]
