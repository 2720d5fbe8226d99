"""The counts of lanes, pools and meters, beside what they should be."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from perdure.store.database import Tx
from perdure.store.lanes import pool_of
from perdure.store.rows import Meter, Pool

K = TypeVar("K")
V = TypeVar("V")

Standing = tuple[int, int]
"""How many runs stand in a lane, and how many of them go on with their attempt."""


async def lanes_cached(tx: Tx) -> dict[int, Standing]:
    """Return the counts each lane says it has."""
    return {row[0]: (row[1], row[2]) for row in await tx.all("all_lanes")}


async def lanes_true(tx: Tx) -> dict[int, Standing]:
    """Return how many runs stand in each lane where any does."""
    return {row[0]: (row[1], row[2]) for row in await tx.all("count_places")}


async def pools_cached(tx: Tx) -> dict[int, Pool]:
    """Return all pools, by id."""
    return {row[0]: Pool(*row) for row in await tx.all("all_pools")}


async def pools_true(tx: Tx) -> dict[int, int]:
    """Return how many runs hold a slot of each pool where any does."""
    counts: dict[int, int] = {}
    for environment, _, pool, running in await tx.all("count_held"):
        for one in (pool, pool_of(environment)):
            counts[one] = counts.get(one, 0) + running
    return counts


async def meters_cached(tx: Tx) -> dict[tuple[str, str], Meter]:
    """Return all meters, by environment and queue."""
    return {(row[0], row[1]): Meter(*row) for row in await tx.all("all_meters")}


async def meters_true(tx: Tx) -> dict[tuple[str, str], int]:
    """Return how many runs hold a slot, by environment and queue, of all queues where any does."""
    counts: dict[tuple[str, str], int] = {}
    for environment, queue, _, running in await tx.all("count_held"):
        counts[environment, queue] = counts.get((environment, queue), 0) + running
    return counts


async def correct_lanes(tx: Tx, lanes: Sequence[int]) -> int:
    """Count some lanes again, while nobody else changes them; return how many were wrong.

    Whoever gives a run a place also changes its lane's row, so under the row's lock the two agree.
    """
    cached = {row[0]: (row[1], row[2]) for row in await tx.all("lock_lanes", lanes=lanes)}
    true = {row[0]: (row[1], row[2]) for row in await tx.all("count_places_of", lanes=lanes)}
    wrong = wrong_of(cached, true, (0, 0))
    if wrong:
        rows = [{"id": lane, "ready": ready, "resumed": resumed} for lane, (ready, resumed) in wrong.items()]
        await tx.run("set_ready", lanes=rows)
    return len(wrong)


async def correct_pools(tx: Tx, pools: Sequence[int]) -> int:
    """Count some pools again, while nobody else changes them; return how many were wrong."""
    cached = {row[0]: Pool(*row).running for row in await tx.all("lock_pools", pools=pools)}
    wrong = wrong_of(cached, await pools_true(tx), 0)
    if wrong:
        rows = [{"id": pool, "running": running} for pool, running in wrong.items()]
        await tx.run("set_running", pools=rows)
    return len(wrong)


async def correct_meters(tx: Tx) -> int:
    """Count all meters again, while nobody else changes them; return how many were wrong."""
    cached = {(row[0], row[1]): row[2] for row in await tx.all("lock_meters")}
    wrong = wrong_of(cached, await meters_true(tx), 0)
    if wrong:
        rows = [
            {"environment": one[0], "queue": one[1], "running": running} for one, running in wrong.items()
        ]
        await tx.run("set_metered_running", meters=rows)
    return len(wrong)


async def tidy(tx: Tx, *, now: int) -> int:
    """Put lanes back into sight that were forgotten, and forget the empty; return how many."""
    idle = await tx.run("delete_idle_pools", microsecond=now * 1000)
    return idle + await tx.run("reopen_forgotten_lanes") + await tx.run("delete_empty_lanes")


def wrong_of(cached: Mapping[K, V], true: Mapping[K, V], nothing: V) -> dict[K, V]:
    """Return the true counts of what is counted wrong."""
    return {one: true.get(one, nothing) for one, count in cached.items() if count != true.get(one, nothing)}
