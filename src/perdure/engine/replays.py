"""Running a run again, as it was or changed."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from perdure.core.errors import NotFound
from perdure.engine.enqueue import Enqueue, Triggered
from perdure.engine.resources import Resources
from perdure.engine.snapshots import SnapshotsOfRuns
from perdure.store import history, packets, views
from perdure.store.database import Tx
from perdure.store.packets import METADATA, PAYLOAD, SEED
from perdure.store.rows import Environment, Packet, Run
from perdure.store.views import RunView
from perdure.wire.runs import QueueChoice, ReplayRun, TriggerOptions, TriggerRun
from perdure.wire.values import JSON

# Options that a replay changes under the name they have in a trigger.
_SAME = (
    "concurrency_key",
    "machine",
    "region",
    "delay",
    "ttl",
    "idempotency_key",
    "idempotency_key_ttl",
    "max_attempts",
    "max_duration",
    "priority",
)


class Replays:
    """Runs runs again."""

    def __init__(self, resources: Resources, enqueue: Enqueue, snapshots: SnapshotsOfRuns) -> None:
        """Use these resources, and trigger through the same door as everyone."""
        self._resources = resources
        self._snapshots = snapshots
        self._enqueue = enqueue

    async def replay(self, environment: Environment, run: str, changes: ReplayRun) -> Triggered:
        """Trigger a run like this one; return it.

        Args:
            environment: where.
            run: which one; it may have any status.
            changes: what is to be different.

        Raises:
            NotFound: there is no such run in the environment, or no such state of it.
            BadOption: a change can't be what it is, or there is no such local.
        """
        view, metadata = await self._resources.db.read(_original, environment.id, run)
        command = command_like(view, metadata, changes)
        origin = await self._snapshots.origin(environment, run, changes) if changes.begin else None
        return await self._enqueue.trigger(environment, view.run.task, command, replay_of=run, origin=origin)


def command_like(view: RunView, metadata: Any, changes: ReplayRun) -> TriggerRun:
    """Return the trigger of a run like another.

    Args:
        view: the other.
        metadata: what it was triggered with.
        changes: what is to be different.
    """
    options = _options(view.run, view.packets, view.tags) | {"metadata": metadata} | _changed(changes)
    payload = _payload(view.packets)
    if "payload" in changes.model_fields_set:
        payload = {"payload": changes.payload}
        options["payload_type"] = changes.payload_type
    return TriggerRun(**payload, options=TriggerOptions(**options))


async def _original(tx: Tx, environment: str, run: str) -> tuple[RunView, Any]:
    """Return a run in full, and the metadata that it was triggered with."""
    view = await views.view(tx, environment, run)
    if view is None:
        raise NotFound(kind="run", name=run)
    seed = await packets.of_runs(tx, [run], SEED)
    packet = seed[0] if seed else view.packets.get(METADATA)
    return view, json.loads(packet.data) if packet else None


async def commands_of(tx: Tx, rows: Sequence[Run]) -> list[TriggerRun]:
    """Return for each of some runs the trigger that makes one like it."""
    ids = [row.id for row in rows]
    tags = await history.tags_of(tx, ids)
    found: dict[str, dict[str, Packet]] = {}
    for packet in await packets.of_runs(tx, ids, PAYLOAD, METADATA, SEED):
        found.setdefault(packet.run, {})[packet.kind] = packet
    return [_command(row, found.get(row.id, {}), tags.get(row.id, ())) for row in rows]


def _command(run: Run, given: Mapping[str, Packet], tags: Sequence[str]) -> TriggerRun:
    seed = given.get(SEED) or given.get(METADATA)
    options = _options(run, given, tags)
    options["metadata"] = json.loads(seed.data) if seed else None
    return TriggerRun(**_payload(given), options=TriggerOptions(**options))


def _payload(given: Mapping[str, Packet]) -> dict[str, Any]:
    packet = given.get(PAYLOAD)
    if packet is None:
        return {}
    return {"payload": json.loads(packet.data) if packet.type == JSON else packet.data}


def _options(run: Run, given: Mapping[str, Packet], tags: Sequence[str]) -> dict[str, Any]:
    """Return the options that the run was triggered with; not its delay, its key, or its parent."""
    payload = given.get(PAYLOAD)
    return {
        "payload_type": payload.type if payload else JSON,
        "queue": QueueChoice(name=run.queue),
        "concurrency_key": run.concurrency_key,
        "tags": list(tags),
        "machine": run.machine,
        "priority": run.priority,
        "ttl": f"{run.ttl_ms or 0}ms",
        "max_attempts": run.max_attempts,
        "max_duration": run.max_duration_ms and run.max_duration_ms / 1000,
        "region": run.region,
        "test": bool(run.is_test),
    }


def _changed(changes: ReplayRun) -> dict[str, Any]:
    chosen = {name: getattr(changes, name) for name in _SAME if name in changes.model_fields_set}
    if changes.tags is not None:
        chosen["tags"] = changes.tags
    if changes.metadata is not None:
        chosen["metadata"] = changes.metadata
    if changes.queue is not None:
        chosen["queue"] = QueueChoice(name=changes.queue)
    if changes.version is not None:
        chosen["lock_to_version"] = changes.version
    return chosen
