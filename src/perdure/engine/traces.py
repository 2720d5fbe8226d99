"""Traces: the lives of a run and of those it triggered, with what was seen inside them, as one tree."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from perdure.core.errors import NotFound
from perdure.core.traces import MAX_SPANS, USAGE, SpanContext, span_of, span_of_attempt, trace_of
from perdure.engine.lifespans import (
    ATTEMPT,
    LOG,
    MILLISECOND,
    RUN,
    SPAN,
    Checkpoint,
    SpanView,
    life_of,
)
from perdure.engine.log_search import FOREIGN
from perdure.engine.resources import Resources
from perdure.store import logs, spans, subjects, traces
from perdure.store.logs import LogLine
from perdure.store.rows import Environment, Run
from perdure.store.spans import SpanRow
from perdure.store.traces import Family

RUNS = 200
"""The most runs in one trace."""

LINES = 1_000
"""The most log lines of one run in a trace; `runs logs` tells all."""

_LEVELS = {"debug": "DEBUG", "info": "INFO", "warning": "WARN", "error": "ERROR"}


@dataclass(frozen=True, slots=True)
class TraceView:
    """The trace of a run."""

    id: str
    runs: Mapping[str, Run]
    spans: Sequence[SpanView]
    """The first is the run's own; each other is inside one of them."""
    is_cut: bool
    """There is more than is shown, or something was dropped."""
    now: int


class Traces:
    """Puts traces together."""

    def __init__(self, resources: Resources) -> None:
        """Use these resources."""
        self._resources = resources

    async def trace(self, environment: Environment, run: str) -> TraceView:
        """Return the trace of a run and of those it triggered.

        Raises:
            NotFound: there is none of this id in the environment.
        """
        family = await self._resources.db.read(traces.family, environment.id, run, limit=RUNS)
        if family is None:
            raise NotFound(kind="run", name=run)
        id = trace_id(family, family.runs[0])
        lives = [span for row in family.runs for span in life(family, row)]
        seen, is_cut = await self._seen(environment, family, id, lives)
        joined = join(lives, seen)
        return TraceView(
            id=id,
            runs={row.id: row for row in family.runs},
            spans=joined,
            is_cut=is_cut or family.is_cut,
            now=self._resources.clock.now(),
        )

    async def _seen(
        self, environment: Environment, family: Family, trace: str, lives: Sequence[SpanView]
    ) -> tuple[list[SpanView], bool]:
        """Return the spans and lines of the telemetry database, and whether that is not all."""
        telemetry, first = self._resources.telemetry, family.runs[0].id
        names = [row.id for row in family.runs] + [FOREIGN + trace]
        found = await telemetry.read(subjects.find, environment.id, names)
        if not found:
            return [], False
        rows = await telemetry.read(spans.of_subjects, [one.id for one in found], limit=MAX_SPANS)
        add_usage(lives, rows)
        seen = [span_view(row, first) for row in rows if row.name != USAGE]
        is_cut = len(rows) == MAX_SPANS or any(one.spans_dropped for one in found)
        for one in found:
            lines = await telemetry.read(logs.of_run, one.name, after=0, limit=LINES)
            seen += [_line_view(line, first) for line in lines]
            is_cut = is_cut or len(lines) == LINES
        return seen, is_cut


def trace_id(family: Family, run: Run) -> str:
    """Return the id of the trace of a run: its own, its root's, or made of the root's id."""
    root = run.root or run.id
    for id in (run.id, root):
        place = SpanContext.parse(family.traceparents.get(id))
        if place is not None:
            return place.trace
    return trace_of(root)


def life(family: Family, run: Run) -> list[SpanView]:
    """Return the spans of the life of a run."""
    checkpoints = [
        Checkpoint(row.number, row.key, row.attempt, row.created_at)
        for row in family.checkpoints.get(run.id, ())
    ]
    attempts, events = family.attempts.get(run.id, []), family.events.get(run.id, [])
    return life_of(run, events, attempts, checkpoints, _parent(family, run))


