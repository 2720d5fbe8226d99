"""Queues: their limits and rates, and the meters of those that are measured over all their keys.

Whoever changes a queue locks the environment's row first, as claims do, so no claim is under way.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass

from perdure.core.rates import RateLimit
from perdure.store import lanes
from perdure.store.database import Row, Tx
from perdure.store.rows import Environment, Meter, Pool, Queue


@dataclass(frozen=True, slots=True)
class Definition:
    """A queue as the code defines it."""

    environment: str
    name: str
    concurrency_limit: int | None
    total_limit: int | None
    rate_limit: int | None
    rate_period_ms: int | None
    rate_burst: int | None
    rate_per_key: int
    created_at: int

    def is_of(self, queue: Queue | None) -> bool:
        """Tell whether a queue is already defined like this."""
        return queue is not None and all(
            getattr(queue, name) == value for name, value in asdict(self).items() if name != "created_at"
        )


def rate_of(queue: Queue) -> RateLimit | None:
    """Return the rate of a queue, or None."""
    return _rate(queue.rate_limit, queue.rate_period_ms, queue.rate_burst, queue.rate_per_key)


@dataclass(frozen=True, slots=True)
class Gate:
    """What a queue holds back beyond the limit of each key."""

    queue: str
    paused_at: int | None
    total_limit: int | None
    rate: RateLimit | None
    running: int
    """Over all keys; counted only if there is a limit or a rate over all keys."""
    full_at: int | None
    spent_until: int
    closed_until: int | None


async def define(tx: Tx, environment: str, definitions: Sequence[Definition]) -> list[str]:
    """Define queues as the code does; return the names of those that changed.

    What was set at run time stays.  Lanes that stood before a full pool, or a rate that was used up, are
    looked at again.
    """
    known = {queue.name: queue for queue in await of_environment(tx, environment)}
    changed = [one for one in definitions if not one.is_of(known.get(one.name))]
    if changed:
        await tx.run("upsert_queues", queues=[asdict(one) for one in changed])
    for one in changed:
        await _measure(tx, one)
        if one.name in known:
            await look_again(tx, environment, one.name)
    return [one.name for one in changed]


async def _measure(tx: Tx, queue: Definition) -> None:
    """Begin or end to measure a queue over all its keys."""
    row = await tx.maybe("meter", environment=queue.environment, queue=queue.name)
    wanted = queue.total_limit is not None or (queue.rate_limit is not None and not queue.rate_per_key)
    if wanted is (row is not None):
        return
    which = {"environment": queue.environment, "queue": queue.name}
    pools = [Pool(*row) for row in await tx.all("lock_pools_of_queue", **which)]
    if pools:
        await tx.run("set_metered", **which, is_metered=int(wanted))
    if wanted:
        await tx.run("insert_meter", **which, running=sum(pool.running for pool in pools))
    else:
        await tx.run("delete_meter", **which)


async def look_again(tx: Tx, environment: str, queue: str) -> None:
    """Put the lanes of a queue back into sight: its limits have changed."""
    freed = [row[0] for row in await tx.all("forget_closures", environment=environment, queue=queue)]
    if freed:
        await tx.run("reopen_lanes", pools=freed)
    await tx.run("mark_meters_free", meters=[{"environment": environment, "queue": queue}])


async def of_environment(tx: Tx, environment: str) -> list[Queue]:
    """Return all queues of an environment, by name."""
    return [Queue(*row) for row in await tx.all("queues", environment=environment)]


async def find(tx: Tx, environment: str, name: str) -> Queue | None:
    """Return a queue, or None."""
    row = await tx.maybe("queue", environment=environment, name=name)
    return Queue(*row) if row else None


async def page(tx: Tx, environment: str, *, limit: int, offset: int) -> tuple[list[Queue], int]:
    """Return some queues of an environment, by name, and how many there are in all."""
    rows = await tx.all("page_of_queues", environment=environment, limit=limit, offset=offset)
    return [Queue(*row) for row in rows], (await tx.one("count_queues", environment=environment))[0]


async def pause(tx: Tx, environment: str, name: str, *, paused_at: int | None) -> None:
    """Start nothing new from a queue, or (None) go on."""
    await tx.run("pause_queue", environment=environment, name=name, paused_at=paused_at)


async def override(tx: Tx, environment: str, name: str, limit: int | None, *, now: int) -> None:
    """Put another limit in place of the one in the code, or (None) that one again."""
    at = None if limit is None else now
    await tx.run("override_queue", environment=environment, name=name, limit_override=limit, overridden_at=at)
    await look_again(tx, environment, name)


# What claims ask.


async def lock_for_claims(tx: Tx, environment: str) -> tuple[Environment, bool]:
    """Return an environment, for a claim, and whether it has queues with gates."""
    row = await tx.one("lock_for_claims", id=environment)
    *columns, gated = row
    return Environment(*columns), gated is not None


async def gates(tx: Tx, environment: str) -> dict[str, Gate]:
    """Return the queues that are paused, or have a limit over all keys or a rate, by name."""
    return {row[0]: _gate(row) for row in await tx.all("gates", environment=environment)}


def _gate(row: Row) -> Gate:
    queue, paused_at, total, limit, period, burst, per_key, running, full_at, spent, closed = row
    return Gate(
        queue, paused_at, total, _rate(limit, period, burst, per_key), running, full_at, spent, closed
    )


def _rate(limit: int | None, period_ms: int | None, burst: int | None, per_key: int) -> RateLimit | None:
    if limit is None or period_ms is None:
        return None
    return RateLimit(limit, period_ms / 1000, burst, bool(per_key))


async def charge(tx: Tx, environment: str, charges: Mapping[str, tuple[int, int | None]]) -> None:
    """Note what the rates of queues have given, and (a moment) until when they give nothing.

    Args:
        tx: the transaction.
        environment: whose queues.
        charges: `spent_until` and `closed_until` of each queue.
    """
    rows = [
        {"environment": environment, "queue": queue, "spent_until": spent, "closed_until": closed}
        for queue, (spent, closed) in sorted(charges.items())
    ]
    await tx.run("charge_meters", meters=rows)


async def mark_full(tx: Tx, environment: str, limits: Mapping[str, int], *, now: int) -> None:
    """Note which of some queues have as many runs as they may, so that an end is hinted."""
    rows = [
        {"environment": environment, "queue": queue, "total_limit": limit}
        for queue, limit in sorted(limits.items())
    ]
    await tx.run("mark_meters_full", meters=rows, now=now)


async def count(tx: Tx, changes: Mapping[tuple[str, str], int]) -> list[str]:
    """Add to the running counts of queues; return the environments of those that may have room again.

    Args:
        tx: the transaction, which has locked the pools.
        changes: by how much the count of each environment's queue changes.
    """
    rows = [
        {"environment": environment, "queue": queue, "running": running}
        for (environment, queue), running in sorted(changes.items())
    ]
    counted = await tx.all("change_meters", meters=rows)
    freed = [
        {"environment": environment, "queue": queue}
        for environment, queue, _, full_at in counted
        if full_at is not None and changes[environment, queue] < 0
    ]
    if freed:
        await tx.run("mark_meters_free", meters=freed)
    return [one["environment"] for one in freed]


async def open_due(tx: Tx, *, now: int) -> list[str]:
    """Note which queues' rates give a run again; return their environments."""
    return [row[0] for row in await tx.all("open_meters", now=now)]


