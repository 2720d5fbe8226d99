"""A run before it is stored: what its trigger says, checked and in the units of the database."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from perdure.core.debounce import Debounce
from perdure.core.errors import BadOption
from perdure.core.ids import new_id
from perdure.core.lifecycle import Status
from perdure.engine import options
from perdure.engine.environments import default_ttl_ms
from perdure.engine.moves import place_of
from perdure.engine.resources import EngineSettings
from perdure.store.keys import IDEMPOTENCY, IMPLICIT, REQUEST, TICK, TOKEN
from perdure.store.lanes import lane_of
from perdure.store.rows import Environment, Packet, Run
from perdure.wire.manifests import TaskManifest
from perdure.wire.runs import TriggerRun


@dataclass(frozen=True, slots=True)
class OneTimeToken:
    """A public token that may trigger once: its fingerprint, and until when it is good."""

    fingerprint: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class Origin:
    """A stored state of another run, which a run begins at."""

    run: str
    number: int
    #: the version that the state is kept for, or ''
    kept_version: str
    #: `wire.waits.Changes` as JSON
    changes: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """A run that somebody asks for."""

    environment: Environment
    task: str
    command: TriggerRun
    #: of the HTTP request: the same again gives the same run
    request_key: str | None = None
    #: the token that asks, if it may do so once
    token: OneTimeToken | None = None
    #: the run this one repeats
    replay_of: str | None = None
    #: the stored state it begins at, instead of the top
    origin: Origin | None = None
    batch: str | None = None
    schedule: str | None = None
    #: the moment of the schedule that it is the run of
    tick: int | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """A key that makes the trigger happen once."""

    kind: str
    key: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class Draft:
    """A run that is about to be stored."""

    id: str
    new: NewRun
    now: int
    packets: list[Packet]
    keys: list[Key]
    tags: list[str]
    delayed_until: int | None
    ttl_ms: int | None
    priority: float
    debounce: Debounce | None = None


def draft(new: NewRun, now: int, settings: EngineSettings) -> Draft:
    """Check what a trigger says, without the database.

    Raises:
        BadOption: an option can't be what it is; the message names it.
    """
    chosen = new.command.options
    run = new_id("run", now)
    debounce = options.debounce(chosen.debounce)
    for name in ("concurrency_key", "region", "lock_to_version", "parent_run_id"):
        options.plain_text(name, getattr(chosen, name) or "")
    options.plain_text("task", new.task)
    if chosen.queue:
        options.plain_text("queue", chosen.queue.name)
    if chosen.concurrency:
        expected = "no names: here limits are a queue's, queue(name, concurrency_limit=…, total_limit=…)"
        raise BadOption(option="concurrency", value=chosen.concurrency, expected=expected)
    packets = [
        options.payload_packet(run, new.command),
        options.metadata_packet(run, new.command),
        options.trace_packet(run, new.command),
    ]
    return Draft(
        id=run,
        new=new,
        now=now,
        packets=[packet for packet in packets if packet],
        keys=_keys(new, now, settings),
        tags=[options.plain_text("tags", tag) for tag in dict.fromkeys(chosen.tags or ())],
        delayed_until=now + debounce.delay_ms if debounce else options.delayed_until(chosen.delay, now),
        ttl_ms=options.ttl_ms(chosen.ttl),
        priority=options.priority_s(chosen.priority),
        debounce=debounce,
    )


def _keys(new: NewRun, now: int, settings: EngineSettings) -> list[Key]:
    keys = []
    if new.request_key:
        options.plain_text("request_key", new.request_key)
        keys.append(Key(REQUEST, new.request_key, now + settings.request_key_ttl_ms))
    if new.token:
        keys.append(Key(TOKEN, new.token.fingerprint, new.token.expires_at))
    if new.schedule and new.tick is not None:
        keys.append(Key(TICK, f"{new.schedule}:{new.tick}", now + settings.idempotency_key_ttl_ms))
    chosen = new.command.options
    if chosen.idempotency_key:
        options.plain_text("idempotency_key", chosen.idempotency_key)
        ttl = options.key_ttl_ms(chosen.idempotency_key_ttl, settings.idempotency_key_ttl_ms)
        keys.append(Key(IDEMPOTENCY, chosen.idempotency_key, now + ttl))
    if chosen.implicit_key:
        options.plain_text("implicit_key", chosen.implicit_key)
        keys.append(Key(IMPLICIT, chosen.implicit_key, now + settings.idempotency_key_ttl_ms))
    return keys


@dataclass(frozen=True, slots=True)
class Known:
    """What the database knows about the things some drafts name."""

    parents: Mapping[str, Run]
    manifests: Mapping[tuple[str, str, str], TaskManifest]
    """By environment, version asked for ('' for the current one) and task."""
    undefined: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """Queues that are asked for, by environment and name, which no code defines; and the nearest there is."""


def row_of(one: Draft, known: Known, settings: EngineSettings) -> dict[str, Any]:
    """Return the row to store, without the columns that all new runs share.

    Raises:
        BadOption: it names a version, a queue or a parent that does not exist.
    """
    new, options = one.new, one.new.command.options
    locked = options.lock_to_version or ""
    manifest = known.manifests.get((new.environment.id, locked, new.task))
    if locked and manifest is None:
        raise BadOption(
            option="lock_to_version", value=locked, expected=f"a version that has task {new.task!r}"
        )
    queue = _queue(new, manifest, known)
    kept = new.origin.kept_version if new.origin else ""
    lane = lane_of(new.environment.id, queue, options.concurrency_key, new.task, locked or kept)
    return {
        "id": one.id,
        "environment": new.environment.id,
        "task": new.task,
        "queue": queue,
        "concurrency_key": options.concurrency_key,
        "locked_version": locked,
        "kept_version": kept,
        "lane": lane.id,
        "pool": lane.pool,
        "priority": one.priority,
        "created_at": one.now,
        "max_attempts": options.max_attempts,
        "max_duration_ms": options.max_duration and options.max_duration * 1000,
        "machine": options.machine,
        "batch": new.batch,
        "replay_of": new.replay_of,
        "schedule": new.schedule,
        "is_test": int(bool(options.test)),
        "idempotency_key": options.idempotency_key,
        "idempotency_key_options": options.idempotency_key_options
        and options.idempotency_key_options.to_json().decode(),
        "region": options.region,
        "waited_by_parent": int(bool(options.resume_parent_on_completion)),
        "is_locked_with_parent": int(bool(locked and options.lock_with_parent)),
        **_family(new, known.parents),
        **_standing(one, manifest, settings),
    }


def _standing(one: Draft, manifest: TaskManifest | None, settings: EngineSettings) -> dict[str, Any]:
    """Return where the run begins: delayed, in line, or waiting for a worker that knows it."""
    ttl = _ttl(one, manifest, settings)
    delayed = one.delayed_until
    if delayed is not None:
        status = Status.DELAYED
    elif manifest is None:
        status = Status.PENDING_VERSION
    else:
        status = Status.QUEUED
    queued = one.now if delayed is None else None
    return {
        "status": status,
        "place": place_of(one.now, one.priority) if status is Status.QUEUED else None,
        "queued_at": queued,
        "delayed_until": delayed,
        "due_at": delayed,
        "ttl_ms": ttl,
        "expires_at": queued + ttl if queued is not None and ttl else None,
    }


def _ttl(one: Draft, manifest: TaskManifest | None, settings: EngineSettings) -> int | None:
    if one.ttl_ms is not None:
        return one.ttl_ms or None
    if manifest is not None and manifest.ttl_ms is not None:
        return manifest.ttl_ms or None
    return default_ttl_ms(one.new.environment, settings)


def _queue(new: NewRun, manifest: TaskManifest | None, known: Known) -> str:
    """Return where the run stands; raises BadOption if its task is known, and no code defines that queue."""
    chosen = new.command.options.queue
    if chosen is None:
        return manifest.queue.name if manifest else f"task/{new.task}"
    hint = known.undefined.get((new.environment.id, chosen.name))
    if hint is not None and manifest is not None:
        raise BadOption(option="queue", value=chosen.name, expected=f"one that code defines ({hint})")
    return chosen.name


def _family(new: NewRun, parents: Mapping[str, Run]) -> dict[str, Any]:
    """Return where the run stands in its family; raises BadOption if it names no run."""
    parent_id = new.command.options.parent_run_id
    if parent_id is None:
        return {"parent": None, "root": None, "depth": 0}
    parent = parents.get(parent_id)
    if parent is None or parent.environment != new.environment.id:
        raise BadOption(option="parent_run_id", value=parent_id, expected="a run of this environment")
    return {"parent": parent.id, "root": parent.root or parent.id, "depth": parent.depth + 1}
