"""Runs: trigger, retrieve, list, and what can be done to one.

Names, shapes and limits are those of the Trigger.dev API, so that its clients work unchanged.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from perdure.core.lifecycle import Status
from perdure.core.placement import MachineName
from perdure.wire.model import Model, StrictModel
from perdure.wire.schedules import Generator
from perdure.wire.values import (
    JSON,
    CursorPage,
    DurationText,
    IdempotencyKey,
    Json,
    RunError,
    SerializedError,
    TagsOrOne,
)
from perdure.wire.waits import RestoreFrom


class QueueChoice(Model):
    """The queue a run goes to, by the name it was defined with."""

    name: Annotated[str, Field(min_length=1, max_length=128)]
    concurrency_limit: int | None = None


class KeyOptions(Model):
    """The idempotency key as the user wrote it, before it was hashed."""

    key: str
    scope: Literal["run", "attempt", "global"]


class Debounce(Model):
    """`perdure.Debounce` on the wire."""

    key: Annotated[str, Field(min_length=1, max_length=512)]
    delay: DurationText
    mode: Literal["leading", "trailing"] = "leading"
    max_delay: DurationText | None = None


class TriggerOptions(Model):
    """How a run is triggered; all optional."""

    payload_type: str = JSON
    payload_size: Annotated[int, Field(ge=0)] | None = None
    queue: QueueChoice | None = None
    concurrency_key: Annotated[str, BeforeValidator(str), Field(max_length=512)] | None = None
    concurrency: list[str] | None = None
    """Named limits of the official client 4.8, which are refused: here limits belong to queues."""
    delay: DurationText | datetime | None = None
    debounce: Debounce | None = None
    ttl: DurationText | Annotated[int, Field(ge=0)] | None = None
    idempotency_key: IdempotencyKey | None = None
    idempotency_key_ttl: Annotated[str | None, Field(alias="idempotencyKeyTTL")] = None
    idempotency_key_options: KeyOptions | None = None
    tags: TagsOrOne | None = None
    max_attempts: Annotated[int, Field(ge=1, le=250)] | None = None
    max_duration: Annotated[float, Field(gt=0)] | None = None
    metadata: Json = None
    metadata_type: str = JSON
    machine: MachineName | None = None
    priority: float | None = None
    region: str | None = None
    test: bool | None = None
    lock_to_version: str | None = None
    parent_run_id: str | None = None
    resume_parent_on_completion: bool | None = None
    implicit_key: Annotated[str, Field(max_length=128)] | None = None
    """Ours: what a child is known by in its parent, so that going on from a stored state triggers it once."""
    traceparent: Annotated[str, Field(max_length=128)] | None = None
    """Ours: the place in a trace that the run belongs to, as W3C writes it; else the header of this name."""
    lock_with_parent: bool | None = None
    """Ours: `lock_to_version` is that of the parent, which waits; nobody chose it, so it may be let go."""


class TriggerRun(Model):
    """What to run: the payload is one JSON value, or a packet as `options.payload_type` says."""

    payload: Json = None
    context: Json = None
    options: TriggerOptions = TriggerOptions()


class Triggered(Model):
    """The run that was made, or that an idempotency key already stood for."""

    id: str
    is_cached: bool


class Schedule(Model):
    """The schedule a run came from."""

    id: str
    external_id: str | None = None
    deduplication_key: str | None = None
    generator: Generator


class RunSummary(Model):
    """What every view of a run shows."""

    id: str
    status: Status
    task_identifier: str
    is_queued: bool
    is_executing: bool
    is_waiting: bool
    is_completed: bool
    is_success: bool
    is_failed: bool
    is_cancelled: bool
    is_test: bool
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    delayed_until: datetime | None = None
    expired_at: datetime | None = None
    idempotency_key: str | None = None
    version: str | None = None
    ttl: str | None = None
    region: str | None = None
    tags: list[str] = []
    cost_in_cents: float = 0
    base_cost_in_cents: float = 0
    duration_ms: float = 0
    metadata: dict[str, Any] | None = None


class EnvironmentInfo(Model):
    """The environment a listed run belongs to."""

    id: str
    name: str


class ListedRun(RunSummary):
    """A run in a list."""

    env: EnvironmentInfo


TriggerFunction = Literal["trigger", "triggerAndWait", "batchTrigger", "batchTriggerAndWait"]


class RelatedRun(RunSummary):
    """A run's parent, root or child."""

    depth: int
    trigger_function: TriggerFunction
    batch_id: str | None = None


class RelatedRuns(Model):
    """The family of a run."""

    root: RelatedRun | None = None
    parent: RelatedRun | None = None
    children: list[RelatedRun] = []


class Attempt(Model):
    """One try of a run, as it is shown."""

    number: int
    status: str
    started_at: datetime
    finished_at: datetime | None = None
    worker: str | None = None
    version: str | None = None
    error: SerializedError | None = None


class Run(RelatedRun):
    """A run in full."""

    payload: Json = None
    payload_presigned_url: str | None = None
    output: Json = None
    output_presigned_url: str | None = None
    error: SerializedError | None = None
    schedule: Schedule | None = None
    related_runs: RelatedRuns = RelatedRuns()
    attempt_count: int = 0
    attempts: list[Attempt] = []
    queue: str | None = None
    machine: str | None = None
    priority: float | None = None
    concurrency_key: str | None = None
    max_attempts: int | None = None
    replay_of: str | None = None


