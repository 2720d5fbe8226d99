"""What a worker is handed with a run."""

import base64
import json
from collections.abc import Mapping, Sequence

from perdure.core.clock import to_datetime, to_datetime_or_none
from perdure.core.retry import MAX_ATTEMPTS
from perdure.core.traces import SpanContext
from perdure.engine.waiting import answers_of
from perdure.store import history, packets, waits
from perdure.store.database import Tx
from perdure.store.packets import METADATA, PAYLOAD, TRACE
from perdure.store.rows import Packet, Run
from perdure.wire.manifests import TaskManifest
from perdure.wire.runs import KeyOptions
from perdure.wire.values import JSON
from perdure.wire.waits import Changes
from perdure.wire.workers import Assignment


async def assign(
    tx: Tx, runs: Sequence[Run], manifests: Mapping[str, TaskManifest], now: int
) -> dict[str, Assignment]:
    """Return what to hand out for runs that were claimed, by run.

    Args:
        tx: the transaction.
        runs: as they are after the claim.
        manifests: of the worker's version, by task.
        now: the current moment.
    """
    ids = [run.id for run in runs]
    found: dict[tuple[str, str], Packet] = {}
    for packet in await packets.of_runs(tx, ids, PAYLOAD, METADATA, TRACE):
        found[packet.run, packet.kind] = packet
    tags = await history.tags_of(tx, ids)
    assignments = {
        run.id: assignment_of(
            run,
            manifests[run.task],
            found.get((run.id, PAYLOAD)),
            found.get((run.id, METADATA)),
            tags.get(run.id, []),
        )
        for run in runs
    }
    for (run, kind), packet in found.items():
        if kind == TRACE and (place := SpanContext.parse(packet.data)):
            assignments[run] = assignments[run].model_copy(update={"trace_id": place.trace})
    return assignments | await _going_on(tx, runs, assignments, now)


async def _going_on(
    tx: Tx, runs: Sequence[Run], assignments: Mapping[str, Assignment], now: int
) -> dict[str, Assignment]:
    """Return the assignments of runs that go on from a stored state, with it and what is over."""
    stored = [run.id for run in runs if run.snapshot is not None]
    if not stored:
        return {}
    states = await waits.to_restore(tx, stored)
    answers = await answers_of(tx, stored, now)
    return {
        state.run: assignments[state.run].model_copy(
            update={
                "snapshot": base64.b64encode(state.stored).decode(),
                "snapshot_number": state.number,
                "changes": Changes.model_validate_json(state.changes) if state.changes else None,
                "answers": answers.get(state.run, []),
            }
        )
        for state in states.values()
    }


def max_attempts_of(run: Run, manifest: TaskManifest) -> int:
    """Return how often a run is tried in all: as its trigger says, else as its task does."""
    return min(run.max_attempts or manifest.retry.max_attempts, MAX_ATTEMPTS)


def assignment_of(
    run: Run, manifest: TaskManifest, payload: Packet | None, metadata: Packet | None, tags: list[str]
) -> Assignment:
    """Return what to hand out for a run that was claimed, but for the state that it goes on from."""
    return Assignment(
        run_id=run.id,
        fence=run.fence,
        task=run.task,
        attempt=_attempt(run),
        tries=_attempt(run) - run.spared,
        payload=payload.data if payload else None,
        payload_type=payload.type if payload else JSON,
        metadata=json.loads(metadata.data) if metadata else {},
        tags=tags,
        queue=run.queue,
        concurrency_key=run.concurrency_key,
        priority=run.priority,
        machine=run.machine or manifest.machine,
        max_attempts=max_attempts_of(run, manifest),
        max_duration=_seconds_left(run, manifest),
        retry=manifest.retry,
        version=run.version or "",
        created_at=to_datetime(run.created_at),
        started_at=to_datetime_or_none(run.started_at),
        is_test=bool(run.is_test),
        replay_of=run.replay_of,
        idempotency_key=run.idempotency_key,
        idempotency_key_options=_key_options(run),
        parent_run_id=run.parent,
        root_run_id=run.root,
        batch_id=run.batch,
        depth=run.depth,
    )


def _attempt(run: Run) -> int:
    """Return the number of the attempt that begins, or goes on."""
    return run.attempt if run.is_mid_attempt else run.attempt + 1


def _seconds_left(run: Run, manifest: TaskManifest) -> float | None:
    """Return how long the run may still be active; 0 if its time is used up."""
    limit = run.max_duration_ms
    if limit is None:
        if manifest.max_duration is None:
            return None
        limit = manifest.max_duration * 1000
    return max(0.0, limit - run.active_ms) / 1000


def _key_options(run: Run) -> KeyOptions | None:
    text = run.idempotency_key_options
    return KeyOptions.model_validate_json(text) if text else None
