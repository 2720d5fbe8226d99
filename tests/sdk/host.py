"""A host that keeps what a run tells it, and attempts run in it as an executor runs them."""

import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from perdure import Task
from perdure.core.traces import SpanContext
from perdure.sdk.attempt import Outcome, run_attempt
from perdure.sdk.parking import Parking, State
from perdure.sdk.requests import CheckpointRequest
from perdure.sdk.runtime import Level, Source, Target
from perdure.sdk.span import Span
from perdure.testing.clock import FakeClock
from perdure.wire.manifests import RetryPolicy
from perdure.wire.runs import MetadataOperation
from perdure.wire.values import EnvironmentType
from perdure.wire.waits import Answer, Wait
from perdure.wire.workers import Assignment, Failed, Succeeded, WorkerEnvironment

TRACE = SpanContext("1" * 32, "2" * 16)
ENVIRONMENT = WorkerEnvironment(id="env_1", slug="dev", type=EnvironmentType.DEV, project="tests")


@dataclass
class Host:
    """The `Runtime` of a run, in memory."""

    canceled: bool = False
    lines: list[tuple[str, str, str]] = field(default_factory=list)
    properties: list[dict[str, Any] | None] = field(default_factory=list)
    places: list[str | None] = field(default_factory=list)
    changes: list[tuple[str, MetadataOperation]] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    flushes: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    clock: FakeClock = field(default_factory=FakeClock)
    answers: list[Answer] = field(default_factory=list)
    pins: list[tuple[list[Wait], str]] = field(default_factory=list)
    checkpoints: list[tuple[CheckpointRequest, State]] = field(default_factory=list)

    spans: list[Span] = field(default_factory=list)
    trace: SpanContext = TRACE

    def __post_init__(self) -> None:
        self.parking = Parking(self, self.clock, b"key", self.answers)

    def log(
        self,
        level: Level,
        message: str,
        properties: dict[str, Any] | None = None,
        source: Source = "logger",
        place: str | None = None,
    ) -> None:
        with self.lock:
            self.lines.append((level, message, source))
            self.properties.append(properties)
            self.places.append(place)

    def span(self, span: Span) -> None:
        with self.lock:
            self.spans.append(span)

    def now_ns(self) -> int:
        return self.clock.now() * 1_000_000

    def change_metadata(self, target: Target, operation: MetadataOperation) -> None:
        with self.lock:
            self.changes.append((target, operation))

    def add_tags(self, tags: list[str]) -> None:
        with self.lock:
            self.tags += tags

    async def flush(self) -> None:
        self.flushes += 1

    def pinned(self, waits: list[Wait], reason: str) -> None:
        self.pins.append((waits, reason))

    async def checkpointed(self, request: CheckpointRequest, state: State) -> int:
        self.checkpoints.append((request, state))
        return len(self.checkpoints)


def assignment(task: Task[..., Any], payload: Any = None, **fields: Any) -> Assignment:
    """Return a run of a task, as the server would hand it out."""
    defaults: dict[str, Any] = {
        "run_id": "run_1",
        "fence": 7,
        "task": task.id,
        "attempt": 1,
        "payload": None if payload is None else json.dumps(payload),
        "queue": f"task/{task.id}",
        "max_attempts": 3,
        "retry": RetryPolicy(),
        "version": "20261121.1",
        "created_at": datetime(2026, 11, 21, tzinfo=UTC),
    }
    return Assignment(**{**defaults, **fields})


async def attempt(
    task: Task[..., Any], payload: Any = None, *, host: Host | None = None, **fields: Any
) -> Outcome:
    """Run one attempt of a task."""
    return await run_attempt(task, assignment(task, payload, **fields), ENVIRONMENT, host or Host())


async def output(task: Task[..., Any], payload: Any = None, **fields: Any) -> Any:
    """Run one attempt that succeeds; return its output."""
    outcome = await attempt(task, payload, **fields)
    assert isinstance(outcome, Succeeded), outcome
    return None if outcome.output is None else json.loads(outcome.output)


async def failure(task: Task[..., Any], payload: Any = None, **fields: Any) -> Failed:
    """Run one attempt that fails."""
    outcome = await attempt(task, payload, **fields)
    assert isinstance(outcome, Failed), outcome
    return outcome
