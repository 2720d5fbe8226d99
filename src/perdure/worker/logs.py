"""Sends the lines of the runs' logs, and their spans, beside the hot path and in bounded memory."""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Sequence

from perdure.core.clock import Clock, to_datetime
from perdure.core.errors import PerdureError, Unauthorized
from perdure.wire import endpoints
from perdure.wire.endpoint import MEGABYTE
from perdure.wire.telemetry import SpanRecord
from perdure.wire.workers import LogLine, SendLogs
from perdure.worker.session import Session

log = logging.getLogger(__name__)

MAX_LINES = 5000
MAX_BYTES = 4 * MEGABYTE
WAITING_LINES = 100_000
WAITING_BYTES = 64 * MEGABYTE
# What a line counts besides its message, and a span without attributes.
_LINE = 200

Item = LogLine | SpanRecord


class LogShipper:
    """Takes lines and spans of all runs; what the server does not take in time is dropped, counted, told."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock
        self._items: deque[Item] = deque()
        self._bytes = 0
        self._dropped: Counter[tuple[str, int]] = Counter()
        self._untold = 0
        self._work = asyncio.Event()
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    def add(self, lines: Sequence[LogLine], spans: Sequence[SpanRecord] = ()) -> None:
        """Add lines and spans of any runs; never waits."""
        for item in (*lines, *spans):
            size = _size(item)
            if len(self._items) >= WAITING_LINES or self._bytes + size > WAITING_BYTES:
                self._dropped[item.run_id, item.attempt] += 1
                self._untold += 1
                continue
            self._items.append(item)
            self._bytes += size
        self._is_idle.clear()
        self._work.set()

    async def settled(self) -> None:
        """Wait until everything is sent."""
        await self._is_idle.wait()

    async def run(self) -> None:
        """Send for as long as the worker lives."""
        while True:
            await self._work.wait()
            self._work.clear()
            while batch := self._take():
                await self._send(batch)
            self._is_idle.set()

    def _take(self) -> list[Item]:
        batch: list[Item] = []
        size = 0
        while self._items and len(batch) < MAX_LINES and size < MAX_BYTES:
            item = self._items.popleft()
            size += _size(item)
            batch.append(item)
        self._bytes -= size
        return batch or self._told_drops()

    def _told_drops(self) -> list[Item]:
        """Return a line for each attempt whose lines or spans were dropped, once there is room again."""
        dropped, self._dropped = self._dropped, Counter()
        now = to_datetime(self._clock.now())
        return [
            LogLine(
                run_id=run_id,
                attempt=attempt,
                time=now,
                level="warning",
                message=f"{count:,} lines and spans were dropped: the server did not take them in time.",
                source="perdure",
            )
            for (run_id, attempt), count in list(dropped.items())[:MAX_LINES]
        ]

    async def _send(self, batch: list[Item]) -> None:
        lines = [item for item in batch if isinstance(item, LogLine)]
        spans = [item for item in batch if isinstance(item, SpanRecord)]
        dropped, self._untold = self._untold, 0
        try:
            await self._session.call(
                endpoints.workers.SEND_LOGS,
                lambda worker_id: SendLogs(worker_id=worker_id, lines=lines, spans=spans, dropped=dropped),
            )
        except Unauthorized:
            raise
        except PerdureError as error:
            log.error("The server refused %d log lines and spans: %s", len(batch), error)


def _size(item: Item) -> int:
    if isinstance(item, LogLine):
        return _LINE + len(item.message)
    # Values are bounded one by one in the executor; their number counts here.
    return _LINE + sum(len(str(value)) for value in (item.attributes or {}).values())
