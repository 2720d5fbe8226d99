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
    virtual_time: float
    queue: str
    concurrency_key: str | None
    task: str
    version: str
    concurrency_limit: int | None
    running: int
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
        kind_of(environment, task, version),
        pool_of(environment, queue, concurrency_key),
    )


@lru_cache(maxsize=16_384)
def kind_of(environment: str, task: str, version: str) -> int:
    """Return the id of "runs of this task, locked to this version": what a worker can run or not."""
    return _hash("kind", environment, task, version)


@lru_cache(maxsize=16_384)
def pool_of(environment: str, queue: str | None = None, concurrency_key: str | None = None) -> int:
    """Return the id of the pool of a queue and concurrency key, or of a whole environment."""
    return _hash("pool", environment, queue, concurrency_key)


def _hash(*parts: str | None) -> int:
    """Return 63 bits of a hash: a million lanes collide with a probability of one in ten million."""
    text = "\0".join("\1" if part is None else part for part in parts)
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


async def change(tx: Tx, ready: Mapping[Lane, int], virtual_times: Mapping[int, float] | None = None) -> None:
    """Add to the ready counts of lanes.

    Args:
        tx: the transaction.
        ready: by how much the count of each lane changes.
        virtual_times: the new virtual times of those that were given something, by lane id.
    """
    times = virtual_times or {}
    rows = [
        _lane_row(lane, change, times.get(lane.id, 0.0))
        for lane, change in sorted(ready.items(), key=lambda item: item[0].id)
    ]
    await tx.run("change_lanes", lanes=rows)


def _lane_row(lane: Lane, ready: int, virtual_time: float) -> dict[str, object]:
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
        "virtual_time": virtual_time,
    }


async def ready_kinds(tx: Tx, environment: str) -> list[int]:
    """Return the kinds that have open lanes with runs ready."""
    return [row[0] for row in await tx.all("ready_kinds", environment=environment)]


async def open_lanes(tx: Tx, environment: str, kinds: Collection[int], *, limit: int) -> list[OpenLane]:
    """Return the open lanes of some kinds; of each kind the ones that were given least.

    Args:
        tx: the transaction.
        environment: whose lanes.
        kinds: what the worker can run.
        limit: how many lanes of each kind, at most.
    """
    pool = pool_of(environment)
    asked = [
        {"environment": environment, "environment_pool": pool, "kind": kind, "limit": limit} for kind in kinds
    ]
    return [OpenLane(*row) for row in await tx.many("open_lanes", asked)]


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


async def define_queues(tx: Tx, queues: Sequence[Mapping[str, object]]) -> None:
    """Define queues as the code does, given as mappings of the table's columns.

    Lanes that stood before a full pool are looked at again, under the new limit.
    """
    await tx.run("upsert_queues", queues=queues)
    for queue in queues:
        freed = await tx.all("mark_free_queue", environment=queue["environment"], queue=queue["name"])
        if freed:
            await tx.run("reopen_lanes", pools=[row[0] for row in freed])
