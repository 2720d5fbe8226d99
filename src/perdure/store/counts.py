"""The counts of lanes and pools, beside what they should be."""

from collections.abc import Mapping, Sequence

from perdure.store.database import Tx
from perdure.store.lanes import pool_of
from perdure.store.rows import Pool


async def lanes_cached(tx: Tx) -> dict[int, int]:
    """Return the ready count each lane says it has."""
    return {row[0]: row[1] for row in await tx.all("all_lanes")}


async def lanes_true(tx: Tx) -> dict[int, int]:
    """Return how many runs stand in each lane where any does."""
    return {row[0]: row[1] for row in await tx.all("count_places")}


async def pools_cached(tx: Tx) -> dict[int, Pool]:
    """Return all pools, by id."""
    return {row[0]: Pool(*row) for row in await tx.all("all_pools")}


async def pools_true(tx: Tx) -> dict[int, int]:
    """Return how many runs hold a slot of each pool where any does."""
    counts: dict[int, int] = {}
    for environment, pool, running in await tx.all("count_held"):
        for one in (pool, pool_of(environment)):
            counts[one] = counts.get(one, 0) + running
    return counts


async def correct_lanes(tx: Tx, lanes: Sequence[int]) -> int:
    """Count some lanes again, while nobody else changes them; return how many were wrong.

    Whoever gives a run a place also changes its lane's row, so under the row's lock the two agree.
    """
    cached = {row[0]: row[1] for row in await tx.all("lock_lanes", lanes=lanes)}
    true = {row[0]: row[1] for row in await tx.all("count_places_of", lanes=lanes)}
    wrong = _wrong(cached, true)
    if wrong:
        rows = [{"id": lane, "ready": ready} for lane, ready in wrong.items()]
        await tx.run("set_ready", lanes=rows)
    return len(wrong)


async def correct_pools(tx: Tx, pools: Sequence[int]) -> int:
    """Count some pools again, while nobody else changes them; return how many were wrong."""
    cached = {row[0]: Pool(*row).running for row in await tx.all("lock_pools", pools=pools)}
    true = await pools_true(tx)
    wrong = _wrong(cached, true)
    if wrong:
        rows = [{"id": pool, "running": running} for pool, running in wrong.items()]
        await tx.run("set_running", pools=rows)
    return len(wrong)


async def tidy(tx: Tx) -> int:
    """Put lanes back into sight that were forgotten, and forget the empty; return how many."""
    idle = await tx.run("delete_idle_pools")
    return idle + await tx.run("reopen_forgotten_lanes") + await tx.run("delete_empty_lanes")


def _wrong(cached: Mapping[int, int], true: Mapping[int, int]) -> dict[int, int]:
    return {one: true.get(one, 0) for one, count in cached.items() if count != true.get(one, 0)}
