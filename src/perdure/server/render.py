"""From rows to the runs and tokens that the API shows."""

import json
from collections.abc import Mapping
from typing import Any

from perdure.core.clock import to_datetime, to_datetime_or_none
from perdure.core.cron import cron
from perdure.core.errors import PerdureError
from perdure.core.lifecycle import FINAL, Status
from perdure.engine.tokens import TokenView
from perdure.server.packets import decode
from perdure.store import rows
from perdure.store.packets import ERROR, METADATA, OUTPUT, PAYLOAD
from perdure.store.run_lists import RunPage
from perdure.store.schedules import Schedule
from perdure.store.tokens import TIMEOUT, Token
from perdure.store.views import Glance, RunView
from perdure.wire import runs as wire
from perdure.wire import waits
from perdure.wire.schedules import Generator
from perdure.wire.values import CursorPage, RunError, SerializedError

S = Status

_QUEUED = frozenset({S.QUEUED, S.DELAYED, S.PENDING_VERSION})
_EXECUTING = frozenset({S.EXECUTING, S.DEQUEUED})

# Metadata keys that the official clients keep for themselves.
_INTERNAL = "$$streams"

Packets = Mapping[str, rows.Packet]
"""The packets of one run, by kind."""


def page(found: RunPage, environment: rows.Environment) -> wire.RunPage:
    """Return a page of a list; its cursors are the ids of the first and last run on it."""
    older = found.runs[-1].run.id if found.runs and found.has_older else None
    newer = found.runs[0].run.id if found.runs and found.has_newer else None
    return wire.RunPage(
        data=[_listed(glance, environment) for glance in found.runs],
        pagination=CursorPage(next=older, previous=newer),
    )


def _listed(glance: Glance, environment: rows.Environment) -> wire.ListedRun:
    """Return a run as lists show it."""
    info = wire.EnvironmentInfo(id=environment.id, name=environment.slug)
    return wire.ListedRun(**_summary(glance), env=info)


def full(view: RunView) -> wire.Run:
    """Return a run in full; its output is shown once it has completed."""
    run, packets = view.run, view.packets
    return wire.Run(
        **_summary(view),
        **_origin(run),
        payload=_value(packets, PAYLOAD),
        output=_value(packets, OUTPUT) if run.status == S.COMPLETED else None,
        error=_error(packets[ERROR].data) if ERROR in packets else None,
        schedule=_schedule(view),
        related_runs=wire.RelatedRuns(
            root=_related(view.root), parent=_related(view.parent), children=[*map(_related, view.children)]
        ),
        attempt_count=run.attempt,
        attempts=[_attempt(attempt) for attempt in view.attempts],
        queue=run.queue,
        machine=run.machine,
        priority=run.priority,
        concurrency_key=run.concurrency_key,
        max_attempts=run.max_attempts,
        replay_of=run.replay_of,
    )


def result(ended: Glance | RunView) -> wire.RunResult:
    """Return how a run that has ended ended; its output stays a packet."""
    run, packets = ended.run, ended.packets
    ok, output, error = run.status == S.COMPLETED, packets.get(OUTPUT), packets.get(ERROR)
    return wire.RunResult(
        ok=ok,
        id=run.id,
        task_identifier=run.task,
        status=Status(run.status),
        output=output.data if ok and output else None,
        output_type=output.type if ok and output else None,
        error=RunError.model_validate_json(error.data) if error and not ok else None,
    )


def metadata(packets: Packets) -> dict[str, Any]:
    """Return a run's metadata, without what clients keep there for themselves."""
    value = _value(packets, METADATA)
    return {k: v for k, v in value.items() if not k.startswith(_INTERNAL)} if isinstance(value, dict) else {}


def _summary(glance: Glance | RunView) -> dict[str, Any]:
    run = glance.run
    status = Status(run.status)
    return {
        "id": run.id,
        "status": status,
        "task_identifier": run.task,
        **_flags(status),
        "is_test": bool(run.is_test),
        "created_at": to_datetime(run.created_at),
        "updated_at": to_datetime(run.updated_at),
        "started_at": to_datetime_or_none(run.started_at),
        "finished_at": to_datetime_or_none(run.finished_at),
        "delayed_until": to_datetime_or_none(run.delayed_until),
        "expired_at": to_datetime_or_none(run.finished_at) if status is S.EXPIRED else None,
        "idempotency_key": key(run),
        "version": run.version or run.locked_version or None,
        "ttl": duration(run.ttl_ms),
        "region": run.region,
        "tags": list(glance.tags),
        "duration_ms": run.active_ms,
        "metadata": metadata(glance.packets) or None,
    }


