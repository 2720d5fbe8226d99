"""Counts are a cache: from time to time they are compared with the rows they count."""

from perdure.engine.resources import Resources
from perdure.engine.service import Service
from perdure.store import counts
from perdure.store.database import Tx


class Reconcile(Service):
    """Corrects the counts of lanes and pools, and forgets those that are empty.

    A first look, without locks, finds what seems wrong; only that is counted again under locks.
    """

    pause_ms = 300_000

    def __init__(self, resources: Resources) -> None:
        """Use these resources."""
        super().__init__(resources.db)

    async def run_once(self) -> int:
        """Compare all counts; return how many were wrong."""
        lanes, pools = await self._db.read(_suspects)
        corrected = await self._db.transact(_correct, lanes, pools) if lanes or pools else 0
        await self._db.transact(counts.tidy)
        return corrected


async def _suspects(tx: Tx) -> tuple[list[int], list[int]]:
    lanes, standing = await counts.lanes_cached(tx), await counts.lanes_true(tx)
    pools, held = await counts.pools_cached(tx), await counts.pools_true(tx)
    return (
        sorted(lane for lane, ready in lanes.items() if ready != standing.get(lane, 0)),
        sorted(pool for pool, row in pools.items() if row.running != held.get(pool, 0)),
    )


async def _correct(tx: Tx, lanes: list[int], pools: list[int]) -> int:
    corrected = await counts.correct_pools(tx, pools) if pools else 0
    return corrected + (await counts.correct_lanes(tx, lanes) if lanes else 0)
