"""Sends the lines of the runs' logs, beside the hot path and in bounded memory."""

import asyncio
import logging
from collections import Counter, deque

from perdure.core.clock import Clock, to_datetime
from perdure.core.errors import PerdureError, Unauthorized
from perdure.wire import endpoints
from perdure.wire.endpoint import MEGABYTE
from perdure.wire.workers import LogLine, SendLogs
from perdure.worker.session import Session

log = logging.getLogger(__name__)

MAX_LINES = 5000
MAX_BYTES = 4 * MEGABYTE
WAITING_LINES = 100_000
WAITING_BYTES = 64 * MEGABYTE
# What a line counts besides its message.
_LINE = 200


class LogShipper:
    """Takes lines from all runs; what the server does not take in time is dropped, counted and told."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self._session = session
        self._clock = clock
        self._lines: deque[LogLine] = deque()
        self._bytes = 0
        self._dropped: Counter[tuple[str, int]] = Counter()
        self._work = asyncio.Event()
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    def add(self, lines: list[LogLine]) -> None:
        """Add lines of any runs; never waits."""
        for line in lines:
            size = _size(line)
            if len(self._lines) >= WAITING_LINES or self._bytes + size > WAITING_BYTES:
                self._dropped[line.run_id, line.attempt] += 1
                continue
            self._lines.append(line)
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

    def _take(self) -> list[LogLine]:
        batch = []
        size = 0
        while self._lines and len(batch) < MAX_LINES and size < MAX_BYTES:
            line = self._lines.popleft()
            size += _size(line)
            batch.append(line)
        self._bytes -= size
        return batch or self._told_drops()

    def _told_drops(self) -> list[LogLine]:
        """Return a line for each attempt whose lines were dropped, once there is room again."""
        dropped, self._dropped = self._dropped, Counter()
        now = to_datetime(self._clock.now())
        return [
            LogLine(
                run_id=run_id,
                attempt=attempt,
                time=now,
                level="warning",
                message=f"{count:,} lines were dropped: the server did not take them in time.",
                source="perdure",
            )
            for (run_id, attempt), count in list(dropped.items())[:MAX_LINES]
        ]

    async def _send(self, batch: list[LogLine]) -> None:
        try:
            await self._session.call(
                endpoints.workers.SEND_LOGS, lambda worker_id: SendLogs(worker_id=worker_id, lines=batch)
            )
        except Unauthorized:
            raise
        except PerdureError as error:
            log.error("The server refused %d log lines: %s", len(batch), error)


def _size(line: LogLine) -> int:
    return _LINE + len(line.message)
