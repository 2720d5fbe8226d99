"""What is exported to an OpenTelemetry collector: spans that are over, and log lines, with the ids shown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from perdure import wire
from perdure.core.traces import MAX_SPANS, USAGE, span_of_attempt
from perdure.engine.ingest import SOURCE
from perdure.engine.lifespans import MILLISECOND, RUN, SpanView
from perdure.engine.resources import Resources
from perdure.engine.telemetry import Batch, NewLine, NewSpan
from perdure.engine.traces import add_usage, end_with_attempts, life, span_view, trace_id
from perdure.store import catalog, runs, spans, subjects, traces
from perdure.store.database import Tx
from perdure.store.rows import Environment, Run
from perdure.store.spans import SpanRow

KNOWN = 10_000
"""The most runs whose traces are remembered."""

Group = tuple[Mapping[str, Any], Sequence[Any]]
"""What is said of an environment, and what was seen in it."""


@dataclass(slots=True)
class Outgoing:
    """What is to be sent, by environment."""

    spans: list[Group] = field(default_factory=list)
    lines: list[Group] = field(default_factory=list)


class Exporting:
    """Makes what is sent of what was seen."""

    def __init__(self, resources: Resources) -> None:
        """Use these resources."""
        self._resources = resources
        self._traces: dict[str, str] = {}

    async def of_batch(self, environment: Environment, batch: Batch) -> Outgoing:
        """Return what is sent of a batch that was stored; what came by OpenTelemetry stays here."""
        ours = [one for one in batch.spans if one.source != SOURCE and one.name != USAGE]
        ended = [one for one in ours if one.ended_ns is not None]
        lines = [line for line in batch.lines if line.source != SOURCE]
        ids = await self._traces_of({one.subject for one in (*ended, *lines)})
        resource = _resource(environment)
        sent = [_span(span, ids[span.subject]) for span in ended if span.subject in ids]
        told = [_line(line, ids[line.subject]) for line in lines if line.subject in ids]
        return Outgoing([(resource, sent)] if sent else [], [(resource, told)] if told else [])

    async def of_runs(self, ids: Sequence[str]) -> Outgoing:
        """Return the lives of runs that have ended, and those of their spans that never did."""
        family, environments = await self._resources.db.read(_ended, ids)
        grouped: dict[str, list[wire.otlp.OutSpan]] = {}
        for row in family.runs:
            lives = life(family, row)
            rows = await self._left(environments[row.environment], row)
            add_usage(lives, rows)
            left = [span_view(one, row.id) for one in rows if one.name != USAGE]
            end_with_attempts(lives, left)
            trace = trace_id(family, row)
            over = [_view(span, row, trace) for span in (*lives, *left) if span.ended_ns is not None]
            grouped.setdefault(row.environment, []).extend(over)
        return Outgoing([(_resource(environments[id]), found) for id, found in grouped.items()])

    async def _left(self, environment: Environment, run: Run) -> list[SpanRow]:
        """Return the spans of a run that never ended, and what its attempts used of their machines."""
        telemetry = self._resources.telemetry
        found = await telemetry.read(subjects.find, environment.id, [run.id])
        if not found:
            return []
        return await telemetry.read(spans.unsent, [one.id for one in found], limit=MAX_SPANS)

    async def _traces_of(self, names: set[str]) -> dict[str, str]:
        """Return the ids of the traces that runs belong to, by run."""
        unknown = sorted(names - self._traces.keys())
        if unknown:
            if len(self._traces) + len(unknown) > KNOWN:
                self._traces = {}
                unknown = sorted(names)
            family = await self._resources.db.read(_family, unknown)
            self._traces |= {row.id: trace_id(family, row) for row in family.runs}
        return {name: self._traces[name] for name in names if name in self._traces}


async def _family(tx: Tx, ids: Sequence[str]) -> traces.Family:
    return await traces.places(tx, await runs.of_ids(tx, ids))


async def _ended(tx: Tx, ids: Sequence[str]) -> tuple[traces.Family, dict[str, Environment]]:
    found = [row for row in await runs.of_ids(tx, ids) if row.finished_at is not None]
    environments = {row.environment for row in found}
    known = [await catalog.of_id(tx, id) for id in sorted(environments)]
    return await traces.lives(tx, found), {one.id: one for one in known if one is not None}


def _resource(environment: Environment) -> dict[str, Any]:
    return {
        "service.name": environment.project,
        "deployment.environment.name": environment.slug,
        "perdure.environment_id": environment.id,
    }


def _span(span: NewSpan, trace: str) -> wire.otlp.OutSpan:
    assert span.ended_ns is not None
    given = json.loads(span.attributes) if span.attributes else {}
    ours = {"perdure.run_id": span.subject, "perdure.task": span.task, "perdure.attempt": span.attempt}
    return wire.otlp.OutSpan(
        trace=trace,
        id=spans.to_text(span.id),
        parent=span_of_attempt(span.subject, span.attempt)
        if span.parent is None
        else spans.to_text(span.parent),
        name=span.name,
        started_ns=span.started_ns,
        ended_ns=span.ended_ns,
        is_error=bool(span.is_error),
        message=span.message,
        attributes={**given, **ours, **_code(span.place)},
    )


def _view(span: SpanView, run: Run, trace: str) -> wire.otlp.OutSpan:
    assert span.ended_ns is not None
    ours = {
        "perdure.run_id": run.id,
        "perdure.task": run.task,
        "perdure.attempt": span.attempt,
        "perdure.kind": span.kind,
        "perdure.partial": True if span.is_partial else None,
    }
    own = {f"perdure.{name}": value for name, value in span.properties.items()} if span.kind != "span" else {}
    return wire.otlp.OutSpan(
        trace=trace,
        id=span.id,
        parent=span.parent,
        name=span.name,
        started_ns=span.started_ns,
        ended_ns=span.ended_ns,
        is_error=span.is_error,
        message=span.error,
        attributes={**(own or span.properties), **ours, **_code(span.place)},
        is_consumer=span.kind == RUN,
    )


def _line(line: NewLine, trace: str) -> wire.otlp.OutLine:
    given = json.loads(line.properties) if line.properties else {}
    ours = {
        "perdure.run_id": line.subject,
        "perdure.task": line.task,
        "perdure.attempt": line.attempt,
        "perdure.source": line.source,
    }
    inside = spans.to_text(line.span) if line.span is not None else None
    return wire.otlp.OutLine(
        trace=trace,
        span=inside or (span_of_attempt(line.subject, line.attempt) if line.attempt else None),
        time_ns=line.time * MILLISECOND,
        level=line.level,
        message=line.message,
        attributes={**given, **ours, **_code(line.place)},
    )


def _code(place: str | None) -> dict[str, Any]:
    """Return where in the code that is, as OpenTelemetry's conventions name it."""
    file, _, line = (place or "").rpartition(":")
    return {"code.file.path": file, "code.line.number": int(line)} if file and line.isdecimal() else {}
