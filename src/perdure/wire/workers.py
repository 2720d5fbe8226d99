"""Workers: how they say what they can run, ask for runs, and report.

A worker is a client of the server and nothing more.  It connects with what it found in the project,
polls for runs (and for what it must cancel) up to its free slots, and reports in batches.  Whatever
it says of a run names the fence it got with the run: a worker that lost its lease changes nothing.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from perdure.wire.manifests import ImportProblem, QueueManifest, RetryPolicy, TaskManifest
from perdure.wire.model import Model
from perdure.wire.runs import KeyOptions, MetadataOperation
from perdure.wire.telemetry import SpanRecord
from perdure.wire.values import JSON, EnvironmentType, Json, RunError
from perdure.wire.waits import Answer, Changes, FrameView, Wait

How = Literal["fail", "crash", "time_out", "break"]
"""How an attempt failed."""


class ConnectWorker(Model):
    """Who the worker is, and what it can run."""

    name: str
    """The host's name and the process id, unless the user gave a name."""
    host: str
    pid: int
    python_version: str
    perdure_version: str
    concurrency: Annotated[int, Field(ge=1)]
    code_hash: str
    """A hash of the project's source: a new one makes a new version."""
    tasks: list[TaskManifest]
    queues: list[QueueManifest] = []
    problems: list[ImportProblem] = []


class WorkerEnvironment(Model):
    """The environment a key belongs to."""

    id: str
    slug: str
    type: EnvironmentType
    project: str


class Connected(Model):
    """What the server knows the worker as, and how it wants to hear from it."""

    worker_id: str
    version: str
    environment: WorkerEnvironment
    lease_ms: int
    """A run whose worker is silent for this long goes back to its queue."""
    heartbeat_ms: int
    now: int | None = None
    """The server's clock, in milliseconds since 1970."""


class RunRef(Model):
    """A run, as it was handed out."""

    run_id: str
    fence: int


class PollRuns(Model):
    """How many runs the worker can take now; 0 still hears of cancellations."""

    worker_id: str
    slots: Annotated[int, Field(ge=0, le=1000)]
    wait: Annotated[float, Field(ge=0, le=60)] = 20
    """Seconds to hold the answer open when there is nothing to do."""
    heard: list[str] = []
    """The ids of the wakes that earlier answers told, and that the worker has heeded."""


class Assignment(Model):
    """A run handed to a worker, with all that an executor needs."""

    run_id: str
    fence: int
    task: str
    attempt: int
    """The number this attempt has; the first is 1."""
    tries: int = 1
    """The same, without the attempts that were lost with their worker."""
    payload: str | None = None
    payload_type: str = JSON
    metadata: dict[str, Any] = {}
    tags: list[str] = []
    queue: str
    concurrency_key: str | None = None
    priority: float = 0
    machine: str | None = None
    max_attempts: int
    max_duration: float | None = None
    """Seconds of active time left, over all attempts' waits excluded."""
    retry: RetryPolicy
    version: str
    created_at: datetime
    started_at: datetime | None = None
    is_test: bool = False
    replay_of: str | None = None
    idempotency_key: str | None = None
    idempotency_key_options: KeyOptions | None = None
    parent_run_id: str | None = None
    root_run_id: str | None = None
    batch_id: str | None = None
    depth: int = 0
    snapshot: str | None = None
    """The state to go on from, in base 64; absent: begin at the top."""
    snapshot_number: int = 0
    changes: Changes | None = None
    """Of a replay: what to change before going on."""
    answers: list[Answer] = []
    """What is over of all that the state waits for."""
    trace_id: str | None = None
    """Of the trace that it belongs to, if that is not made of the id of its root."""


class Wake(RunRef):
    """A run that waits in the worker's memory may go on; told until a poll says that it was heard."""

    id: str
    answers: list[Answer]


class Polled(Model):
    """Runs to start, to stop, and to go on in memory."""

    runs: list[Assignment] = []
    cancels: list[RunRef] = []
    wakes: list[Wake] = []
    drain: bool = False
    """The server asks the worker to finish what it has and disconnect."""


class Started(RunRef):
    """The attempt began: the executor has the run."""

    type: Literal["started"] = "started"


class Succeeded(RunRef):
    """The attempt returned."""

    type: Literal["succeeded"] = "succeeded"
    output: str | None = None
    output_type: str = JSON
    duration_ms: float = 0


class RetryChoice(Model):
    """What the task's code asks for after a failure; by default its retry policy decides."""

    skip: bool = False
    at: AwareDatetime | None = None
    delay_ms: int | None = None
    policy: RetryPolicy | None = None


