"""Lanes, where runs stand in line, and pools, whose slots they take when they run.

Both are found by a hash of what they stand for, so a run can be written without asking for them first.
Their counts are caches of what `runs` says.  All who change them do so after they have locked the
runs, pools before lanes, each in the order of the ids, and an environment's own pool after the others:
so that no two transactions wait for each other.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from perdure.store.database import Tx
from perdure.store.rows import Pool


@dataclass(frozen=True, slots=True)
class Lane:
    """What a lane stands for, and the ids that follow from it."""

    environment: str
    queue: str
    concurrency_key: str | None
    task: str
    version: str
    """The version its runs are locked to, or ''."""
    id: int
    kind: int
    pool: int


@dataclass(frozen=True, slots=True)
class OpenLane:
    """A lane that has runs ready, and the state of its pool."""

    id: int
    pool: int
    ready: int
    resumed: int
    """How many of these go on with their attempt."""
    virtual_time: float
    queue: str
    concurrency_key: str | None
    task: str
    version: str
    concurrency_limit: int | None
    running: int
    pool_time: float = 0.0
    """The virtual time of its pool: lanes of one queue and key take their turns together."""
    spent_until: int = 0
    """Of its pool, in microseconds; see `perdure.core.rates`."""
    running_in_environment: int = 0
    environment_time: float = 0.0
    """The virtual time of the environment: that of the lane served last."""


@lru_cache(maxsize=16_384)
def lane_of(environment: str, queue: str, concurrency_key: str | None, task: str, version: str) -> Lane:
    """Return the lane that runs of this task, in this queue, stand in."""
    identity = _hash("lane", environment, queue, concurrency_key, task, version)
    return Lane(
        environment,
        queue,
        concurrency_key,
        task,
        version,
        identity,
        kind_of(environment, queue, task, version),
        pool_of(environment, queue, concurrency_key),
    )


@lru_cache(maxsize=16_384)
def kind_of(environment: str, queue: str, task: str, version: str) -> int:
    """Return the id of "runs of this task, locked to this version, in this queue".

    What a worker can run or not, and what a paused queue holds back or not, is so for a whole kind.
    """
    return _hash("kind", environment, queue, task, version)


@lru_cache(maxsize=16_384)
def pool_of(environment: str, queue: str | None = None, concurrency_key: str | None = None) -> int:
    """Return the id of the pool of a queue and concurrency key, or of a whole environment."""
    return _hash("pool", environment, queue, concurrency_key)


def _hash(*parts: str | None) -> int:
    """Return 63 bits of a hash: a million lanes collide with a probability of one in ten million."""
    text = "\0".join("\1" if part is None else part for part in parts)
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


async def change(
    tx: Tx,
    ready: Mapping[Lane, int],
    virtual_times: Mapping[int, float] | None = None,
    resumed: Mapping[int, int] | None = None,
) -> None:
    """Add to the counts of lanes.

    Args:
        tx: the transaction.
        ready: by how much the count of each lane changes.
        virtual_times: the new virtual times of those that were given something, by lane id.
        resumed: by how much the count of runs that go on with their attempt changes, by lane id.
    """
    times, going_on = virtual_times or {}, resumed or {}
    rows = [
        _lane_row(lane, change, going_on.get(lane.id, 0), times.get(lane.id, 0.0))
        for lane, change in sorted(ready.items(), key=lambda item: item[0].id)
    ]
    await tx.run("change_lanes", lanes=rows)


def _lane_row(lane: Lane, ready: int, resumed: int, virtual_time: float) -> dict[str, object]:
    return {
        "id": lane.id,
        "environment": lane.environment,
        "queue": lane.queue,
        "concurrency_key": lane.concurrency_key,
        "task": lane.task,
        "version": lane.version,
        "kind": lane.kind,
        "pool": lane.pool,
        "ready": ready,
        "resumed": resumed,
        "virtual_time": virtual_time,
    }


@dataclass(frozen=True, slots=True)
class Kind:
    """What a kind stands for."""

    id: int
    queue: str
    task: str
    version: str
    """The version its runs are locked to, or ''."""


async def ready_kinds(tx: Tx, environment: str) -> list[int]:
    """Return the kinds that have open lanes with runs ready."""
    return [row[0] for row in await tx.all("ready_kinds", environment=environment)]


async def kinds(tx: Tx, environment: str, ids: Collection[int]) -> list[Kind]:
    """Return what kinds stand for, if they still have open lanes with runs ready."""
    asked = [{"environment": environment, "kind": kind} for kind in ids]
    return [Kind(*row) for row in await tx.many("kind", asked)]


async def open_lanes(
    tx: Tx, environment: str, kinds: Collection[int], *, limit: int, resumed: bool = False
) -> list[OpenLane]:
    """Return the open lanes of some kinds; of each kind the ones that were given least.

    Args:
        tx: the transaction.
        environment: whose lanes.
        kinds: what the worker can run.
        limit: how many lanes of each kind, at most.
        resumed: only lanes where a run stands that goes on with its attempt.
    """
    pool = pool_of(environment)
    asked = [
        {"environment": environment, "environment_pool": pool, "kind": kind, "limit": limit} for kind in kinds
    ]
    statement = "resumed_lanes" if resumed else "open_lanes"
    return [OpenLane(*row) for row in await tx.many(statement, asked)]


@dataclass(frozen=True, slots=True)
class PoolChange:
    """By how much a pool's running count changes."""

    environment: str
    queue: str | None
    concurrency_key: str | None
    running: int
    virtual_time: float = 0.0


