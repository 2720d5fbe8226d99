"""Workers, and what they are told to stop."""

from collections.abc import Sequence

from perdure.store.database import Tx
from perdure.store.rows import Worker


async def bidders(tx: Tx, environment: str, ids: Sequence[str]) -> dict[str, tuple[Worker, bool]]:
    """Return the workers of an environment that exist, and whether there is news for each, by id."""
    rows = await tx.all("bidders", environment=environment, ids=ids)
    return {row[0]: (Worker(*tuple(row)[:-1]), bool(row["has_news"])) for row in rows}


async def see(tx: Tx, environment: str, worker: str, *, now: int) -> bool:
    """Note that a worker lives; return whether it is known and connected."""
    return await tx.run("see_worker", id=worker, environment=environment, now=now) == 1


async def take_cancels(tx: Tx, workers: Sequence[str]) -> list[tuple[str, str, int]]:
    """Return what these workers must stop, as (worker, run, fence), and forget it."""
    return [(row[0], row[1], row[2]) for row in await tx.all("take_cancels", workers=workers)]


async def add_cancels(tx: Tx, cancels: Sequence[tuple[str, str, int]]) -> None:
    """Tell workers to stop runs, given as (worker, run, fence)."""
    rows = [{"worker": worker, "run": run, "fence": fence} for worker, run, fence in cancels]
    await tx.run("insert_cancels", cancels=rows)


async def add(tx: Tx, worker: Worker) -> None:
    """Store a worker that connects."""
    names = [name for name in Worker.__slots__ if name not in ("disconnected_at", "drained_at")]
    await tx.run("insert_worker", **{name: getattr(worker, name) for name in names})


async def leave(tx: Tx, environment: str, worker: str, *, now: int) -> bool:
    """Note that a worker left; return whether it was there."""
    return await tx.run("disconnect_worker", id=worker, environment=environment, now=now) == 1


async def connected(tx: Tx, environment: str, *, since: int) -> list[tuple[Worker, int]]:
    """Return the workers that are connected and were heard of since then, and how many runs each holds."""
    rows = await tx.all("connected_workers", environment=environment, since=since)
    return [(Worker(*tuple(row)[:-1]), row["running"]) for row in rows]


async def problems_of_version(tx: Tx, environment: str, version: str) -> str:
    """Return what did not import of a version, as JSON, told by the worker that connected last."""
    row = await tx.maybe("problems_of_version", environment=environment, version=version)
    return row["problems"] if row else "[]"
