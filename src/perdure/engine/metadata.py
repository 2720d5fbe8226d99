"""Metadata: what runs, their children and the outside note on runs while they run."""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from perdure.core import metadata as rules
from perdure.core.errors import NotFound, PerdureError, TooLarge
from perdure.engine.options import to_text
from perdure.engine.resources import Resources
from perdure.store import packets, runs
from perdure.store.database import Tx
from perdure.store.packets import METADATA
from perdure.store.rows import Environment, Packet, Run
from perdure.wire.runs import MetadataOperation, UpdateMetadata
from perdure.wire.values import JSON
from perdure.wire.workers import MetadataChanged

log = logging.getLogger(__name__)

LIMIT = 256 * 1024
"""The most bytes of a run's metadata; the official server's number."""


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
        return (await _read(tx, [run]))[run]

    async def _update(self, tx: Tx, environment: str, run: str, command: UpdateMetadata) -> dict[str, Any]:
        row = await runs.find(tx, environment, run)
        if row is None:
            raise NotFound(kind="run", name=run)
        operations = _by_run(row, command)
        if command.metadata is not None and not command.operations:
            operations.setdefault(run, []).insert(0, MetadataOperation(type="update", value=command.metadata))
        await runs.lock(tx, sorted({run, *operations}))
        before = await _read(tx, sorted({run, *operations}))
        after = {one: rules.apply(before[one], changes) for one, changes in operations.items()}
        await packets.put(tx, [_packet(one, value) for one, value in after.items()])
        return after.get(run, before[run])


async def record(tx: Tx, reported: Sequence[tuple[Run, MetadataChanged]]) -> None:
    """Apply what workers report, in its order; a change that can't be made is left out, and logged."""
    changes: dict[str, list[MetadataOperation]] = {}
    for run, item in reported:
        for one, operations in _by_run(run, item).items():
            changes.setdefault(one, []).extend(operations)
    if not changes:
        return
    await runs.lock(tx, sorted(changes))
    before = await _read(tx, sorted(changes))
    written = []
    for run, operations in changes.items():
        try:
            written.append(_packet(run, rules.apply(before[run], operations)))
        except PerdureError as error:
            log.warning("The metadata of run %s stays as it is: %s", run, error)
    await packets.put(tx, written)


def _by_run(run: Run, command: UpdateMetadata | MetadataChanged) -> dict[str, list[MetadataOperation]]:
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


async def _read(tx: Tx, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    found = {packet.run: packet for packet in await packets.of_runs(tx, ids, METADATA)}
    return {run: json.loads(found[run].data) if run in found else {} for run in ids}


def _packet(run: str, metadata: Mapping[str, Any]) -> Packet:
    text = to_text(metadata)
    size = len(text.encode())
    if size > LIMIT:
        raise TooLarge(what="The metadata", size=size, limit=LIMIT)
    return Packet(run, METADATA, JSON, text)