class RunPage(Model):
    """A page of runs, newest first."""

    data: list[ListedRun]
    pagination: CursorPage = CursorPage()


class RunFilter(Model):
    """Which runs to list; lists are joined by commas, and each filter narrows the result.

    The field names stand for the query keys in `alias`.
    """

    status: Annotated[str | None, Field(alias="filter[status]")] = None
    task: Annotated[str | None, Field(alias="filter[taskIdentifier]")] = None
    version: Annotated[str | None, Field(alias="filter[version]")] = None
    tag: Annotated[str | None, Field(alias="filter[tag]")] = None
    bulk_action: Annotated[str | None, Field(alias="filter[bulkAction]")] = None
    schedule: Annotated[str | None, Field(alias="filter[schedule]")] = None
    is_test: Annotated[bool | None, Field(alias="filter[isTest]")] = None
    created_from: Annotated[str | None, Field(alias="filter[createdAt][from]")] = None
    created_to: Annotated[str | None, Field(alias="filter[createdAt][to]")] = None
    period: Annotated[str | None, Field(alias="filter[createdAt][period]")] = None
    batch: Annotated[str | None, Field(alias="filter[batch]")] = None
    queue: Annotated[str | None, Field(alias="filter[queue]")] = None
    machine: Annotated[str | None, Field(alias="filter[machine]")] = None
    region: Annotated[str | None, Field(alias="filter[region]")] = None
    root: Annotated[str | None, Field(alias="filter[root]")] = None
    parent: Annotated[str | None, Field(alias="filter[parent]")] = None
    size: Annotated[int, Field(alias="page[size]", ge=1, le=100)] = 25
    after: Annotated[str | None, Field(alias="page[after]")] = None
    before: Annotated[str | None, Field(alias="page[before]")] = None


class RunId(Model):
    """The run that an action was done to, or that it made."""

    id: str


class ReplayRun(StrictModel):
    """What a replay changes; whatever is left out is as it was in the original run."""

    payload: Json = None
    payload_type: str = JSON
    metadata: Json = None
    tags: TagsOrOne | None = None
    queue: str | None = None
    concurrency_key: str | None = None
    machine: MachineName | None = None
    version: str | None = None
    region: str | None = None
    delay: DurationText | datetime | None = None
    ttl: DurationText | Annotated[int, Field(ge=0)] | None = None
    idempotency_key: IdempotencyKey | None = None
    idempotency_key_ttl: Annotated[str | None, Field(alias="idempotencyKeyTTL")] = None
    max_attempts: Annotated[int, Field(ge=1, le=250)] | None = None
    max_duration: Annotated[float, Field(gt=0)] | None = None
    priority: float | None = None
    begin: Annotated[RestoreFrom | None, Field(alias="from")] = None
    """Ours: where to begin, instead of at the top."""


class RescheduleRun(Model):
    """When a delayed run is to start: a duration from now, or a moment."""

    delay: DurationText | datetime


class ResultQuery(Model):
    """How long to wait for a run that has not ended."""

    wait: Annotated[float, Field(ge=0, le=60)] = 0
    """Seconds to hold the answer open; the server answers as soon as the run ends."""


class RunResult(Model):
    """How a run ended; `output` is a packet, to be read by `output_type`."""

    ok: bool
    id: str
    task_identifier: str
    status: Status
    output: str | None = None
    output_type: str | None = None
    error: RunError | None = None


class AddTags(Model):
    """Tags to add to a run."""

    tags: TagsOrOne


class Message(Model):
    """What was done, in a sentence."""

    message: str


class MetadataOperation(Model):
    """One change of a run's metadata; `key` is a name, or a JSON path when it begins with `$.`."""

    type: Literal["set", "delete", "append", "remove", "increment", "update"]
    key: str | None = None
    value: Json = None


class UpdateMetadata(Model):
    """Changes of a run's metadata, and of its parent's and root's; `metadata` alone replaces it."""

    metadata: dict[str, Any] | None = None
    operations: list[MetadataOperation] | None = None
    parent_operations: list[MetadataOperation] | None = None
    root_operations: list[MetadataOperation] | None = None


class Metadata(Model):
    """A run's metadata."""

    metadata: dict[str, Any]


class EventQuery(Model):
    """Which of a run's events to give."""

    after: int = 0
    """Only events with a larger sequence number."""
    wait: Annotated[float, Field(ge=0, le=60)] = 0
    """Seconds to hold the answer open when there is nothing new yet."""


class Event(Model):
    """Something that happened in a run: a change of status, a log line, an attempt."""

    sequence: int
    time: datetime
    kind: str
    """`log`, or what happened to the run: `triggered`, `started`, `failed`, `retry`, …"""
    level: Literal["debug", "info", "warning", "error"] = "info"
    message: str
    attempt: int | None = None
    source: str | None = None
    """`logger`, `logging`, `stdout` or `stderr`; absent when Perdure itself says it."""
    properties: dict[str, Any] | None = None
    place: str | None = None
    """Of a log line: the file and the line, as in `tasks/orders.py:12`."""
    span_id: str | None = None
    """Of a log line: the user's span that it was said in."""


class Events(Model):
    """A run's events in order; `done` says that no more will come."""

    events: list[Event]
    done: bool = False


class ResetKey(Model):
    """The task whose idempotency key is reset."""

    task_identifier: Annotated[str, Field(min_length=1)]


class KeyReset(Model):
    """The key that was reset."""

    id: str
