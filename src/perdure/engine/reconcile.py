"""Counts are a cache: from time to time they are compared with the rows they count."""

from perdure.engine.resources import Resources
from perdure.engine.service import Service
from perdure.store import counts
from perdure.store.counts import wrong_of
from perdure.store.database import Tx


class Reconcile(Service):
    """Corrects the counts of lanes, pools and meters, and forgets those that are empty.

    A first look, without locks, finds what seems wrong; only that is counted again under locks.
    """

    pause_ms = 300_000

    def __init__(self, resources: Resources) -> None:
        """Use these resources."""
        super().__init__(resources.db)
        self._resources = resources

    async def run_once(self) -> int:
        """Compare all counts; return how many were wrong."""
        lanes, pools, meters = await self._db.read(_suspects)
        corrected = 0
        if lanes or pools or meters:
            corrected = await self._db.transact(_correct, lanes, pools, bool(meters))
        await self._db.transact(counts.tidy, now=self._resources.clock.now())
        return corrected


async def _suspects(tx: Tx) -> tuple[list[int], list[int], list[tuple[str, str]]]:
    lanes, standing = await counts.lanes_cached(tx), await counts.lanes_true(tx)
    pools = {pool: row.running for pool, row in (await counts.pools_cached(tx)).items()}
    meters = {meter: row.running for meter, row in (await counts.meters_cached(tx)).items()}
    return (
        sorted(wrong_of(lanes, standing, (0, 0))),
        sorted(wrong_of(pools, await counts.pools_true(tx), 0)),
        sorted(wrong_of(meters, await counts.meters_true(tx), 0)) if meters else [],
    )


async def _correct(tx: Tx, lanes: list[int], pools: list[int], meters: bool) -> int:
    corrected = await counts.correct_pools(tx, pools) if pools else 0
    corrected += await counts.correct_meters(tx) if meters else 0
    return corrected + (await counts.correct_lanes(tx, lanes) if lanes else 0)
