"""What a run asks of the executor that hosts it: the `Runtime` of `perdure.sdk`."""

import asyncio
import base64
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from perdure.core.clock import Clock, to_datetime
from perdure.core.traces import MAX_SPANS, MAX_VALUE
from perdure.sdk.parking import Parking, State
from perdure.sdk.requests import CheckpointRequest
from perdure.sdk.runtime import Level, Source, Target
from perdure.sdk.span import Span, current
from perdure.wire.attributes import cut, plain
from perdure.wire.executor import Flush, Told
from perdure.wire.runs import MetadataOperation
from perdure.wire.waits import Answer, Wait
from perdure.wire.workers import Assignment, Checkpointed, LogLine, MetadataChanged, Pinned
from perdure.worker.outbox import Outbox
from perdure.worker.spans import Spans
from perdure.worker.usage import Usage


@dataclass(frozen=True)
class LogLimits:
    """How much one attempt may log."""

    #: lines
    lines: int = 20_000
    #: characters in all
    characters: int = 8 * 1024 * 1024
    #: characters of one line
    line: int = MAX_VALUE
    #: spans
    spans: int = MAX_SPANS


class RunRuntime:
    """The host of one attempt; every method may be called from any thread."""

    def __init__(
        self,
        run: Assignment,
        outbox: Outbox,
        clock: Clock,
        flush: Callable[[Flush], Awaitable[None]],
        *,
        key: bytes = b"",
        limits: LogLimits = LogLimits(),
    ) -> None:
        """Host an attempt.

        Args:
            run: the attempt.
            outbox: where its lines and changes go.
            clock: what tells a line's time.
            flush: sends a `Flush` and returns when it is answered.
            key: signs the states of the run.
            limits: how much it may log.
        """
        #: whether the run was asked to end because it is canceled
        self.canceled = False
        self.parking = Parking(self, clock, key, run.answers)
        self.spans = Spans(run, outbox, clock, limits.spans)
        #: the trace that the run belongs to, and the span of its attempt
        self.trace = self.spans.context
        #: what it uses of its machine
        self.usage = Usage(self.spans.now_ns())
        #: is called when the run begins to wait in memory, and when it goes on
        self.on_pinned: Callable[[], None] = _nothing
        self.on_woken: Callable[[], None] = _nothing
        self._run = run
        self._outbox = outbox
        self._clock = clock
        self._flush = flush
        self._limits = limits
        self._counts = threading.Lock()
        self._lines = 0
        self._characters = 0
        self._dropped = 0
        self._flushes = 0
        self._is_warned = False
        self._stored: asyncio.Future[int] | None = None

    def log(
        self,
        level: Level,
        message: str,
        properties: dict[str, Any] | None = None,
        source: Source = "logger",
        place: str | None = None,
    ) -> None:
        """Add a line to the run's log; a line over the limits is cut or dropped, and the log says so."""
        message = cut(message, self._limits.line)
        if self._admits(len(message)):
            self._send(level, message, source, plain(properties), place)

    def span(self, span: Span) -> None:
        """Send a span that has begun, or ended; one over the limits is dropped, and the log says so."""
        self.spans.take(span)

    def now_ns(self) -> int:
        """Return the moment in nanoseconds since 1970."""
        return self.spans.now_ns()

    def change_metadata(self, target: Target, operation: MetadataOperation) -> None:
        """Change the metadata of the run, its parent or its root."""
        self._change(
            operations=[operation] if target == "self" else [],
            parent_operations=[operation] if target == "parent" else [],
            root_operations=[operation] if target == "root" else [],
        )

    def add_tags(self, tags: list[str]) -> None:
        """Add tags to the run."""
        self._change(tags=list(tags))

    async def flush(self) -> None:
        """Wait until the server has all that this run has changed so far."""
        self._flushes += 1
        await self._flush(Flush(run_id=self._run.run_id, number=self._flushes))

    # The desk of `Parking`.

    def pinned(self, waits: list[Wait], reason: str) -> None:
        """Report that the run waits in memory; the first time, warn in its log."""
        if not self._is_warned:
            self._is_warned = True
            self.tell(
                "warning",
                f"The run waits in memory, and is not stored: {reason}. It takes no slot, but if its worker "
                "ends it goes back to where it last was stored.",
            )
        self.on_pinned()
        ref = {"run_id": self._run.run_id, "fence": self._run.fence}
        self._outbox.send(Told(item=Pinned(**ref, waits=waits, reason=reason)))

    async def checkpointed(self, request: CheckpointRequest, state: State) -> int:
        """Have a checkpoint stored, and return its number."""
        self._stored = asyncio.get_running_loop().create_future()
        self._outbox.send(
            Told(
                item=Checkpointed(
                    run_id=self._run.run_id,
                    fence=self._run.fence,
                    key=request.key,
                    data=request.data,
                    snapshot=base64.b64encode(state.snapshot).decode(),
                    frames=state.frames,
                    waits=state.waits,
                )
            )
        )
        return await self._stored

    def stored(self, number: int) -> None:
        """Take note that the checkpoint is stored; called on the loop."""
        if self._stored is not None and not self._stored.done():
            self._stored.set_result(number)

    def woken(self, answers: list[Answer]) -> None:
        """Let the run, which waits in memory, go on; called on the loop."""
        self.on_woken()
        self.parking.answer(answers)

    def tell(self, level: Level, message: str) -> None:
        """Add a line of Perdure's own, whatever the limits say."""
        self._send(level, message, "perdure")

    def close(self, *, is_shared: bool = False) -> None:
        """Say what was dropped and what was used, at the end of the attempt."""
        used = self.usage.record(self._run, self.now_ns(), is_shared=is_shared)
        if used is not None:
            self.spans.send(used)
        if self._dropped:
            self.tell("warning", f"{self._dropped:,} more lines were dropped.")
        if self.spans.dropped:
            self.tell(
                "warning",
                f"{self.spans.dropped:,} spans were dropped: an attempt may have {self._limits.spans:,}. "
                "Make fewer, or count in an attribute of one.",
            )

    def _admits(self, characters: int) -> bool:
        with self._counts:
            if self._lines < self._limits.lines and self._characters + characters <= self._limits.characters:
                self._lines += 1
                self._characters += characters
                return True
            self._dropped += 1
            is_first = self._dropped == 1
        if is_first:
            self.tell(
                "warning",
                f"The log is cut here: an attempt may log {self._limits.lines:,} lines or "
                f"{self._limits.characters:,} characters. Log less, or write to a file or a store.",
            )
        return False

    def _send(
        self,
        level: Level,
        message: str,
        source: Source,
        properties: dict[str, Any] | None = None,
        place: str | None = None,
    ) -> None:
        inside = current()
        self._outbox.log(
            LogLine(
                run_id=self._run.run_id,
                attempt=self._run.attempt,
                time=to_datetime(self._clock.now()),
                level=level,
                message=message,
                source=source,
                properties=properties,
                place=place,
                span_id=inside.id if inside is not None and inside.is_told else None,
            )
        )

    def _change(self, **parts: Any) -> None:
        change = MetadataChanged(run_id=self._run.run_id, fence=self._run.fence, **parts)
        change.to_json()  # a value that is no JSON raises here, in the user's own call
        self._outbox.change(change)


def _nothing() -> None:
    pass