@dataclass(frozen=True, slots=True)
class PoolCount:
    """A pool's running count after a change."""

    id: int
    running: int
    full_at: int | None
    is_metered: int = 0
    """Whether the pool's runs count in the meter of its queue too."""


async def change_pools(tx: Tx, changes: Mapping[int, PoolChange]) -> list[PoolCount]:
    """Add to the running counts of pools, by id; return the counts that follow.

    A change by 0 only locks the pool, so that its count stays true until the transaction ends.
    """
    ordered = sorted(changes.items(), key=lambda item: (item[1].queue is None, item[0]))
    rows = [_pool_row(pool, change) for pool, change in ordered]
    return [PoolCount(*row) for row in await tx.all("change_pools", pools=rows)]


def _pool_row(pool: int, change: PoolChange) -> dict[str, Any]:
    return {
        "id": pool,
        "environment": change.environment,
        "queue": change.queue,
        "concurrency_key": change.concurrency_key,
        "running": change.running,
        "virtual_time": change.virtual_time,
    }


async def find_pool(tx: Tx, pool: int) -> Pool | None:
    """Return a pool, or None if nothing ever ran in it."""
    row = await tx.maybe("pool", id=pool)
    return Pool(*row) if row else None


async def close(tx: Tx, pools: Sequence[int], *, now: int) -> None:
    """Take the lanes of full pools out of sight until a slot is free.  The pools must be locked."""
    await tx.run("mark_full", pools=pools, now=now)
    await tx.run("close_lanes", pools=pools, now=now)


async def reopen(tx: Tx, pools: Sequence[int]) -> None:
    """Put the lanes of these pools back into sight.  The pools must be locked."""
    await tx.run("mark_free", pools=pools)
    await tx.run("reopen_lanes", pools=pools)


@dataclass(frozen=True, slots=True)
class Charge:
    """What a pool's rate has given, and (a moment) until when it gives nothing."""

    id: int
    spent_until: int
    closed_until: int | None


async def charge(tx: Tx, charges: Sequence[Charge], *, now: int) -> None:
    """Note what the rates of pools have given; take the lanes of those that are used up out of sight.

    The pools must be locked.
    """
    rows = [
        {"id": one.id, "spent_until": one.spent_until, "closed_until": one.closed_until} for one in charges
    ]
    await tx.run("charge_pools", pools=rows)
    spent = [one.id for one in charges if one.closed_until is not None]
    if spent:
        await tx.run("close_spent_lanes", pools=spent, now=now)


async def open_due(tx: Tx, *, now: int, limit: int) -> list[str]:
    """Put lanes back into sight whose rate gives a run again; return the environments of their pools."""
    due = [row[0] for row in await tx.all("due_pools", now=now, limit=limit)]
    if not due:
        return []
    pools = [Pool(*row) for row in await tx.all("lock_pools", pools=due)]
    await tx.run("open_pools", pools=due, now=now)
    await tx.run("reopen_lanes", pools=due)
    return [pool.environment for pool in pools]
