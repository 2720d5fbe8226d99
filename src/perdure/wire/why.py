"""Why a run is not running."""

from datetime import datetime
from typing import Literal

from perdure.core.lifecycle import Status
from perdure.wire.model import Model

Code = Literal[
    "ended",
    "running",
    "waiting",
    "delayed",
    "pending_version",
    "back_off",
    "environment_paused",
    "queue_paused",
    "environment_limit",
    "queue_limit",
    "total_limit",
    "rate_limit",
    "no_worker",
    "no_worker_for_task",
    "no_worker_for_version",
    "workers_draining",
    "workers_busy",
    "in_line",
]
"""What a reason is, for programs; codes are added, never re-meant."""


class Reason(Model):
    """One thing that keeps a run from running."""

    code: Code
    message: str
    """A sentence."""
    next_step: str | None = None
    """What can be done, often a command; absent if there is nothing but to wait."""
    until: datetime | None = None
    """When it is over by itself, if that is known."""
    since: datetime | None = None
    runs: list[str] = []
    """The runs that hold the slots, the first five."""
    position: int | None = None
    """How many stand before it."""


class Why(Model):
    """Why a run is not running: the reasons that hold now, what binds most first."""

    run: str
    task_identifier: str
    status: Status
    queue: str
    concurrency_key: str | None = None
    reasons: list[Reason]
