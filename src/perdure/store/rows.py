"""The shapes of rows: one immutable value for each table that others look at.

Fields stand in the order of the table's columns, so `Run(*row)` makes one of a `select *` row.
Moments are milliseconds since 1970; statuses are the texts of `core.lifecycle.Status`.
"""

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Environment:
    """A separate world of runs, workers and keys: `dev`, `prod`, …"""

    id: str
    slug: str
    type: str
    project: str
    key: str
    current_version: str | None
    concurrency_limit: int | None
    created_at: int
    burst_factor: float = 1.0
    paused_at: int | None = None
    default_ttl_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """One immutable state of the user's code."""

    environment: str
    version: str
    code_hash: str
    created_at: int


@dataclass(frozen=True, slots=True)
class Task:
    """A task of a version; `manifest` is a `wire.manifests.TaskManifest` as JSON."""

    environment: str
    version: str
    task: str
    manifest: str


@dataclass(frozen=True, slots=True)
class Worker:
    """A process that runs tasks; `problems` is a JSON list of what did not import."""

    id: str
    environment: str
    version: str
    name: str
    host: str
    pid: int
    python_version: str
    perdure_version: str
    concurrency: int
    problems: str
    connected_at: int
    last_seen_at: int
    disconnected_at: int | None
    drained_at: int | None


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue: as the code defines it, and what was set at run time."""

    environment: str
    name: str
    concurrency_limit: int | None
    created_at: int
    total_limit: int | None = None
    rate_limit: int | None = None
    rate_period_ms: int | None = None
    rate_burst: int | None = None
    rate_per_key: int = 0
    limit_override: int | None = None
    overridden_at: int | None = None
    paused_at: int | None = None


class Run(NamedTuple):
    """One trigger of a task; the comments of the table say what each column means.

    A tuple, unlike the others: thousands a second are made, and a frozen dataclass of this width takes
    fifteen times as long.  `run._replace(…)` gives a changed copy.
    """

    id: str
    environment: str
    task: str
    queue: str
    concurrency_key: str | None
    locked_version: str
    lane: int
    pool: int
    status: str

    place: int | None
    priority: float
    created_at: int
    updated_at: int
    queued_at: int | None
    delayed_until: int | None
    due_at: int | None
    ttl_ms: int | None
    expires_at: int | None
    started_at: int | None
    finished_at: int | None

    worker: str | None
    lease_until: int | None
    fence: int
    version: str | None
    attempt: int
    spared: int
    losses: int
    max_attempts: int | None
    active_ms: float
    max_duration_ms: float | None
    machine: str | None

    parent: str | None
    root: str | None
    depth: int
    batch: str | None
    replay_of: str | None
    schedule: str | None
    is_test: int
    idempotency_key: str | None
    idempotency_key_options: str | None
    region: str | None
    waited_by_parent: int
    events: int
    snapshot: int | None
    is_mid_attempt: int
    is_awaited: int
    kept_version: str
    is_locked_with_parent: int = 0


@dataclass(frozen=True, slots=True)
class Packet:
    """A text with its type: a run's payload, metadata, output or error, as `kind` says."""

    run: str
    kind: str
    type: str
    data: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a run; `error` is a `wire.values.RunError` as JSON."""

    run: str
    number: int
    status: str
    worker: str
    version: str
    machine: str | None
    started_at: int
    finished_at: int | None
    active_ms: float | None
    error: str | None
    retry_at: int | None


@dataclass(frozen=True, slots=True)
class RunEvent:
    """Something that happened to a run."""

    run: str
    number: int
    time: int
    kind: str
    attempt: int | None
    message: str | None


@dataclass(frozen=True, slots=True)
class Pool:
    """How many runs hold a slot of a (queue, concurrency key), or of an environment (queue is None)."""

    id: int
    environment: str
    queue: str | None
    concurrency_key: str | None
    running: int
    virtual_time: float
    full_at: int | None
    is_metered: int = 0
    spent_until: int | None = None
    closed_until: int | None = None


@dataclass(frozen=True, slots=True)
class Meter:
    """What a queue is measured by that has a limit or a rate over all its keys."""

    environment: str
    queue: str
    running: int
    full_at: int | None
    spent_until: int | None
    closed_until: int | None
