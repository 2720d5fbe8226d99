"""Knowing when a batch is over, without a count that every run of it would have to change.

Of each batch one run is watched, the last that has not ended; see `perdure.store.batches`.  Whoever seals a
batch, and whoever ends a run that is watched, puts the batch on a list.  The service here takes it off, looks
for the next run to watch, and when there is none the batch is over.  It locks a run before it watches it, and
who ends a run has locked it too: so the end of a watched run is never missed.
"""

from collections.abc import Sequence

from perdure.engine.resources import Resources
from perdure.engine.service import Service
from perdure.engine.waiting import wake_waiters
from perdure.store import batches, runs, waits
from perdure.store.database import Tx

LOOKS = 500
"""The most looks in one transaction."""


def channel_of_batch(batch: str) -> str:
    """Return the channel that is hinted when a batch is over."""
    return f"batch:{batch}"


class BatchWatch(Service):
    """Finds out which batches are over."""

    channels = (batches.CHANNEL,)
    pause_ms = 2_000

    def __init__(self, resources: Resources) -> None:
        """Use these resources."""
        super().__init__(resources.db)
        self._resources = resources

    async def run_once(self) -> int:
        """Look at all batches that are on the list; return how many looks that took."""
        total = 0
        while count := await self._db.transact(_look, self._resources.clock.now()):
            total += count
        return total


async def _look(tx: Tx, now: int) -> int:
    taken = await batches.take_looks(tx, limit=LOOKS)
    if not taken:
        return 0
    ids = sorted(set(taken))
    found = await batches.last_unfinished(tx, ids)
    locked = await runs.lock(tx, sorted({item.run for item in found}))
    live = [item for item in found if locked[item.run].finished_at is None]
    again = [(item.batch, item.position) for item in found if locked[item.run].finished_at is not None]
    if live:
        await waits.mark_waited_for(tx, sorted({item.run for item in live}))
        await batches.watch(tx, live)
    if again:
        await batches.look_at(tx, again)
    over = sorted({*ids} - {item.batch for item in found})
    if over:
        await _wake(tx, await batches.complete(tx, over, now=now), now)
    return len(taken)


async def give_up(tx: Tx, ids: Sequence[str], now: int) -> list[str]:
    """Give up batches whose items are not all here, and tell whoever waits for them; return those."""
    aborted = await batches.abort(tx, ids, now=now)
    await _wake(tx, aborted, now)
    return aborted


async def _wake(tx: Tx, over: Sequence[str], now: int) -> None:
    if over:
        await wake_waiters(tx, waits.BATCH, over, now)
        tx.hint(*(channel_of_batch(batch) for batch in over))
