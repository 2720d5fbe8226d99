"""The spans of one attempt, on their way to the server; what is too large or too many is cut, with a mark."""

import threading
import time

from perdure.core.clock import Clock
from perdure.core.traces import MAX_SPANS, MAX_VALUE, SpanContext, span_of_attempt, trace_of
from perdure.sdk.span import Span
from perdure.wire.attributes import cut, plain
from perdure.wire.telemetry import SpanRecord
from perdure.wire.workers import Assignment
from perdure.worker.outbox import Outbox

_MILLISECOND = 1_000_000


class Spans:
    """Takes the spans of an attempt; may be called from any thread."""

    def __init__(self, run: Assignment, outbox: Outbox, clock: Clock, limit: int = MAX_SPANS) -> None:
        """Take the spans of an attempt.

        Args:
            run: the attempt.
            outbox: where they go.
            clock: what tells the moment at which the attempt begins; from there on a clock counts that
                knows nanoseconds and never goes back.
            limit: how many there may be.
        """
        trace = run.trace_id or trace_of(run.root_run_id or run.run_id)
        #: the trace of the run, and the span of its attempt
        self.context = SpanContext(trace, span_of_attempt(run.run_id, run.attempt))
        #: the attempt
        self.run = run
        #: how many were dropped
        self.dropped = 0
        self._outbox = outbox
        self._limit = limit
        self._count = 0
        self._turn = threading.Lock()
        self._began = clock.now() * _MILLISECOND - time.perf_counter_ns()

    def now_ns(self) -> int:
        """Return the moment in nanoseconds since 1970."""
        return self._began + time.perf_counter_ns()

    def take(self, span: Span) -> None:
        """Send a span as it is now."""
        if not span.is_told and not span.is_dropped and span.ended_ns is None:
            span.is_dropped = not self._admits()
        if span.is_dropped:
            return
        is_new, span.is_told = not span.is_told, True
        self.send(
            SpanRecord(
                run_id=self.run.run_id,
                attempt=self.run.attempt,
                id=span.id,
                parent_id=span.outer.id if span.outer is not None else self.context.span,
                name=cut(span.name, 1_000),
                started_ns=span.started_ns,
                ended_ns=span.ended_ns,
                is_error=span.error is not None,
                message=None if span.error is None else cut(span.error, MAX_VALUE),
                attributes=plain(span.attributes),
                place=span.place,
                is_new=is_new,
            )
        )

    def add(self, record: SpanRecord) -> None:
        """Send a span of another library that is over, if there is room for one more."""
        if self._admits():
            self.send(record)

    def send(self, record: SpanRecord) -> None:
        """Send what somebody else has made a record of."""
        self._outbox.span(record)

    def _admits(self) -> bool:
        with self._turn:
            if self._count < self._limit:
                self._count += 1
                return True
            self.dropped += 1
            return False
