"""Which run this is: `ctx`, for code that runs in a task."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime

from perdure import sdk, wire
from perdure.client.idempotency import make_key
from perdure.core.errors import OutsideRun
from perdure.sdk import runtime as runtimes
from perdure.sdk import span
from perdure.sdk.runtime import Runtime


@dataclass(frozen=True)
class RunInfo:
    """The run, as it was when this attempt began."""

    id: str
    tags: tuple[str, ...]
    is_test: bool
    is_replay: bool
    created_at: datetime
    started_at: datetime | None
    idempotency_key: str | None
    max_attempts: int
    max_duration: float | None
    priority: float
    version: str
    parent_id: str | None
    root_id: str | None
    batch_id: str | None
    depth: int


@dataclass(frozen=True)
class AttemptInfo:
    """This try of the run; the first has number 1."""

    number: int


@dataclass(frozen=True)
class TaskInfo:
    """The task."""

    id: str
    file_path: str


@dataclass(frozen=True)
class QueueInfo:
    """The queue the run came from."""

    name: str
    concurrency_key: str | None


@dataclass(frozen=True)
class EnvironmentInfo:
    """The environment the run is in."""

    id: str
    slug: str
    type: wire.values.EnvironmentType
    project: str


@dataclass(frozen=True)
class WorkerInfo:
    """The process that the attempt is in, and the version of the code."""

    version: str
    host: str
    pid: int


@dataclass(frozen=True)
class RunContext:
    """All that is known of a run when an attempt begins."""

    run: RunInfo
    attempt: AttemptInfo
    task: TaskInfo
    queue: QueueInfo
    environment: EnvironmentInfo
    worker: WorkerInfo
    #: the machine preset, or None
    machine: str | None

    @classmethod
    def of(
        cls, run: wire.workers.Assignment, environment: wire.workers.WorkerEnvironment, file_path: str
    ) -> RunContext:
        """Return the context of an assignment."""
        return cls(
            run=RunInfo(
                id=run.run_id,
                tags=tuple(run.tags),
                is_test=run.is_test,
                is_replay=run.replay_of is not None,
                created_at=run.created_at,
                started_at=run.started_at,
                idempotency_key=run.idempotency_key_options.key
                if run.idempotency_key_options
                else run.idempotency_key,
                max_attempts=run.max_attempts,
                max_duration=run.max_duration,
                priority=run.priority,
                version=run.version,
                parent_id=run.parent_run_id,
                root_id=run.root_run_id,
                batch_id=run.batch_id,
                depth=run.depth,
            ),
            attempt=AttemptInfo(run.attempt),
            task=TaskInfo(run.task, file_path),
            queue=QueueInfo(run.queue, run.concurrency_key),
            environment=EnvironmentInfo(
                environment.id, environment.slug, environment.type, environment.project
            ),
            worker=WorkerInfo(run.version, socket.gethostname(), os.getpid()),
            machine=run.machine,
        )

    def idempotency_key(self, name: str) -> str:
        """Return a key for an effect outside, such as `"refund"`: the same in all attempts of this run."""
        return make_key(name, "run", self.run.id).hash


_current: ContextVar[RunContext | None] = ContextVar("perdure_context", default=None)


def current() -> RunContext | None:
    """Return the context of the run that this code belongs to, or None outside of runs."""
    return _current.get()


def version_of_children() -> str | None:
    """Return the version that runs are locked to which this one waits for: its own, outside of dev."""
    inside = current()
    if inside is None or inside.environment.type is wire.values.EnvironmentType.DEV:
        return None
    return inside.worker.version


@contextmanager
def entered(context: RunContext, runtime: Runtime) -> Iterator[None]:
    """Let code inside the block belong to an attempt."""
    ours = _current.set(context), runtimes.current.set(runtime)
    try:
        yield
    finally:
        _current.reset(ours[0])
        runtimes.current.reset(ours[1])


class _Ctx:
    """The context of the run that the code using it belongs to."""

    @property
    def run(self) -> RunInfo:
        """The run."""
        return _inside("ctx.run").run

    @property
    def attempt(self) -> AttemptInfo:
        """This try of the run."""
        return _inside("ctx.attempt").attempt

    @property
    def task(self) -> TaskInfo:
        """The task."""
        return _inside("ctx.task").task

    @property
    def queue(self) -> QueueInfo:
        """The queue the run came from."""
        return _inside("ctx.queue").queue

    @property
    def environment(self) -> EnvironmentInfo:
        """The environment the run is in."""
        return _inside("ctx.environment").environment

    @property
    def worker(self) -> WorkerInfo:
        """The process that the attempt is in, and the version of the code."""
        return _inside("ctx.worker").worker

    @property
    def machine(self) -> str | None:
        """The machine preset, or None."""
        return _inside("ctx.machine").machine

    @property
    def traceparent(self) -> str:
        """The place in the run's trace where this code is, as the `traceparent` header of W3C spells it.

        Send it with a request, and what the other program sees of that stands in the run's trace.
        """
        _inside("ctx.traceparent")
        return str(span.context())

    def idempotency_key(self, name: str) -> str:
        """Return a key for an effect outside, such as `"refund"`: the same in all attempts of this run."""
        return _inside("ctx.idempotency_key").idempotency_key(name)

    def __bool__(self) -> bool:
        return _current.get() is not None

    def __repr__(self) -> str:
        return f"<ctx of {_current.get()}>"


def _inside(what: str) -> RunContext:
    context = _current.get()
    if context is None:
        raise OutsideRun(what=what)
    return context


ctx = _Ctx()
"""The run that this code belongs to; false outside of runs."""


def check_waits(what: str) -> None:
    """Refuse a wait where nothing can wait.

    Raises:
        OutsideRun: this is no task, or it is a hook or middleware of one.
    """
    if _current.get() is None or not sdk.waits.can_wait():
        raise OutsideRun(what=what)


def check_blocking(what: str) -> None:
    """Refuse a wait that blocks where it would block others, or nothing can wait.

    Raises:
        OutsideRun: this is no plain function that is a task.
    """
    host = runtimes.current.get()
    if host is None or not host.parking.may_block:
        raise OutsideRun(
            f"{what} is only there inside a task that is a plain def; an async def awaits {what[:-5]}."
        )
