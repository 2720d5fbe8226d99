"""What is seen of runs: spans as executors send them, traces and log lines as they are shown."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from perdure.wire.model import Model
from perdure.wire.values import CursorPage

Level = Literal["debug", "info", "warning", "error"]

SpanId = Annotated[str, Field(pattern="^[0-9a-f]{16}$")]


class SpanRecord(Model):
    """A span as it is now: sent when it begins, if it lasts, and when it ends."""

    run_id: str
    attempt: int
    id: SpanId
    parent_id: SpanId | None = None
    name: str
    started_ns: int
    """Nanoseconds since 1970, by the server's clock as far as the worker knows it."""
    ended_ns: int | None = None
    is_error: bool = False
    message: str | None = None
    """Of a span that ended with an error: what it says."""
    attributes: dict[str, Any] | None = None
    place: str | None = None
    """The file and the line, as in `tasks/orders.py:12`."""
    is_new: bool = True
    """Whether nothing was sent of it before."""


class SpanData(Model):
    """What a trace tells of one span; times and names as Trigger.dev gives them."""

    message: str
    task_slug: str | None = None
    task_path: str | None = None
    events: list[dict[str, Any]] = []
    start_time: datetime
    duration: int
    """Nanoseconds; of a span that is not over, so far."""
    is_error: bool = False
    is_partial: bool = False
    """It is not over, or nobody heard of its end."""
    is_cancelled: bool = False
    level: str = "TRACE"
    worker_version: str | None = None
    queue_name: str | None = None
    machine_preset: str | None = None
    properties: dict[str, Any] | None = None
    kind: str = "span"
    """Ours: `run`, `delay`, `queue`, `start`, `attempt`, `wait`, `retry`, `checkpoint`, `log` or `span`."""
    attempt_number: int | None = None
    """Ours: the attempt it belongs to."""
    place: str | None = None
    """Ours: the file and the line, as in `tasks/orders.py:12`."""


class TraceSpan(Model):
    """A span, with those inside it in the order in which they began."""

    id: str
    parent_id: str | None = None
    run_id: str
    data: SpanData
    children: list["TraceSpan"] = []


class Trace(Model):
    """All that was seen of a run and of those it triggered."""

    trace_id: str
    root_span: TraceSpan
    truncated: bool = False
    """Ours: there is more than is shown, or something was dropped."""


class FlatSpan(Model):
    """A span in a list."""

    id: str
    parent_id: str | None = None
    run_id: str
    message: str
    start_time: datetime
    duration: int
    is_error: bool = False
    is_partial: bool = False
    is_cancelled: bool = False
    level: str = "TRACE"
    attempt_number: int | None = None


class AttemptFailure(Model):
    """An attempt that failed."""

    span_id: str
    attempt_number: int
    run_id: str


class TracePage(CursorPage):
    """Where a list of spans goes on."""

    truncated: bool | None = None


class TraceAnswer(Model):
    """A trace as a tree; or, when pages were asked for, as a list."""

    trace: Trace | None = None
    data: list[FlatSpan] | None = None
    attempt_failures: list[AttemptFailure] | None = None
    pagination: TracePage | None = None


class TraceQuery(Model):
    """Whether a trace is given as a tree (neither), or as a list in pages."""

    size: Annotated[int | None, Field(alias="page[size]", ge=1, le=1000)] = None
    after: Annotated[str | None, Field(alias="page[after]")] = None


class TriggeredRun(Model):
    """A run that was triggered inside a span."""

    run_id: str
    task_identifier: str
    status: str
    created_at: datetime


class SpanDetail(Model):
    """One span in full."""

    span_id: str
    parent_id: str | None = None
    run_id: str
    message: str
    is_error: bool
    is_partial: bool
    is_cancelled: bool
    level: str
    start_time: datetime
    duration_ms: float
    properties: dict[str, Any] | None = None
    events: list[dict[str, Any]] = []
    triggered_runs: list[TriggeredRun] = []
    kind: str = "span"
    attempt_number: int | None = None
    place: str | None = None


class LogFilter(Model):
    """Which log lines of the environment; each filter narrows the result."""

    text: str | None = None
    """Part of the message; letters of ASCII in either case."""
    level: str | None = None
    """One or several of `debug`, `info`, `warning` and `error`, with commas."""
    task: str | None = None
    run: str | None = None


class LogQuery(LogFilter):
    """A page of log lines, newest first."""

    from_: Annotated[datetime | None, Field(alias="from")] = None
    to: datetime | None = None
    size: Annotated[int, Field(alias="page[size]", ge=1, le=1000)] = 100
    after: Annotated[str | None, Field(alias="page[after]")] = None


class TailQuery(LogFilter):
    """Log lines as they come in."""

    after: int | None = None
    """The cursor of the last answer; without it only the cursor is given, to go on from now."""
    wait: Annotated[float, Field(ge=0, le=60)] = 0
    """Seconds to hold the answer open when there is nothing new yet."""


class FoundLine(Model):
    """A log line of the environment."""

    time: datetime
    level: Level
    message: str
    source: str
    run_id: str | None = None
    trace_id: str | None = None
    """Of a line that came in by OpenTelemetry and belongs to no run that is known."""
    task: str | None = None
    attempt: int | None = None
    properties: dict[str, Any] | None = None
    place: str | None = None
    span_id: str | None = None


class LogPage(Model):
    """Log lines, newest first.  With a `next` there may be more, even if these are few."""

    data: list[FoundLine]
    pagination: CursorPage = CursorPage()


class LogTail(Model):
    """Log lines in the order in which they came, and where to go on."""

    data: list[FoundLine] = []
    cursor: int


class MetricQuery(Model):
    """Which numbers: of a name, or all, and of a time."""

    name: str | None = None
    from_: Annotated[datetime | None, Field(alias="from")] = None
    """The last hour by default."""
    to: datetime | None = None


class Metric(Model):
    """Numbers of one name and one set of attributes."""

    name: str
    unit: str
    attributes: dict[str, Any]
    points: list[tuple[datetime, float]]


class Metrics(Model):
    """Numbers that other programs sent by OpenTelemetry."""

    data: list[Metric]
    truncated: bool = False
    """There are more than an answer holds: ask for one name, or a shorter time."""
