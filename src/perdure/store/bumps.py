"""Putting a run first."""

from perdure.store.database import Tx


async def first(tx: Tx, lane: int) -> tuple[str, int]:
    """Return the run that is first in a lane where somebody stands, and its place."""
    row = await tx.one("first_in_lane", lane=lane)
    return row[0], row[1]


async def serve_next(tx: Tx, *, pool: int, lane: int) -> None:
    """Let the turn of a lane, and of its queue and concurrency key, be the next."""
    await tx.run("serve_pool_next", pool=pool)
    await tx.run("serve_lane_next", pool=pool, lane=lane)
