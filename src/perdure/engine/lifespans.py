"""What Perdure itself tells of a run's life as spans: made of its events, when somebody asks.

    run
    ├── delayed, queued                    until a worker takes it
    ├── attempt 1                          from its start to its end, waits included
    │   ├── waits for token waitpoint_…    parked or in memory
    │   ├── queued, starting               once that is there
    │   └── checkpoint order-fetched
    ├── waits to be tried again
    └── attempt 2 …

Nothing is stored for this, so it costs what runs nothing; the ids are made of the run's (`core.traces`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from perdure.core.lifecycle import FAILURES, On, Status
from perdure.core.traces import span_of, span_of_attempt
from perdure.store.rows import Attempt, Run, RunEvent

MILLISECOND = 1_000_000

RUN, DELAY, QUEUE, START = "run", "delay", "queue", "start"
ATTEMPT, WAIT, RETRY, CHECKPOINT = "attempt", "wait", "retry", "checkpoint"
LOG, SPAN = "log", "span"
"""The kinds of spans."""

_FINAL = frozenset({On.SUCCEED, On.FAIL, On.CRASH, On.BREAK, On.TIME_OUT, On.EXPIRE, On.CANCEL})
_FAILED = _FINAL - {On.SUCCEED, On.CANCEL} | {On.RETRY}
_IN_LINE = "queued"


@dataclass(slots=True, kw_only=True)
class SpanView:
    """A span of a trace; times in nanoseconds since 1970."""

    id: str
    parent: str | None
    run: str
    kind: str
    name: str
    started_ns: int
    ended_ns: int | None = None
    is_error: bool = False
    is_partial: bool = False
    is_canceled: bool = False
    level: str = "TRACE"
    attempt: int | None = None
    #: what a failed one failed by
    error: str | None = None
    properties: dict[str, Any] = field(default_factory=dict)
    place: str | None = None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A state that a run stored under a key."""

    number: int
    key: str
    attempt: int
    created_at: int


