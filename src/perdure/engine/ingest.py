"""What other programs have seen of runs, or of anything else, as they send it by OpenTelemetry.

A span or a line belongs to the run that its attribute `perdure.run_id` names, or else to its trace; the trace
of a run shows both.
"""

from __future__ import annotations

from typing import Any

from perdure import wire
from perdure.engine.log_search import FOREIGN
from perdure.engine.logs import storable
from perdure.engine.options import to_text
from perdure.engine.resources import Resources
from perdure.engine.telemetry import Batch, NewLine, NewSpan, Telemetry
from perdure.store import runs, series, spans
from perdure.store.rows import Environment
from perdure.store.series import NewPoint

RUN_ID = "perdure.run_id"
"""The attribute that names a run."""

SOURCE = "otlp"

_MILLISECOND = 1_000_000


class Ingest:
    """Takes in what comes by OpenTelemetry."""

    def __init__(self, resources: Resources, telemetry: Telemetry) -> None:
        """Use these resources, and store it there."""
        self._resources = resources
        self._telemetry = telemetry

    async def take(self, environment: Environment, seen: wire.otlp.Seen) -> int:
        """Store what was seen; return how many spans were over the limit of their trace, and dropped."""
        tasks = await self._tasks(environment, seen)
        batch = Batch(
            lines=[self._line(line, tasks) for line in seen.lines],
            spans=[_span(span, tasks) for span in seen.spans],
        )
        dropped = await self._telemetry.add(environment, batch)
        if seen.points:
            points = [self._point(point) for point in seen.points]
            await self._resources.telemetry.transact(series.add, environment.id, points)
        return dropped

    async def _tasks(self, environment: Environment, seen: wire.otlp.Seen) -> dict[str, str]:
        """Return the tasks of the runs that are named, by run."""
        named = {one.attributes.get(RUN_ID) for one in (*seen.spans, *seen.lines)}
        ids = sorted(storable(name) for name in named if isinstance(name, str))
        found = await self._resources.db.read(runs.of_ids, ids) if ids else []
        return {run.id: run.task for run in found if run.environment == environment.id}

    def _line(self, line: wire.otlp.SeenLine, tasks: dict[str, str]) -> NewLine:
        subject = _subject(line.trace, line.attributes, tasks)
        return NewLine(
            subject=subject,
            task=tasks.get(subject),
            attempt=0,
            time=line.time_ns // _MILLISECOND or self._resources.clock.now(),
            level=line.level,
            source=SOURCE,
            message=storable(line.message),
            properties=_text(line.attributes),
            span=None if line.span is None else spans.to_number(line.span),
        )

    def _point(self, point: wire.otlp.SeenPoint) -> NewPoint:
        return NewPoint(
            name=storable(point.name),
            unit=storable(point.unit),
            attributes=_text(point.attributes) or "{}",
            time=point.time_ns // _MILLISECOND or self._resources.clock.now(),
            value=point.value,
        )


def _span(span: wire.otlp.SeenSpan, tasks: dict[str, str]) -> NewSpan:
    subject = _subject(span.trace, span.attributes, tasks)
    return NewSpan(
        subject=subject,
        task=tasks.get(subject),
        id=spans.to_number(span.id),
        parent=None if span.parent is None else spans.to_number(span.parent),
        attempt=0,
        source=SOURCE,
        name=storable(span.name),
        started_ns=span.started_ns,
        ended_ns=span.ended_ns,
        is_error=int(span.is_error),
        message=None if span.message is None else storable(span.message),
        attributes=_text(span.attributes),
    )


def _subject(trace: str | None, attributes: dict[str, Any], tasks: dict[str, str]) -> str:
    run = attributes.get(RUN_ID)
    return run if isinstance(run, str) and run in tasks else FOREIGN + (trace or "")


def _text(attributes: dict[str, Any]) -> str | None:
    return storable(to_text(attributes)) if attributes else None
