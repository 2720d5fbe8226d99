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
from perdure.store import history, logs, runs
from perdure.store.database import Tx
from perdure.store.logs import LogLine
from perdure.store.rows import Environment, Run, RunEvent
from perdure.wire.runs import Event, Events
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


def channel_of_log(run: str) -> str:
    """Return the channel that is hinted, in this process, when a run has new log lines."""
    return f"log:{run}"


class Logs:
    """Stores log lines and tells what happened in a run."""

    def __init__(self, resources: Resources) -> None:
        """Use these resources."""
        self._resources = resources

    async def append(self, environment: Environment, command: SendLogs) -> None:
        """Store log lines of runs of an environment; lines of other runs are dropped."""
        ids = sorted({line.run_id for line in command.lines})
        found = await self._resources.db.read(runs.of_ids, ids) if ids else []
        known = {run.id for run in found if run.environment == environment.id}
        lines = [_row(line) for line in command.lines if line.run_id in known]
        if lines:
            await self._resources.telemetry.transact(logs.append, lines)
            self._resources.db.hints.deliver(frozenset(channel_of_log(run) for run in known))

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
    first = [] if skip else [RunEvent(0, run, row.created_at, TRIGGERED, None, None)]
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
            lines_read = entry.number
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
    )


def _row(line: SentLine) -> LogLine:
    return LogLine(
        run=line.run_id,
        number=0,
        attempt=line.attempt,
        time=from_datetime(line.time),
        level=line.level,
        source=line.source,
        message=_storable(line.message),
        properties=None if line.properties is None else to_text(line.properties),
    )


def _storable(text: str) -> str:
    """Return a text any database takes: what a program prints may hold NULs and half surrogate pairs."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