async def next_opening(tx: Tx) -> int | None:
    """Return when the next rate gives a run again that one waits for, or None."""
    moments = [(await tx.one(name))[0] for name in ("next_open_pool", "next_open_meter")]
    return min((moment for moment in moments if moment is not None), default=None)


# What people ask.


async def defined(tx: Tx, asked: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return those of some queues, given by environment and name, that exist."""
    rows = [{"environment": environment, "name": name} for environment, name in sorted(asked)]
    return {(row[0], row[1]) for row in await tx.all("defined_queues", asked=rows)}


@dataclass(frozen=True, slots=True)
class KeyCount:
    """A concurrency key of a queue with runs waiting."""

    key: str | None
    waiting: int
    oldest: int | None
    """Since when the run at the head waits."""
    pool: Pool | None
    """None if nothing ever ran in it."""


async def waiting(tx: Tx, environment: str, names: Collection[str]) -> dict[str, int]:
    """Return how many runs wait in each of some queues."""
    rows = await tx.all("waiting_in_queues", environment=environment, queues=list(names))
    return {row[0]: row[1] for row in rows}


async def running(tx: Tx, environment: str, names: Collection[str]) -> dict[str, int]:
    """Return how many runs of each of some queues hold a slot."""
    rows = await tx.all("running_in_queues", environment=environment, queues=list(names))
    return {row[0]: row[1] for row in rows}


async def oldest(tx: Tx, environment: str, queue: str) -> int | None:
    """Return since when the oldest run at the head of a line of a queue waits."""
    return (await tx.one("oldest_in_queue", environment=environment, queue=queue))[0]


async def find_meter(tx: Tx, environment: str, queue: str) -> Meter | None:
    """Return what a queue is measured by, or None."""
    row = await tx.maybe("meter", environment=environment, queue=queue)
    return Meter(*row) if row else None


async def busiest_keys(tx: Tx, environment: str, queue: str, *, limit: int) -> list[KeyCount]:
    """Return the concurrency keys of a queue with the most runs waiting."""
    rows = [
        tuple(row) for row in await tx.all("waiting_keys", environment=environment, queue=queue, limit=limit)
    ]
    pools = [pool for _, pool, _ in rows]
    known = {row[0]: Pool(*row) for row in await tx.all("pools_of_keys", pools=pools)}
    since = {row[0]: row[1] for row in await tx.all("oldest_in_pools", pools=pools)}
    return [KeyCount(key, ready, since.get(pool), known.get(pool)) for key, pool, ready in rows]


async def load(tx: Tx, environment: str) -> tuple[int, int]:
    """Return how many runs of an environment wait, and how many hold a slot."""
    ready = (await tx.one("waiting_in_environment", environment=environment))[0]
    pool = await lanes.find_pool(tx, lanes.pool_of(environment))
    return ready, pool.running if pool else 0


async def limit_environment(tx: Tx, environment: str, limit: int | None, burst_factor: float) -> None:
    """Set how many runs of an environment may run at once; all its lanes are looked at again."""
    await tx.run("set_environment_limit", id=environment, concurrency_limit=limit, burst_factor=burst_factor)
    freed = [row[0] for row in await tx.all("free_environment", environment=environment)]
    if freed:
        await tx.run("reopen_lanes", pools=freed)


async def set_default_ttl(tx: Tx, environment: str, ttl_ms: int | None) -> None:
    """Set how long an environment's runs may wait for a worker; 0: for ever, None: as the server says."""
    await tx.run("set_default_ttl", id=environment, default_ttl_ms=ttl_ms)


async def pause_environment(tx: Tx, environment: str, *, paused_at: int | None) -> None:
    """Start nothing new in an environment, or (None) go on."""
    await tx.run("pause_environment", id=environment, paused_at=paused_at)
