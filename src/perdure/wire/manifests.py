"""What a project's code defines: tasks, their queues and retries, and what did not import."""

from typing import Annotated

from pydantic import Field

from perdure.core.placement import Isolation
from perdure.core.rates import MAX_PERIOD_MS, MAX_RUNS
from perdure.wire.model import Model
from perdure.wire.schedules import Timing
from perdure.wire.values import EnvironmentType, Json, TaskId


class RetryPolicy(Model):
    """`perdure.Retry` on the wire; times in milliseconds."""

    max_attempts: Annotated[int, Field(ge=1, le=250)] = 3
    factor: Annotated[float, Field(ge=1)] = 2.0
    min_timeout_ms: Annotated[int, Field(ge=0)] = 1_000
    max_timeout_ms: Annotated[int, Field(ge=0)] = 60_000
    randomize: bool = True
    out_of_memory_machine: str | None = None


Limit = Annotated[int, Field(ge=0, le=100_000)]
"""How many runs may run at once."""


class Rate(Model):
    """`perdure.RateLimit` on the wire: how many runs may start in a time."""

    limit: Annotated[int, Field(ge=1, le=MAX_RUNS)]
    period_ms: Annotated[int, Field(ge=1, le=MAX_PERIOD_MS)]
    burst: Annotated[int, Field(ge=1, le=MAX_RUNS)] | None = None
    """How many may start at once; absent: what comes in 100 ms, at least 1."""
    per_key: bool = False


class QueueManifest(Model):
    """A queue as the code defines it."""

    name: Annotated[str, Field(min_length=1, max_length=128)]
    concurrency_limit: Limit | None = None
    """Of each concurrency key."""
    total_limit: Limit | None = None
    """Over all of them."""
    rate_limit: Rate | None = None
    dead_letters: bool = False
    """Whether its runs that fail for good are kept for people."""


class ScheduleManifest(Timing):
    """A schedule of a task as the code defines it."""

    environments: list[EnvironmentType] | None = None
    """Where it is live; absent: everywhere."""


class TaskManifest(Model):
    """A task as the code defines it."""

    id: TaskId
    file_path: str
    line: int
    name: str
    """The function's name."""
    description: str | None = None
    queue: QueueManifest
    """The task's own queue is named `task/<id>`."""
    retry: RetryPolicy = RetryPolicy()
    machine: str | None = None
    max_duration: float | None = None
    """Seconds of active time."""
    ttl_ms: int | None = None
    dead_letters: bool = False
    """Whether its runs that fail for good are kept for people."""
    isolation: Isolation = "process"
    is_async: bool = True
    schedules: list[ScheduleManifest] = []
    payload_schema: Json = None
    """The JSON Schema of the payload."""


class ImportProblem(Model):
    """A file of the project that did not import, or a task that can't be used."""

    file_path: str
    line: int | None = None
    message: str
    stack_trace: str = ""