def _flags(status: Status) -> dict[str, bool]:
    """Say what a status means, as the official server does; but what expired or timed out is completed."""
    return {
        "is_queued": status in _QUEUED,
        "is_executing": status in _EXECUTING,
        "is_waiting": status is S.WAITING,
        "is_completed": status in FINAL,
        "is_success": status is S.COMPLETED,
        "is_failed": status in FINAL and status is not S.COMPLETED,
        "is_cancelled": status is S.CANCELED,
    }


def _origin(run: rows.Run) -> dict[str, Any]:
    function = ("batchTrigger" if run.batch else "trigger") + ("AndWait" if run.waited_by_parent else "")
    return {"depth": run.depth, "trigger_function": function, "batch_id": run.batch}


def _related(glance: Glance | None) -> Any:
    return glance and wire.RelatedRun(**_summary(glance), **_origin(glance.run))


def _schedule(view: RunView) -> wire.Schedule | None:
    """Return the schedule a run came of; of one that is deleted, only its id is known."""
    row = view.schedule
    if row is None:
        gone = Generator(expression="", description="The schedule was deleted")
        return wire.Schedule(id=view.run.schedule, generator=gone) if view.run.schedule else None
    return wire.Schedule(
        id=row.id,
        external_id=row.external_id,
        deduplication_key=row.deduplication_key,
        generator=generator(row),
    )


def generator(schedule: Schedule) -> Generator:
    """Return what makes a schedule's ticks, as it is shown."""
    try:
        description = cron(schedule.cron, schedule.timezone).description
    except PerdureError as error:  # a zone that there was, and is no more
        description = str(error)
    return Generator(expression=schedule.cron, description=description)


def _attempt(attempt: rows.Attempt) -> wire.Attempt:
    return wire.Attempt(
        number=attempt.number,
        status=attempt.status,
        started_at=to_datetime(attempt.started_at),
        finished_at=to_datetime_or_none(attempt.finished_at),
        worker=attempt.worker,
        version=attempt.version,
        error=_error(attempt.error) if attempt.error else None,
    )


def _error(text: str) -> SerializedError:
    return SerializedError.of(RunError.model_validate_json(text))


def _value(packets: Packets, kind: str) -> Any:
    packet = packets.get(kind)
    return decode(packet.data, packet.type) if packet else None


def token(view: TokenView, url: str, *, in_full: bool = True) -> waits.Token:
    """Return a token; in full, its output is there once it was completed."""
    row = view.token
    full = {
        "output": row.output,
        "output_type": row.output_type,
        "output_is_error": row.completed_by == TIMEOUT,
    }
    return waits.Token(
        id=row.id,
        url=url,
        status=token_status(row),
        created_at=to_datetime(row.created_at),
        completed_at=to_datetime_or_none(row.completed_at),
        completed_after=to_datetime_or_none(row.timeout_at),
        timeout_at=to_datetime_or_none(row.timeout_at),
        idempotency_key=row.idempotency_key,
        idempotency_key_expires_at=to_datetime_or_none(row.key_expires_at),
        tags=list(view.tags),
        completed_by=row.completed_by,
        **(full if in_full and not view.is_open else {}),
    )


def token_status(row: Token) -> waits.TokenStatus:
    """Return where a token is in its life."""
    if row.completed_by == TIMEOUT:
        return waits.TokenStatus.TIMED_OUT
    return waits.TokenStatus.WAITING if row.completed_at is None else waits.TokenStatus.COMPLETED


def key(run: rows.Run) -> str | None:
    """Return the key as the user wrote it, or else its hash."""
    if run.idempotency_key_options:
        return json.loads(run.idempotency_key_options)["key"]
    return run.idempotency_key


def duration(milliseconds: int | None) -> str | None:
    """Return a duration as the API writes it: `1h30m`."""
    if not milliseconds:
        return None
    text, rest = "", milliseconds // 1000
    for unit, seconds in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, seconds)
        text += f"{count}{unit}" if count else ""
    return text or None