class Life:
    """Follows a run through its events, and keeps the spans of its life."""

    def __init__(self, run: Run, attempts: Sequence[Attempt], parent: str | None) -> None:
        """Begin with a run that was triggered.

        Args:
            run: its row.
            attempts: those it had.
            parent: the span that it was triggered in, if there is one.
        """
        self.spans: list[SpanView] = []
        self._row = run
        self._attempts: Mapping[int, Attempt] = {attempt.number: attempt for attempt in attempts}
        self._attempt: SpanView | None = None
        self._phase: SpanView | None = None
        self._number = 0
        self._run = self._add(RUN, run.task, run.created_at, parent=parent)
        self._run.id = span_of(run.id, RUN)
        self._begin(*self._beginning(), run.created_at)

    def _beginning(self) -> tuple[str, str]:
        run = self._row
        if run.delayed_until is not None:
            return DELAY, "delayed"
        return QUEUE, _IN_LINE

    def tell(self, event: RunEvent) -> None:
        """Go on by an event."""
        on = On(event.kind)
        self._number += 1
        if on in _FINAL:
            self._end_all(event, on)
        elif on is not On.RESCHEDULE:
            _TELL[on](self, event)

    def close(self, checkpoints: Iterable[Checkpoint]) -> list[SpanView]:
        """Return the spans; those that are still open have no end."""
        for one in checkpoints:
            attempt = span_of_attempt(self._row.id, one.attempt)
            name = f"checkpoint {one.key}"
            span = self._add(CHECKPOINT, name, one.created_at, parent=attempt, number=one.number)
            span.ended_ns, span.attempt = span.started_ns, one.attempt
        for span in self.spans:
            span.is_partial = span.ended_ns is None
        return self.spans

    def _lined_up(self, event: RunEvent) -> None:
        self._begin(QUEUE, _IN_LINE, event.time)

    def _claimed(self, event: RunEvent) -> None:
        self._begin(START, "starting", event.time)

    def _started(self, event: RunEvent) -> None:
        number = event.attempt or 1
        attempt = self._attempts.get(number)
        if self._attempt is None or self._attempt.attempt != number:
            began = min(attempt.started_at if attempt else event.time, event.time)
            self._end_phase(began)
            self._attempt = self._add(ATTEMPT, f"attempt {number}", began, parent=self._run.id)
            self._attempt.id, self._attempt.attempt = span_of_attempt(self._row.id, number), number
            if attempt is not None:
                self._attempt.properties = {"version": attempt.version, "worker": attempt.worker}
        else:
            self._end_phase(event.time)

    def _waits(self, event: RunEvent) -> None:
        self._begin(WAIT, event.message or "waits", event.time)

    def _woken(self, event: RunEvent) -> None:
        self._end_phase(event.time)

    def _released(self, event: RunEvent) -> None:
        attempt = self._attempt and self._attempts.get(self._attempt.attempt or 0)
        if attempt is not None and attempt.finished_at is not None:
            self._end_attempt(event)
        self._begin(QUEUE, _IN_LINE, event.time)

    def _retried(self, event: RunEvent) -> None:
        self._end_phase(event.time)
        self._end_attempt(event, is_error=True)
        self._begin(RETRY, "waits to be tried again", event.time)

    def _end_all(self, event: RunEvent, on: On) -> None:
        self._end_phase(event.time)
        is_error, is_canceled = on in _FAILED, on is On.CANCEL
        self._end_attempt(event, is_error=is_error, is_canceled=is_canceled)
        self._run.ended_ns = event.time * MILLISECOND
        self._run.is_error, self._run.is_canceled = is_error, is_canceled
        self._run.error = event.message if is_error else None

    def _begin(self, kind: str, name: str, at: int) -> None:
        """Begin a phase of the attempt under way, or of the run between two."""
        self._end_phase(at)
        parent = self._attempt or self._run
        self._phase = self._add(kind, name, at, parent=parent.id)
        self._phase.attempt = parent.attempt

    def _end_phase(self, at: int) -> None:
        if self._phase is not None:
            self._phase.ended_ns = max(at * MILLISECOND, self._phase.started_ns)
            self._phase = None

    def _end_attempt(self, event: RunEvent, *, is_error: bool = False, is_canceled: bool = False) -> None:
        if self._attempt is None:
            return
        self._attempt.ended_ns = max(event.time * MILLISECOND, self._attempt.started_ns)
        self._attempt.is_error, self._attempt.is_canceled = is_error, is_canceled
        self._attempt.error = event.message
        self._attempt = None

    def _add(
        self, kind: str, name: str, at: int, *, parent: str | None, number: int | None = None
    ) -> SpanView:
        number = self._number if number is None else number
        run = self._row.id
        id = span_of(run, kind, number)
        span = SpanView(id=id, parent=parent, run=run, kind=kind, name=name, started_ns=at * MILLISECOND)
        self.spans.append(span)
        return span


_TELL = {
    On.KNOW: Life._lined_up,
    On.DUE: Life._lined_up,
    On.CLAIM: Life._claimed,
    On.START: Life._started,
    On.WAIT: Life._waits,
    On.RESUME: Life._lined_up,
    On.WAKE: Life._woken,
    On.RELEASE: Life._released,
    On.RETRY: Life._retried,
}


def life_of(
    run: Run,
    events: Iterable[RunEvent],
    attempts: Sequence[Attempt],
    checkpoints: Iterable[Checkpoint],
    parent: str | None,
) -> list[SpanView]:
    """Return the spans of a run's life, the run's own first.

    Args:
        run: its row.
        events: all that happened to it, in order.
        attempts: those it had.
        checkpoints: those it stored.
        parent: the span that it was triggered in, if there is one.
    """
    life = Life(run, attempts, parent)
    for event in events:
        life.tell(event)
    spans = life.close(checkpoints)
    # Its events may have been forgotten, or not be told yet; its row knows.
    first = spans[0]
    if run.finished_at is not None and first.ended_ns is None:
        first.ended_ns, first.is_partial = run.finished_at * MILLISECOND, False
        first.is_error = Status(run.status) in FAILURES
        first.is_canceled = run.status == Status.CANCELED
    first.properties = {"status": run.status, "version": run.version, "queue": run.queue}
    return spans