def _parent(family: Family, run: Run) -> str | None:
    """Return the span that a run was triggered in: as it says, or the attempt its parent was in."""
    place = SpanContext.parse(family.traceparents.get(run.id))
    if place is not None:
        return place.span
    if run.parent is None:
        return None
    attempts = family.attempts.get(run.parent, [])
    before = [one.number for one in attempts if one.started_at <= run.created_at]
    if not attempts:
        return span_of(run.parent, RUN)
    return span_of_attempt(run.parent, before[-1] if before else attempts[0].number)


def span_view(row: SpanRow, first: str) -> SpanView:
    """Return a span that was sent; one of no known run counts to the first of the trace."""
    return SpanView(
        id=spans.to_text(row.id),
        parent=None if row.parent is None else spans.to_text(row.parent),
        run=first if row.run.startswith(FOREIGN) else row.run,
        kind=SPAN,
        name=row.name,
        started_ns=row.started_ns,
        ended_ns=row.ended_ns,
        is_error=bool(row.is_error),
        is_partial=row.ended_ns is None,
        attempt=row.attempt or None,
        error=row.message,
        properties=json.loads(row.attributes) if row.attributes else {},
        place=row.place,
    )


def _line_view(line: LogLine, first: str) -> SpanView:
    run = first if line.run.startswith(FOREIGN) else line.run
    inside = span_of_attempt(run, line.attempt) if line.attempt else None
    properties: dict[str, Any] = json.loads(line.properties) if line.properties else {}
    return SpanView(
        id=span_of(line.run, LOG, line.line),
        parent=spans.to_text(line.span) if line.span is not None else inside,
        run=run,
        kind=LOG,
        name=line.message,
        started_ns=line.time * MILLISECOND,
        ended_ns=line.time * MILLISECOND,
        level=_LEVELS[line.level],
        attempt=line.attempt or None,
        properties=properties | {"source": line.source},
        place=line.place,
    )


def join(lives: Sequence[SpanView], seen: Iterable[SpanView]) -> list[SpanView]:
    """Return all spans, each of which but the first is inside another.

    One whose parent is not there is put into its attempt, or its run.  One that never ended ends with its
    attempt, and stays marked as partial.
    """
    whole = {span.id: span for span in seen} | {span.id: span for span in lives}
    first = lives[0]
    end_with_attempts(lives, whole.values())
    for span in whole.values():
        if span is first:
            continue
        if span.parent not in whole or span.parent == span.id:
            attempt = span_of_attempt(span.run, span.attempt) if span.attempt else ""
            own_run = span_of(span.run, RUN)
            span.parent = attempt if attempt in whole and attempt != span.id else own_run
    _cut_circles(whole, first)
    rest = [span for span in whole.values() if span is not first]
    return [first, *sorted(rest, key=lambda span: span.started_ns)]


def add_usage(lives: Iterable[SpanView], rows: Iterable[SpanRow]) -> None:
    """Put what attempts used of their machines to them; of one in parts, times add up and peaks count."""
    attempts = {(span.run, span.attempt): span for span in lives if span.kind == ATTEMPT}
    for row in rows:
        attempt = attempts.get((row.run, row.attempt))
        if row.name != USAGE or attempt is None or row.attributes is None:
            continue
        for name, value in json.loads(row.attributes).items():
            known = attempt.properties.get(name, 0)
            attempt.properties[name] = known + value if name.endswith("seconds") else max(known, value)


def end_with_attempts(lives: Iterable[SpanView], seen: Iterable[SpanView]) -> None:
    """End spans that nobody heard the end of when their attempts, or runs, have ended."""
    ends = {
        (span.run, span.attempt): span.ended_ns
        for span in lives
        if span.kind in (ATTEMPT, RUN) and span.ended_ns is not None
    }
    for span in seen:
        if span.kind == SPAN and span.ended_ns is None:
            ended = ends.get((span.run, span.attempt), ends.get((span.run, None)))
            span.ended_ns = None if ended is None else max(ended, span.started_ns)


def _cut_circles(whole: Mapping[str, SpanView], first: SpanView) -> None:
    """Put spans that are inside each other, as nobody but a defect can send them, into the first."""
    safe = {first.id}
    for span in whole.values():
        path: list[SpanView] = []
        on_path: set[str] = set()
        while span.id not in safe and span.id not in on_path:
            path.append(span)
            on_path.add(span.id)
            span = whole.get(span.parent or "", first)
        if span.id in on_path:
            span.parent = first.id
        safe.update(on_path)
