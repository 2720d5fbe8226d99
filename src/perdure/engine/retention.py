"""Forgetting what is old: ended runs, their log lines, keys whose time is over, workers that are gone.

It goes in small batches, each a transaction of its own, so that what runs hardly notices.  Ids begin with
the time they were made, so the old stand together, and looking for them costs nothing when there are none.
Several servers may do it at once: each takes what no other has locked.
"""

from collections.abc import Sequence

from perdure.engine.resources import Resources
from perdure.engine.service import Service
from perdure.store import batches, debounces, retention, series, streams, subjects
from perdure.store.subjects import Old

BATCH = 500
"""The most rows of a kind that are forgotten in one transaction."""

BATCHES = 20
"""The most batches of runs that are forgotten in one transaction; each has up to 1,000 items."""

BLOCKS = 2_000
"""The most rows of a stream in one transaction."""

LINES = 20_000
"""The most log lines and spans in one transaction, unless one run alone has more."""

WORKER_MS = 7 * 86_400_000
"""How long a worker that is gone is remembered."""


class Retention(Service):
    """Forgets what is older than the settings say."""

    pause_ms = 600_000

    def __init__(self, resources: Resources) -> None:
        """Use these resources."""
        super().__init__(resources.db)
        self._resources = resources

    async def run_once(self) -> int:
        """Forget all that is old; return how many runs, logs, keys and workers that were."""
        now, settings = self._resources.clock.now(), self._resources.settings
        total = await self._forget_keys(now) + await self._forget_workers(now)
        total += await self._forget_debounces(now)
        if settings.run_retention_ms is not None:
            total += await self._forget_runs(now - settings.run_retention_ms, now)
            total += await self._forget_tokens(now - settings.run_retention_ms)
            total += await self._forget_batches(now - settings.run_retention_ms)
        kept_ms = settings.stream_retention_ms or settings.run_retention_ms
        if kept_ms is not None:
            total += await self._forget_streams(now - kept_ms)
        if settings.log_retention_ms is not None:
            total += await self._forget_logs(now - settings.log_retention_ms)
            await self._forget_points(now - settings.log_retention_ms)
        return total

    async def _forget_keys(self, now: int) -> int:
        total = 0
        while True:
            count = await self._db.transact(retention.forget_keys, now=now, limit=BATCH)
            total += count
            if count < BATCH:
                return total

    async def _forget_streams(self, before: int) -> int:
        total, after = 0, 0
        while found := await self._db.read(streams.old, before=before, after=after, limit=BATCH):
            for stream in found:
                while not await self._db.transact(streams.forget, stream, limit=BLOCKS):
                    pass
            total += len(found)
            after = found[-1]
        return total

    async def _forget_debounces(self, now: int) -> int:
        total = 0
        while True:
            count = await self._db.transact(debounces.forget, now=now, limit=BATCH)
            total += count
            if count < BATCH:
                return total

    async def _forget_tokens(self, before: int) -> int:
        total = 0
        while True:
            count = await self._db.transact(retention.forget_tokens, before=before, limit=BATCH)
            total += count
            if count < BATCH:
                return total

    async def _forget_batches(self, before: int) -> int:
        total = 0
        while True:
            count = await self._db.transact(batches.forget, before=before, limit=BATCHES)
            total += count
            if count < BATCHES:
                return total

    async def _forget_workers(self, now: int) -> int:
        return await self._db.transact(retention.forget_workers, before=now - WORKER_MS)

    async def _forget_runs(self, before: int, now: int) -> int:
        total = 0
        after: str | None = ""
        while after is not None:
            forgotten = await self._db.transact(
                retention.forget_runs, before=before, now=now, after=after, limit=BATCH
            )
            total += len(forgotten.runs)
            if forgotten.runs:
                await self._resources.telemetry.transact(subjects.forget_named, forgotten.runs)
            after = forgotten.last
        return total

    async def _forget_logs(self, before: int) -> int:
        """Forget what was seen, of runs that live excepted: who follows such a run counts its lines."""
        telemetry = self._resources.telemetry
        total, after = 0, 0
        while True:
            found = await telemetry.read(subjects.old, before=before, after=after, limit=BATCH)
            batch = _of_so_many_rows(found)
            if not batch:
                return total
            live = await self._db.read(retention.live_of, [subject.name for subject in batch])
            ended = [subject.id for subject in batch if subject.name not in live]
            if ended:
                await telemetry.transact(subjects.forget, ended)
            total += len(ended)
            after = batch[-1].id

    async def _forget_points(self, before: int) -> None:
        after: int | None = 0
        while after is not None:
            after = await self._resources.telemetry.transact(series.forget, before=before, after=after)


def _of_so_many_rows(found: Sequence[Old]) -> list[Old]:
    """Return the first subjects that have at most `LINES` lines and spans together, but at least one."""
    batch: list[Old] = []
    rows = 0
    for subject in found:
        rows += subject.rows
        if batch and rows > LINES:
            break
        batch.append(subject)
    return batch