class Failed(RunRef):
    """The attempt failed; the server decides whether another follows."""

    type: Literal["failed"] = "failed"
    how: How = "fail"
    """By the task's own error, by the death of its process, by `max_duration`, or by Perdure."""
    error: RunError
    retry: RetryChoice = RetryChoice()
    duration_ms: float = 0


class Canceled(RunRef):
    """The attempt was stopped because the run is canceled; its row already says so."""

    type: Literal["canceled"] = "canceled"
    duration_ms: float = 0


class Released(RunRef):
    """The worker hands the run back unfinished: it is draining, or can't start it."""

    type: Literal["released"] = "released"
    reason: str


class Parked(RunRef):
    """The run waits, and its coroutine is stored: the worker holds nothing of it any more."""

    type: Literal["parked"] = "parked"
    snapshot: str
    """In base 64."""
    frames: list[FrameView] = []
    waits: list[Wait]
    duration_ms: float = 0
    """Active time since the run was handed out."""


class Pinned(RunRef):
    """The run waits in the worker's memory, since it can't be stored; it takes no slot."""

    type: Literal["pinned"] = "pinned"
    waits: list[Wait]
    reason: str
    frames: list[FrameView] = []


class Checkpointed(RunRef):
    """The run stored its state and goes on."""

    type: Literal["checkpointed"] = "checkpointed"
    key: str
    data: Json = None
    snapshot: str
    frames: list[FrameView] = []
    waits: list[Wait] = []
    """What other branches of the run wait for."""


class MetadataChanged(RunRef):
    """The task changed its metadata, or its parent's or root's, or added tags."""

    type: Literal["metadata"] = "metadata"
    operations: list[MetadataOperation] = []
    parent_operations: list[MetadataOperation] = []
    root_operations: list[MetadataOperation] = []
    tags: list[str] = []


ReportItem = Annotated[
    Started | Succeeded | Failed | Canceled | Released | Parked | Pinned | Checkpointed | MetadataChanged,
    Field(discriminator="type"),
]


class Report(Model):
    """What happened, in order; items of one run are applied in the order they stand in."""

    worker_id: str
    items: Annotated[list[ReportItem], Field(max_length=1000)]


class Verdict(Model):
    """What became of one item."""

    run_id: str
    ok: bool
    code: str | None = None
    """When not ok: `lease_lost`, `canceled`, …; the worker drops the run."""
    snapshot_number: int | None = None
    """After a checkpoint: the number of the state that was stored."""
    retry_in_ms: int | None = None
    """After a failure: when the next attempt is due; absent when there is none."""


class Reported(Model):
    """A verdict for each item, in the same order."""

    verdicts: list[Verdict]


class Heartbeat(Model):
    """The worker lives, and so do these runs."""

    worker_id: str
    runs: list[RunRef]


class HeartbeatAnswer(Model):
    """Runs the worker no longer owns, and must stop without a report."""

    lost: list[RunRef] = []


class LogLine(Model):
    """One line of a run's log."""

    run_id: str
    attempt: int
    time: AwareDatetime
    level: Literal["debug", "info", "warning", "error"]
    message: str
    source: Literal["logger", "logging", "stdout", "stderr", "perdure"]
    properties: dict[str, Any] | None = None
    place: str | None = None
    """The file and the line, as in `tasks/orders.py:12`."""
    span_id: str | None = None
    """The user's span that it was logged in."""


class SendLogs(Model):
    """Log lines and spans of any runs; they are stored off the hot path."""

    worker_id: str
    lines: Annotated[list[LogLine], Field(max_length=5000)]
    spans: Annotated[list[SpanRecord], Field(max_length=5000)] = []
    dropped: int = 0
    """How many of both were dropped since the last, as there was no room."""


class Disconnect(Model):
    """The worker stops; what it still holds goes back to its queues at once."""

    worker_id: str


class WorkerInfo(Model):
    """A worker, as it is shown."""

    id: str
    name: str
    host: str
    pid: int
    version: str
    python_version: str
    perdure_version: str
    concurrency: int
    running: int
    connected_at: datetime
    last_seen_at: datetime
    problems: list[ImportProblem] = []


class Workers(Model):
    """The workers that are connected."""

    workers: list[WorkerInfo]


class TaskInfo(TaskManifest):
    """A task of the environment's current version."""

    version: str


class Tasks(Model):
    """The tasks of the current version, and what did not import."""

    version: str | None = None
    tasks: list[TaskInfo]
    problems: list[ImportProblem] = []
