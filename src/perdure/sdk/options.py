"""What can be said of a task, and of one trigger of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, Literal, TypedDict, get_args

from perdure import sdk, wire
from perdure.client.idempotency import IdempotencyKey
from perdure.core.debounce import Debounce
from perdure.core.duration import Duration, to_milliseconds
from perdure.core.errors import BadOption
from perdure.core.placement import ISOLATIONS, MACHINES, Isolation
from perdure.core.retry import Retry
from perdure.sdk.hooks import Hook
from perdure.sdk.queues import Queue, check_limit

CodeChange = Literal["fail", "restart"]
"""What becomes of a parked run whose code is no longer there as it was."""


class TriggerOptions(TypedDict, total=False):
    """How one run is triggered; see `perdure.client.options`."""

    concurrency_key: str | None
    debounce: Debounce | None
    delay: Duration | datetime | None
    idempotency_key: str | IdempotencyKey | None
    idempotency_key_ttl: Duration | None
    machine: str | None
    max_attempts: int | None
    max_duration: Duration | None
    metadata: Any
    priority: float | None
    queue: Queue | str | None
    region: str | None
    tags: str | list[str] | None
    test: bool | None
    ttl: Duration | None
    version: str | None


@dataclass(frozen=True, kw_only=True)
class TaskOptions:
    """How all runs of a task are run, unless a trigger says otherwise."""

    description: str | None = None
    queue: Queue | str | None = None
    concurrency_limit: int | None = None
    retry: Retry | None = None
    machine: str | None = None
    max_duration: Duration | None = None
    ttl: Duration | None = None
    dead_letters: bool = False
    isolation: Isolation = "process"
    on_code_change: CodeChange = "fail"
    cron: sdk.schedules.Crons | None = None
    timezone: str | None = None
    environments: str | Sequence[str] | None = None

    def __post_init__(self) -> None:
        """Refuse what can't be, by name."""
        if self.machine is not None and self.machine not in MACHINES:
            raise BadOption(option="machine", value=self.machine, expected=f"one of {', '.join(MACHINES)}")
        if self.isolation not in ISOLATIONS:
            raise BadOption(
                option="isolation", value=self.isolation, expected=f"one of {', '.join(ISOLATIONS)}"
            )
        if self.on_code_change not in get_args(CodeChange):
            raise BadOption(option="on_code_change", value=self.on_code_change, expected="fail or restart")
        self._check_cron()
        for limit in (self.max_duration, self.ttl):
            if limit is not None:
                to_milliseconds(limit)
        check_limit("concurrency_limit", self.concurrency_limit)
        if self.queue is not None and self.concurrency_limit is not None:
            raise BadOption(
                option="concurrency_limit",
                value=self.concurrency_limit,
                expected="to be said on the queue, when the task has one: queue(name, concurrency_limit=…)",
            )

    def _check_cron(self) -> None:
        if self.cron is not None:
            sdk.schedules.resolve(self.cron, self.timezone, self.environments)
            return
        for name in ("timezone", "environments"):
            if getattr(self, name) is not None:
                raise BadOption(option=name, value=getattr(self, name), expected="a task with a cron")

    def over(self, defaults: TaskOptions) -> TaskOptions:
        """Return these options, with the defaults where they say nothing."""
        blank = TaskOptions()
        said = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(
            defaults, **{name: value for name, value in said.items() if value != getattr(blank, name)}
        )


class Declaration(TypedDict, total=False):
    """What `@task(…)` can be told."""

    id: str
    description: str | None
    queue: Queue | str | None
    concurrency_limit: int | None
    retry: Retry | None
    machine: str | None
    max_duration: Duration | None
    ttl: Duration | None
    dead_letters: bool
    isolation: Isolation
    on_code_change: CodeChange
    cron: sdk.schedules.Crons | None
    timezone: str | None
    environments: str | Sequence[str] | None
    middleware: Callable[..., Awaitable[Any]]
    on_start_attempt: Hook
    on_wait: Hook
    on_resume: Hook
    on_success: Hook
    catch_error: Hook
    on_failure: Hook
    on_complete: Hook
    on_cancel: Hook


def retry_policy(retry: Retry) -> wire.manifests.RetryPolicy:
    """Return a retry policy for the wire."""
    return wire.manifests.RetryPolicy(
        max_attempts=retry.max_attempts,
        factor=retry.factor,
        min_timeout_ms=to_milliseconds(retry.min_timeout),
        max_timeout_ms=to_milliseconds(retry.max_timeout),
        randomize=retry.randomize,
        out_of_memory_machine=retry.out_of_memory_machine,
    )
