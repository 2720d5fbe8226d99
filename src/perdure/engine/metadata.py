"""Metadata: what runs, their children and the outside note on runs while they run."""

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from perdure.core import metadata as rules
from perdure.core.errors import NotFound, PerdureError, TooLarge
from perdure.engine.changes import touched
from perdure.engine.options import to_text
from perdure.engine.resources import Resources
from perdure.store import packets, runs
from perdure.store.database import Tx
from perdure.store.packets import METADATA, SEED
from perdure.store.rows import Environment, Packet, Run
from perdure.wire.runs import MetadataOperation, UpdateMetadata
from perdure.wire.values import JSON
from perdure.wire.workers import MetadataChanged

log = logging.getLogger(__name__)

LIMIT = 256 * 1024
"""The most bytes of a run's metadata; the official server's number."""


Apply: TypeAlias = Callable[[str, Sequence[MetadataOperation]], str]
"""Returns metadata, as JSON, after some changes."""


class Metadata:
    """Shows and changes the metadata of runs."""

    def __init__(self, resources: Resources) -> None:
        """Use these resources."""
        self._resources = resources

    async def get(self, environment: Environment, run: str) -> dict[str, Any]:
        """Return a run's metadata; raises NotFound."""
        return await self._resources.db.read(self._get, environment.id, run)

    async def update(self, environment: Environment, run: str, command: UpdateMetadata) -> dict[str, Any]:
        """Change the metadata of a run, its parent or its root; return the run's own afterwards.

        Raises:
            NotFound: there is no such run in the environment.
            BadMetadata: an operation can't be done.
            TooLarge: what would come of it is over the limit.
        """
        return await self._resources.db.transact(self._update, environment.id, run, command)

    async def _get(self, tx: Tx, environment: str, run: str) -> dict[str, Any]:
        if await runs.find(tx, environment, run) is None:
            raise NotFound(kind="run", name=run)
        found = await packets.of_runs(tx, [run], METADATA)
        return json.loads(found[0].data) if found else {}

    async def _update(self, tx: Tx, environment: str, run: str, command: UpdateMetadata) -> dict[str, Any]:
        row = await runs.find(tx, environment, run)
        if row is None:
            raise NotFound(kind="run", name=run)
        operations = by_run(row, command)
        if command.metadata is not None and not command.operations:
            operations.setdefault(run, []).insert(0, MetadataOperation(type="update", value=command.metadata))
        await _change(tx, operations, applied, self._resources.clock.now())
        return await self._get(tx, environment, run)


async def record(tx: Tx, reported: Sequence[tuple[Run, MetadataChanged]], now: int) -> None:
    """Apply what workers report, in its order; a change that can't be made is left out, and logged."""
    operations: dict[str, list[MetadataOperation]] = {}
    for run, item in reported:
        for one, changes in by_run(run, item).items():
            operations.setdefault(one, []).extend(changes)
    await _change(tx, operations, applied_as_far_as_possible, now)


def by_run(run: Run, command: UpdateMetadata | MetadataChanged) -> dict[str, list[MetadataOperation]]:
    """Sort operations by the run they are for: a run without a parent or root is its own."""
    found: dict[str, list[MetadataOperation]] = {}
    targets: Iterable[tuple[str, Sequence[MetadataOperation] | None]] = (
        (run.id, command.operations),
        (run.parent or run.id, command.parent_operations),
        (run.root or run.id, command.root_operations),
    )
    for target, operations in targets:
        if operations:
            found.setdefault(target, []).extend(operations)
    return found


async def _change(
    tx: Tx, operations: Mapping[str, Sequence[MetadataOperation]], apply: Apply, now: int
) -> None:
    """Change the metadata of runs, of those that exist.

    What a run was triggered with is kept when it first changes, since a replay begins with that.
    """
    if not operations:
        return
    known = sorted(await runs.lock(tx, sorted(operations)))
    found = {(packet.run, packet.kind): packet for packet in await packets.of_runs(tx, known, METADATA, SEED)}
    written = []
    for run in known:
        before = found[run, METADATA].data if (run, METADATA) in found else "{}"
        written.append(Packet(run, METADATA, JSON, apply(before, operations[run])))
        if (run, SEED) not in found:
            written.append(Packet(run, SEED, JSON, before))
    await packets.put(tx, written)
    await touched(tx, known, now)


def applied(text: str, operations: Sequence[MetadataOperation]) -> str:
    """Return metadata after some changes.

    Raises:
        BadMetadata: an operation can't be done.
        TooLarge: what would come of it is over the limit.
    """
    changed = to_text(rules.apply(json.loads(text), operations))
    size = len(changed.encode())
    if size > LIMIT:
        raise TooLarge(what="The metadata", size=size, limit=LIMIT)
    return changed


def applied_as_far_as_possible(text: str, operations: Sequence[MetadataOperation]) -> str:
    """Return metadata after all changes, or if that can't be, after those that can be."""
    try:
        return applied(text, operations)
    except PerdureError as error:
        if len(operations) == 1:
            log.warning("A change of metadata was left out: %s", error)
            return text
    for operation in operations:
        text = applied_as_far_as_possible(text, [operation])
    return text
