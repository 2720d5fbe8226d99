"""Sends what was seen on to an OpenTelemetry collector: OTLP over HTTP, in protobuf.

User's spans and log lines go when they come in, a run's own life when it has ended: a collector takes only
what is over.  All of it has the ids that are shown.  Each server exports what it took in and the runs that it
ended, so none is sent twice; a span or a line waits in memory, in a queue that is bounded, and what does not
fit or is not taken in time is dropped, counted, and told by `/metrics`.
"""

import asyncio
import gzip
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from perdure import wire
from perdure.engine.exporting import Exporting, Outgoing
from perdure.engine.moves import channel_of_run
from perdure.engine.resources import Resources
from perdure.engine.service import Service
from perdure.engine.telemetry import Batch, Telemetry
from perdure.store.rows import Environment

log = logging.getLogger(__name__)

WAITING = 50_000
"""The most spans, lines and runs that wait."""

TOGETHER = 2_000
"""The most of them in one request."""

TRIES = 5
"""How often a request is sent before what is in it is dropped."""

SETTLE_S = 1.0
"""A run is exported so long after its end: its last spans and lines come beside its worker's report."""

_RETRIED = frozenset({408, 429, 502, 503, 504})  # those that OTLP/HTTP says may be sent again
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
_TIMEOUT_S = 10.0
_RUN = channel_of_run("")


@dataclass(frozen=True, kw_only=True)
class ExportSettings:
    """Where to send."""

    #: `/v1/traces` and `/v1/logs` come after it
    endpoint: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Exported:
    """How much was sent, and how much dropped."""

    sent: int = 0
    dropped: int = 0


class Exporter(Service):
    """Sends what gathers, now and then."""

    pause_ms = 1_000

    def __init__(self, resources: Resources, telemetry: Telemetry, settings: ExportSettings) -> None:
        """Export what `telemetry` takes in, and the runs that end."""
        super().__init__(resources.db)
        self.counts = Exported()
        self._clock = resources.clock
        self._exporting = Exporting(resources)
        self._settings = settings
        self._batches: deque[tuple[Environment, Batch]] = deque()
        self._ended: deque[tuple[int, str]] = deque()
        self._waiting = 0
        self._session: aiohttp.ClientSession | None = None
        telemetry.listeners.append(self.seen)
        resources.db.hints.listen(self.hinted)

    def seen(self, environment: Environment, batch: Batch) -> None:
        """Take what was stored; never waits."""
        size = len(batch.lines) + len(batch.spans)
        if self._waiting + size > WAITING:
            self.counts.dropped += size
            return
        self._waiting += size
        self._batches.append((environment, batch))

    def hinted(self, channels: frozenset[str]) -> None:
        """Take note of runs that this server has ended; never waits."""
        for channel in channels:
            if not channel.startswith(_RUN):
                continue
            if self._waiting >= WAITING:
                self.counts.dropped += 1
                continue
            self._waiting += 1
            self._ended.append((self._clock.now(), channel.removeprefix(_RUN)))

    async def run_once(self) -> int:
        """Send all that waits and is due; return how much that was."""
        total = 0
        while self._batches:
            environment, batch = self._batches.popleft()
            size = len(batch.lines) + len(batch.spans)
            self._waiting -= size
            total += await self._send(await self._exporting.of_batch(environment, batch))
        due = self._clock.now() - SETTLE_S * 1000
        while self._ended and self._ended[0][0] <= due:
            runs = [self._ended.popleft()[1] for _ in range(min(len(self._ended), 100))]
            self._waiting -= len(runs)
            total += await self._send(await self._exporting.of_runs(runs))
        return total

    async def stop(self) -> None:
        """Send what still waits, once, and end."""
        await super().stop()
        self._ended = deque((0, run) for _, run in self._ended)
        try:
            async with asyncio.timeout(_TIMEOUT_S / 2):
                await self.run_once()
        except TimeoutError:
            log.warning("The collector did not take the last spans and lines in time.")
        if self._session is not None:
            await self._session.close()

    async def _send(self, outgoing: Outgoing) -> int:
        write_traces: Callable[..., bytes] = wire.otlp.write_traces
        return await self._post("/v1/traces", write_traces, outgoing.spans) + await self._post(
            "/v1/logs", wire.otlp.write_logs, outgoing.lines
        )

    async def _post(
        self,
        path: str,
        write: Callable[[Sequence[tuple[Mapping[str, Any], Sequence[Any]]]], bytes],
        groups: Sequence[tuple[Mapping[str, Any], Sequence[Any]]],
    ) -> int:
        sent = 0
        for resource, items in groups:
            for start in range(0, len(items), TOGETHER):
                part = items[start : start + TOGETHER]
                body = await asyncio.to_thread(lambda part=part, of=resource: _packed(write, of, part))
                if await self._insist(self._settings.endpoint.rstrip("/") + path, body):
                    sent += len(part)
                else:
                    self.counts.dropped += len(part)
        self.counts.sent += sent
        return sent

    async def _insist(self, url: str, body: bytes) -> bool:
        """Send a request until it is taken, refused, or has been sent often enough."""
        pause = _FIRST_PAUSE_S
        for attempt in range(TRIES):
            reason, is_worth_it = await self._try(url, body)
            if reason is None:
                return True
            if not is_worth_it or attempt == TRIES - 1:
                log.warning("The collector at %s did not take what was sent: %s", url, reason)
                return False
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_S)
        return False

    async def _try(self, url: str, body: bytes) -> tuple[str | None, bool]:
        """Send a request once; return what is wrong, if anything, and whether to try again."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S))
        headers = {"content-type": wire.otlp.PROTOBUF, "content-encoding": "gzip", **self._settings.headers}
        try:
            async with self._session.post(url, data=body, headers=headers) as answer:
                await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return str(error) or type(error).__name__, True
        return (None if answer.status < 300 else f"it answered {answer.status}"), answer.status in _RETRIED


def _packed(write: Callable[..., bytes], resource: Mapping[str, Any], items: Sequence[Any]) -> bytes:
    return gzip.compress(write([(resource, items)]), compresslevel=1)
