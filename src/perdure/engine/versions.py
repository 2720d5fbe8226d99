"""Runs that are kept for a version go on with any, once no worker of theirs is there any more.

Outside of dev, a run that goes on from a stored state stands in a lane of the version whose code stored
it.  When nobody of that version has been there for a minute, whoever comes may try: if the functions the
run stands in are the same there, it goes on, and else it fails, or begins again if its task says so.

A run that its parent waits for is locked to its parent's version.  It is released the same way, or the
parent would wait for ever; a version that somebody chose for it is not touched.
"""

from perdure.engine.moves import Move, apply
from perdure.engine.resources import Resources
from perdure.engine.service import Service
from perdure.store import runs
from perdure.store.database import Tx

BATCH = 500
"""The most runs released in one transaction."""


class Versions(Service):
    """Releases runs whose version is gone."""

    pause_ms = 5_000

    def __init__(self, resources: Resources) -> None:
        """Use these resources."""
        super().__init__(resources.db)
        self._resources = resources
        self._began = resources.clock.now()

    async def run_once(self) -> int:
        """Release runs in line whose version has no worker any more; return how many."""
        now, keep_ms = self._resources.clock.now(), self._resources.settings.keep_version_ms
        if now - self._began < keep_ms:
            return 0  # workers could not be heard while no server ran
        total = 0
        while True:
            releases = (_release, _unlock)
            counts = [await self._db.transact(release, now - keep_ms, now) for release in releases]
            total += sum(counts)
            if max(counts) < BATCH:
                return total


async def _release(tx: Tx, since: int, now: int) -> int:
    found = await runs.lock_forsaken(tx, since=since, limit=BATCH)
    await apply(tx, [Move(run, (), {"kept_version": ""}) for run in found], now=now)
    return len(found)


async def _unlock(tx: Tx, since: int, now: int) -> int:
    found = await runs.lock_forsaken_children(tx, since=since, limit=BATCH)
    await apply(tx, [Move(run, (), {"locked_version": "", "kept_version": ""}) for run in found], now=now)
    return len(found)
