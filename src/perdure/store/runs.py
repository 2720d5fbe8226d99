"""Runs in the database."""

from collections.abc import Mapping, Sequence
from operator import itemgetter

from perdure.store.database import Tx
from perdure.store.rows import Run

STATE = (
    "status",
    "place",
    "updated_at",
    "queued_at",
    "delayed_until",
    "due_at",
    "expires_at",
    "started_at",
    "finished_at",
    "worker",
    "lease_until",
    "fence",
    "version",
    "attempt",
    "spared",
    "losses",
    "active_ms",
    "machine",
    "snapshot",
    "is_mid_attempt",
    "kept_version",
    "lane",
    "locked_version",
    "events",
)
"""The columns that a change of status may change."""


_take_state = itemgetter(*(Run._fields.index(column) for column in STATE))


def state_of(run: Run) -> dict[str, object]:
    """Return the `STATE` columns of a run, by name."""
    return dict(zip(STATE, _take_state(run), strict=True))


async def insert(tx: Tx, rows: Sequence[Mapping[str, object]]) -> None:
    """Store new runs, given as mappings of `insert_runs`'s columns."""
    await tx.run("insert_runs", runs=rows)


async def find(tx: Tx, environment: str, run: str) -> Run | None:
    """Return a run of an environment, or None."""
    row = await tx.maybe("run", id=run, environment=environment)
    return Run(*row) if row else None


async def of_ids(tx: Tx, ids: Sequence[str]) -> list[Run]:
    """Return the runs that exist, in the order of their ids."""
    return [Run._make(row) for row in await tx.all("runs", ids=ids)]


async def lock(tx: Tx, ids: Sequence[str]) -> dict[str, Run]:
    """Return the runs that exist, by id; nobody else changes them until the transaction ends."""
    return {row[0]: Run._make(row) for row in await tx.all("lock_runs", ids=ids)}


async def write(tx: Tx, rows: Sequence[Mapping[str, object]]) -> None:
    """Write the `STATE` columns of runs that this transaction has locked."""
    await tx.run("write_runs", runs=rows)


async def lock_heads(tx: Tx, quotas: Mapping[int, int]) -> list[Run]:
    """Lock and return the first runs of some lanes, each lane's in its order.

    Args:
        tx: the transaction.
        quotas: how many to take from each lane, at most.
    """
    return [Run._make(row) for row in await tx.all("lock_heads", lanes=_asked(quotas))]


async def lock_resumed_heads(tx: Tx, quotas: Mapping[int, int]) -> list[Run]:
    """Lock and return, as `lock_heads` does, only runs that go on with their attempt."""
    return [Run._make(row) for row in await tx.all("lock_resumed_heads", lanes=_asked(quotas))]


async def lock_fresh_heads(tx: Tx, quotas: Mapping[int, int]) -> list[Run]:
    """Lock and return, as `lock_heads` does, only runs that begin an attempt."""
    return [Run._make(row) for row in await tx.all("lock_fresh_heads", lanes=_asked(quotas))]


def _asked(quotas: Mapping[int, int]) -> list[dict[str, object]]:
    return [{"lane": lane, "quota": quota} for lane, quota in quotas.items()]


async def lock_pending(tx: Tx, environment: str, tasks: Sequence[str], *, limit: int) -> list[Run]:
    """Lock and return runs that wait for a worker that knows one of these tasks."""
    rows = await tx.all("lock_pending_runs", environment=environment, tasks=tasks, limit=limit)
    return [Run._make(row) for row in rows]


async def pending_tasks(tx: Tx) -> list[tuple[str, str]]:
    """Return the environment and task of all runs that wait for a worker that knows them."""
    return [(row[0], row[1]) for row in await tx.all("pending_tasks")]


async def lock_expired(tx: Tx, *, now: int, limit: int) -> list[Run]:
    """Lock and return runs whose lease is over."""
    return [Run._make(row) for row in await tx.all("lock_expired_leases", now=now, limit=limit)]


async def lock_forsaken(tx: Tx, *, since: int, limit: int) -> list[Run]:
    """Lock and return runs kept for a version of which no worker was heard since then."""
    return [Run._make(row) for row in await tx.all("lock_forsaken_runs", since=since, limit=limit)]


async def lock_forsaken_children(tx: Tx, *, since: int, limit: int) -> list[Run]:
    """Lock and return the same of runs that are locked to their parent's version because it waits."""
    return [Run._make(row) for row in await tx.all("lock_forsaken_children", since=since, limit=limit)]


async def lock_held_by(tx: Tx, worker: str) -> list[Run]:
    """Lock and return the runs that a worker holds."""
    return [Run._make(row) for row in await tx.all("lock_runs_of_worker", worker=worker)]


async def extend_leases(
    tx: Tx, worker: str, held: Sequence[Mapping[str, object]], *, lease_until: int
) -> set[str]:
    """Keep the leases of a worker's runs, given as `run` and `fence`; return the ids of its own."""
    rows = await tx.all("extend_leases", worker=worker, held=held, lease_until=lease_until)
    return {row[0] for row in rows}


async def move(tx: Tx, rows: Sequence[Mapping[str, object]]) -> None:
    """Put locked runs, in no lane yet, into other queues; given as `id`, `queue`, `lane`, `pool`."""
    await tx.run("move_runs", runs=rows)


async def children(tx: Tx, run: str, *, limit: int) -> list[Run]:
    """Return the first runs that a run triggered."""
    return [Run._make(row) for row in await tx.all("children_of_run", run=run, limit=limit)]


async def lock_unfinished_children(tx: Tx, parents: Sequence[str]) -> list[Run]:
    """Lock and return what some runs triggered and has not ended."""
    return [Run._make(row) for row in await tx.all("lock_unfinished_children", parents=parents)]
