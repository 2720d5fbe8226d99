"""What those who watch runs look at: which state each is in, and then those that have changed.

A run's state is known by `updated_at`, which grows with each change of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from perdure.core.ids import first_id
from perdure.store import history, packets, runs, streams
from perdure.store.database import Tx
from perdure.store.packets import ERROR, METADATA, OUTPUT, PAYLOAD
from perdure.store.rows import Packet, Run


class Version(NamedTuple):
    """Which state a run is in, and whether it has ended."""

    number: int
    is_final: bool


Versions = Mapping[str, Version]
"""By the run's id."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A run with all that those who watch it are shown."""

    run: Run
    tags: Sequence[str]
    packets: Mapping[str, Packet]
    streams: Sequence[str]


async def of_runs(tx: Tx, ids: Sequence[str]) -> dict[str, Version]:
    """Return the states of runs."""
    return {row[0]: Version(row[1], row[2] is not None) for row in await tx.all("run_versions", runs=ids)}


async def of_batches(tx: Tx, batches: Sequence[str]) -> dict[str, dict[str, Version]]:
    """Return the states of the runs of batches, by batch."""
    found: dict[str, dict[str, Version]] = {batch: {} for batch in batches}
    for row in await tx.all("batch_versions", batches=batches):
        found[row[0]][row[1]] = Version(row[2], row[3] is not None)
    return found


async def closed(tx: Tx, batches: Sequence[str]) -> set[str]:
    """Return those of some batches that get no more runs."""
    return {row[0] for row in await tx.all("batches_closed", batches=batches)}


async def of_tags(tx: Tx, environment: str, tags: Sequence[str], *, since: int) -> dict[str, Version]:
    """Return the states of the runs that have all of some tags, of those made since a moment."""
    rows = await tx.all(
        "tag_versions",
        environment=environment,
        tags=tags,
        above=first_id("run", max(0, since)),
        count=len(tags),
    )
    return {row[0]: Version(row[1], row[2] is not None) for row in rows}


async def show(tx: Tx, ids: Sequence[str]) -> dict[str, Shown]:
    """Return runs as they are shown, those that are there."""
    rows = await runs.of_ids(tx, ids)
    tags = await history.tags_of(tx, ids)
    written = await streams.names(tx, ids)
    found: dict[str, dict[str, Packet]] = {}
    for packet in await packets.of_runs(tx, ids, PAYLOAD, METADATA, OUTPUT, ERROR):
        found.setdefault(packet.run, {})[packet.kind] = packet
    return {
        row.id: Shown(row, tags.get(row.id, []), found.get(row.id, {}), written.get(row.id, []))
        for row in rows
    }


async def touch(tx: Tx, ids: Sequence[str], *, now: int) -> None:
    """Note that something of runs has changed that does not stand in their rows."""
    await tx.run("touch_runs", runs=ids, now=now)
