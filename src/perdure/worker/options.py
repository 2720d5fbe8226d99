"""How a worker is set up."""

import os
from dataclasses import dataclass, field
from typing import Literal

from perdure.worker.observer import Observer, Unwatched

RUNS_PER_CORE = 10

Start = Literal["fork", "spawn"]


def cores() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def default_concurrency() -> int:
    """Return ten runs per processor: most runs wait for something most of the time."""
    return RUNS_PER_CORE * cores()


@dataclass(frozen=True, kw_only=True)
class WarmLimits:
    """How long an executor that has nothing to do is kept, and when one is worn out.

    The first three are the numbers of Trigger.dev's warm pool.
    """

    #: idle executors of one task
    per_task: int = 5
    #: idle executors in all
    total: int = 50
    #: executors that have run nothing yet, for the next task that has none
    spare: int = 2
    #: seconds an executor may be idle
    idle_seconds: float = 60.0
    #: an executor ends after this many runs
    max_runs: int = 10_000
    #: … or when it is this many seconds old
    max_age_seconds: float = 3600.0
    #: … or when a process has grown by this many bytes since it was started
    max_growth: int = 256 * 1024**2


@dataclass(frozen=True, kw_only=True)
class WorkerOptions:
    """All that can be set of a worker; times in seconds."""

    #: runs at once
    concurrency: int = field(default_factory=default_concurrency)
    #: how the worker is called; the host's name and the process id if None
    name: str | None = None
    #: how executors come to be; forked on Linux, spawned elsewhere, if None
    start: Start | None = None
    #: how long a drain lets runs go on before it hands them back
    drain_seconds: float = 30.0
    #: how long a canceled run may take to end (`on_cancel` included) before its process is killed
    cancel_seconds: float = 30.0
    #: how long a poll is held open by the server when there is nothing to do
    poll_seconds: float = 20.0
    #: the longest wait between two tries to reach the server
    max_backoff_seconds: float = 10.0
    #: async runs in one `shared` process
    shared_runs: int = 100
    #: how often the memory of running processes is looked at
    memory_seconds: float = 0.25
    #: how far the server's clock is ahead of this machine's, in milliseconds; the worker finds out itself
    clock_ms: int = 0
    warm: WarmLimits = field(default_factory=WarmLimits)
    #: is told what happens
    observer: Observer = field(default_factory=Unwatched)
