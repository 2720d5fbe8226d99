"""What every system of the engine is given."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import random
from types import MappingProxyType
from typing import TypeAlias

from perdure.core.clock import Clock, SystemClock
from perdure.store.database import Database

Dice: TypeAlias = Callable[[], float]
"""Gives a random number from 0 to 1, 1 excluded."""


TTLS_MS: Mapping[str, int] = MappingProxyType({"dev": 600_000})
"""How long runs may wait for a worker if nothing is said of it, by environment (Trigger.dev's number)."""


@dataclass(frozen=True, kw_only=True)
class EngineSettings:
    """The engine's numbers; times in milliseconds."""

    #: a run whose worker is silent for this long goes back to its queue
    lease_ms: int = 30_000
    #: how often a worker is asked to say that it lives
    heartbeat_ms: int = 10_000
    #: how long a parked run is kept for its version after the last worker of that was heard of
    keep_version_ms: int = 60_000
    #: how often a run's worker may vanish before the run is given up (Trigger.dev's number)
    max_losses: int = 12
    #: waiting polls look again after this long, in case a hint was lost
    slow_look_ms: int = 2_000
    #: how long an idempotency key is kept when the trigger does not say
    idempotency_key_ttl_ms: int = 30 * 86_400_000
    #: how long a request's key is kept: longer than any client goes on retrying
    request_key_ttl_ms: int = 86_400_000
    #: how long a run that has ended is kept, with all that belongs to it; None for ever
    run_retention_ms: int | None = 90 * 86_400_000
    #: how long the log lines of a run that has ended are kept; None for ever
    log_retention_ms: int | None = 30 * 86_400_000
    #: how long the streams of a run that has ended are kept (Trigger.dev's number); None as long as the run
    stream_retention_ms: int | None = 28 * 86_400_000
    #: how many may watch runs and read streams of one server at once
    max_watchers: int = 20_000
    #: the TTL of runs that have none of their own, by the environment's slug, its type, or `*`; 0 is none
    ttl_ms: Mapping[str, int] = field(default_factory=lambda: TTLS_MS)
    #: how long the items of a batch may take to come before it is given up (Trigger.dev's number)
    batch_seal_ms: int = 30 * 60_000
    #: how long an idempotency key stands for a batch (Trigger.dev's number)
    batch_key_ttl_ms: int = 86_400_000


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What every system of the engine is given; frozen, and shared by all."""

    #: what runs
    db: Database
    #: what was seen of it: log lines
    telemetry: Database
    clock: Clock = field(default_factory=SystemClock)
    settings: EngineSettings = EngineSettings()
    dice: Dice = random
