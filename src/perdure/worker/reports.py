"""Reports what becomes of runs: what gathers while one report is under way goes into the next.

That a run has begun can wait a moment: most short runs have ended by then, and what ends a run tells the
server that it began.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable

from perdure.core.errors import PerdureError, Unauthorized
from perdure.wire import endpoints
from perdure.wire.endpoint import MEGABYTE
from perdure.wire.workers import (
    Checkpointed,
    Failed,
    Parked,
    Report,
    ReportItem,
    Started,
    Succeeded,
    Verdict,
)
from perdure.worker.session import Session

log = logging.getLogger(__name__)

START_PATIENCE_S = 0.02
"""How long the start of a run waits for something else to report."""

MAX_ITEMS = 1000
MAX_BYTES = 16 * MEGABYTE
# These tell that the run has begun, too.
_ENDINGS = (Succeeded, Failed, Parked)

# What an item, or a frame of a stored state, counts without its output or state.
_ITEM = 1024


class Reporter:
    """Sends items in the order they were added, many in one report, one report at a time."""

    def __init__(self, session: Session, on_verdict: Callable[[ReportItem, Verdict], None]) -> None:
        """Report by a session.

        Args:
            session: how the server is called.
            on_verdict: is told what became of each item.
        """
        self._session = session
        self._on_verdict = on_verdict
        self._items: deque[ReportItem] = deque()
        self._added = 0
        self._settled = 0
        self._change = asyncio.Condition()
        self._work = asyncio.Event()

    def add(self, item: ReportItem) -> None:
        """Add what is to be reported."""
        self._items.append(item)
        self._added += 1
        if isinstance(item, Started):
            asyncio.get_running_loop().call_later(START_PATIENCE_S, self._work.set)
        else:
            self._work.set()

    async def settled(self) -> None:
        """Wait until all that was added so far has its verdict."""
        goal = self._added
        self._work.set()
        async with self._change:
            await self._change.wait_for(lambda: self._settled >= goal)

    async def run(self) -> None:
        """Report for as long as the worker lives."""
        while True:
            await self._work.wait()
            self._work.clear()
            while self._items:
                batch = self._take()
                await self._report(_without_told_starts(batch))
                async with self._change:
                    self._settled += len(batch)
                    self._change.notify_all()

    def _take(self) -> list[ReportItem]:
        batch: list[ReportItem] = []
        size = 0
        while self._items and len(batch) < MAX_ITEMS:
            size += _size(self._items[0])
            if batch and size > MAX_BYTES:
                break
            batch.append(self._items.popleft())
        return batch

    async def _report(self, batch: list[ReportItem]) -> None:
        try:
            answer = await self._session.call(
                endpoints.workers.REPORT, lambda worker_id: Report(worker_id=worker_id, items=batch)
            )
        except Unauthorized:
            raise
        except PerdureError as error:
            await self._refused(batch, error)
            return
        for item, verdict in zip(batch, answer.verdicts, strict=True):
            self._on_verdict(item, verdict)

    async def _refused(self, batch: list[ReportItem], error: PerdureError) -> None:
        """Find the item that the server can't take, so that it does not hold up the others."""
        if len(batch) > 1:
            for item in batch:
                await self._report([item])
            return
        item = batch[0]
        log.error("The server refused what run %s came to (%s): %s", item.run_id, item.type, error)
        self._on_verdict(item, Verdict(run_id=item.run_id, ok=False, code=error.code))


def _without_told_starts(batch: list[ReportItem]) -> list[ReportItem]:
    """Leave out the starts of runs whose end is told in the same report."""
    ended = {(item.run_id, item.fence) for item in batch if isinstance(item, _ENDINGS)}
    return [i for i in batch if not (isinstance(i, Started) and (i.run_id, i.fence) in ended)]


def _size(item: ReportItem) -> int:
    if isinstance(item, (Parked, Checkpointed)):
        return _ITEM * (1 + len(item.frames)) + len(item.snapshot)
    return _ITEM + len(item.output or "") if isinstance(item, Succeeded) else _ITEM
