"""Rates that are used up give runs again."""

from perdure.engine.gates import CHANNEL
from perdure.engine.moves import channel_of_ready
from perdure.engine.service import AlarmService
from perdure.store import lanes, queues
from perdure.store.database import Tx

BATCH = 500
"""The most pools opened in one transaction."""


class Rates(AlarmService):
    """Sleeps until the next rate gives a run again, and then tells whoever waits for runs."""

    channels = (CHANNEL,)
    longest_sleep_ms = 5_000

    async def run_once(self) -> int:
        """Open what is due; return how many pools and queues."""
        total = 0
        while True:
            now = self._resources.clock.now()
            self._next = await self._db.read(queues.next_opening)
            if self._next is None or self._next > now:
                return total
            total += await self._db.transact(_open_queues, now)
            total += await self._db.transact(_open_pools, now)


async def _open_queues(tx: Tx, now: int) -> int:
    return _hint(tx, await queues.open_due(tx, now=now))


async def _open_pools(tx: Tx, now: int) -> int:
    return _hint(tx, await lanes.open_due(tx, now=now, limit=BATCH))


def _hint(tx: Tx, environments: list[str]) -> int:
    tx.hint(*map(channel_of_ready, set(environments)))
    return len(environments)
