"""What runs say while they run: log lines, and the events that tell their life."""

import heapq
import json
from collections.abc import Sequence

from perdure.core.clock import from_datetime, to_datetime
from perdure.core.errors import NotFound
from perdure.engine.moves import channel_of_run
from perdure.engine.news import look_until
from perdure.engine.options import to_text
from perdure.engine.resources import Resources
from perdure.engine.telemetry import Batch, NewLine, NewSpan, Telemetry, channel_of_log
from perdure.store import history, logs, runs, spans
from perdure.store.database import Tx
from perdure.store.logs import LogLine
from perdure.store.rows import Environment, Run, RunEvent
from perdure.wire.runs import Event, Events
from perdure.wire.telemetry import SpanRecord
from perdure.wire.workers import LogLine as SentLine
from perdure.wire.workers import SendLogs

BATCH = 1_000
"""The most events, and the most log lines, in one answer."""

LOG_LOOK_MS = 1_000
"""Who waits for log lines looks this often for those that another server stored."""

TRIGGERED = "triggered"
"""The kind of a run's first event; no row is stored for it, since the run's own says when."""

LATE_MS = 1_000
"""Log lines may come this long after the end of their run: workers send them beside their reports."""

_LINES = 1 << 33
"""An event's sequence is the number of changes of status up to it, times this, plus that of log lines.

It is what a reader hands back to get what comes after.  The two are counted apart because they stand in
two databases: a line that arrives late is still new to whoever read what happened meanwhile.  Both fit into
the 53 bits that JavaScript counts exactly.
"""


class Logs:
    """Takes what workers see of runs, and tells what happened in one."""

    def __init__(self, resources: Resources, telemetry: Telemetry) -> None:
        """Use these resources, and store it there."""
        self._resources = resources
        self._telemetry = telemetry

    async def append(self, environment: Environment, command: SendLogs) -> None:
        """Store log lines and spans of runs of an environment; those of other runs are dropped."""
        ids = sorted({item.run_id for item in (*command.lines, *command.spans)})
        found = await self._resources.db.read(runs.of_ids, ids) if ids else []
        tasks = {run.id: run.task for run in found if run.environment == environment.id}
        batch = Batch(
            lines=[
                _line_to_store(line, tasks[line.run_id]) for line in command.lines if line.run_id in tasks
            ],
            spans=[
                _span_to_store(span, tasks[span.run_id]) for span in command.spans if span.run_id in tasks
            ],
            dropped=command.dropped,
        )
        await self._telemetry.add(environment, batch)

    async def events(self, environment: Environment, run: str, *, after: int, wait: float) -> Events:
        """Return what happened in a run, in order, its log lines included.

        Args:
            environment: where.
            run: which.
            after: the sequence of the last event that was read; 0 for all.
            wait: how long to wait if there is nothing new, in seconds.

        Raises:
            NotFound: there is none of this id in the environment.
        """
        return await look_until(
            self._resources.db.hints,
            [channel_of_run(run), channel_of_log(run)],
            lambda: self._events(environment, run, after),
            lambda events: events.events or events.done,
            wait=wait,
            every_ms=LOG_LOOK_MS,
        )

    async def _events(self, environment: Environment, run: str, after: int) -> Events:
        changes_read, lines_read = divmod(after, _LINES)
        row, changes = await self._resources.db.read(_changes, environment.id, run, changes_read)
        lines = await self._resources.telemetry.read(logs.of_run, run, after=lines_read, limit=BATCH)
        is_all = len(changes) < BATCH and len(lines) < BATCH
        ended_at = row.finished_at
        is_settled = ended_at is not None and ended_at + LATE_MS <= self._resources.clock.now()
        events = _merge(changes, lines, changes_read, lines_read)
        return Events(events=events, done=is_all and is_settled)


async def _changes(tx: Tx, environment: str, run: str, skip: int) -> tuple[Run, list[RunEvent]]:
    row = await runs.find(tx, environment, run)
    if row is None:
        raise NotFound(kind="run", name=run)
    first = [] if skip else [RunEvent(run, 0, row.created_at, TRIGGERED, None, None)]
    return row, first + await history.events_of(tx, run, skip=max(0, skip - 1), limit=BATCH - len(first))


def _merge(
    changes: Sequence[RunEvent], lines: Sequence[LogLine], changes_read: int, lines_read: int
) -> list[Event]:
    """Put both into the order of their times, neither out of its own; at one moment, changes come first.

    Where one of them goes on after this batch, the other is told no further.
    """
    events: list[Event] = []
    ends = [some[-1] for some in (changes, lines) if len(some) == BATCH]
    for entry in heapq.merge(changes, lines, key=lambda entry: entry.time):
        if isinstance(entry, LogLine):
            lines_read = entry.line
            events.append(_line(entry, changes_read * _LINES + lines_read))
        else:
            changes_read += 1
            events.append(_change(entry, changes_read * _LINES + lines_read))
        if any(entry is end for end in ends):
            break
    return events


def _change(change: RunEvent, sequence: int) -> Event:
    return Event(
        sequence=sequence,
        time=to_datetime(change.time),
        kind=change.kind,
        message=change.message or change.kind,
        attempt=change.attempt,
    )


def _line(line: LogLine, sequence: int) -> Event:
    return Event(
        sequence=sequence,
        time=to_datetime(line.time),
        kind="log",
        level=line.level,  # type: ignore[arg-type]
        message=line.message,
        attempt=line.attempt,
        source=line.source,
        properties=json.loads(line.properties) if line.properties else None,
        place=line.place,
        span_id=None if line.span is None else spans.to_text(line.span),
    )


def _line_to_store(line: SentLine, task: str) -> NewLine:
    return NewLine(
        subject=line.run_id,
        task=task,
        attempt=line.attempt,
        time=from_datetime(line.time),
        level=line.level,
        source=line.source,
        message=storable(line.message),
        properties=None if line.properties is None else to_text(line.properties),
        place=None if line.place is None else storable(line.place),
        span=None if line.span_id is None else spans.to_number(line.span_id),
    )


def _span_to_store(span: SpanRecord, task: str) -> NewSpan:
    return NewSpan(
        subject=span.run_id,
        task=task,
        id=spans.to_number(span.id),
        parent=None if span.parent_id is None else spans.to_number(span.parent_id),
        attempt=span.attempt,
        source="span",
        name=storable(span.name),
        started_ns=span.started_ns,
        ended_ns=span.ended_ns,
        is_error=int(span.is_error),
        message=None if span.message is None else storable(span.message),
        attributes=None if span.attributes is None else to_text(span.attributes),
        place=None if span.place is None else storable(span.place),
        is_new=span.is_new,
    )


def storable(text: str) -> str:
    """Return a text any database takes: what a program prints may hold NULs and half surrogate pairs."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
