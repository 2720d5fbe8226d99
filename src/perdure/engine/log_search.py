"""The log lines of an environment: searched, newest first, or read as they come."""

import json
from collections.abc import Sequence

from perdure.core.clock import from_datetime, to_datetime
from perdure.core.errors import BadOption
from perdure.core.ids import END
from perdure.engine.news import look_until
from perdure.engine.resources import Resources
from perdure.engine.telemetry import channel_of_logs
from perdure.store import logs, spans, subjects
from perdure.store.logs import Filters, LogLine, Place
from perdure.store.rows import Environment
from perdure.wire.telemetry import FoundLine, LogFilter, LogPage, LogQuery, LogTail, TailQuery
from perdure.wire.values import CursorPage

SCAN = 20_000
"""The most lines that one request looks at; what is rarer is found by going on."""

SCAN_OF_RUN = 1_000_000
"""The same of one run, which has not many more."""

LOOK_MS = 1_000
"""Who waits for lines looks this often for those that another server stored."""

LEVELS = ("debug", "info", "warning", "error")

FOREIGN = "trace_"
"""What the name of a trace begins with that belongs to no run that is known."""


class LogSearch:
    """Finds log lines."""

    def __init__(self, resources: Resources) -> None:
        """Use these resources."""
        self._resources = resources

    async def search(self, environment: Environment, query: LogQuery) -> LogPage:
        """Return a page of log lines, newest first.

        Raises:
            BadOption: there is no such level, or the cursor is none.
        """
        telemetry, filters = self._resources.telemetry, _filters(query)
        feed = await telemetry.read(subjects.feed, environment.id)
        subject = await self._subject(environment, query.run) if query.run else None
        if feed is None or (query.run and subject is None):
            return LogPage(data=[])
        since = from_datetime(query.from_) if query.from_ else 0
        before = _place(query.after) if query.after else _end(query)
        bounds = {"since": since, "before": before, "limit": query.size}
        if subject is not None:
            found, more = await telemetry.read(logs.search_run, subject, filters, scan=SCAN_OF_RUN, **bounds)
        else:
            found, more = await telemetry.read(logs.search, feed.id, filters, scan=SCAN, **bounds)
        cursor = f"{more[0]}_{more[1]}" if more else None
        return LogPage(data=_shown(found), pagination=CursorPage(next=cursor))

    async def tail(self, environment: Environment, query: TailQuery) -> LogTail:
        """Return the lines that came after a cursor, in the order they came; wait if there are none.

        Raises:
            BadOption: there is no such level.
        """
        if query.after is None:
            feed = await self._resources.telemetry.read(subjects.feed, environment.id)
            return LogTail(cursor=feed.lines if feed else 0)
        cursor = query.after

        async def look() -> LogTail:
            nonlocal cursor
            told = await self._new(environment, query, cursor)
            cursor = told.cursor  # what was looked at and does not fit is not looked at again
            return told

        return await look_until(
            self._resources.db.hints,
            [channel_of_logs(environment.id)],
            look,
            lambda told: told.data,
            wait=query.wait,
            every_ms=LOOK_MS,
        )

    async def _new(self, environment: Environment, query: TailQuery, after: int) -> LogTail:
        telemetry, filters = self._resources.telemetry, _filters(query)
        feed = await telemetry.read(subjects.feed, environment.id)
        while feed is not None and after < feed.lines:
            upto = min(after + SCAN, feed.lines)
            found = await telemetry.read(logs.new, feed.id, filters, after=after, upto=upto, run=query.run)
            after = upto
            if found:
                return LogTail(data=_shown(found), cursor=after)
        return LogTail(cursor=after)

    async def _subject(self, environment: Environment, run: str) -> int | None:
        found = await self._resources.telemetry.read(subjects.find, environment.id, [run])
        return found[0].id if found else None


def _filters(query: LogFilter) -> Filters:
    levels = [level.strip().lower() for level in query.level.split(",")] if query.level else None
    for level in levels or ():
        if level not in LEVELS:
            raise BadOption(option="level", value=level, expected=", ".join(LEVELS))
    return Filters(text=query.text or None, levels=levels, task=query.task)


def _end(query: LogQuery) -> Place:
    """Return the place after the last line that is asked for."""
    return (from_datetime(query.to) + 1 if query.to else END), 0


def _place(cursor: str) -> Place:
    time, _, number = cursor.partition("_")
    if not (time.isdecimal() and number.isdecimal() and len(cursor) < 32):
        raise BadOption(option="page[after]", value=cursor, expected="the `next` of another page")
    return int(time), int(number)


def _shown(found: Sequence[LogLine]) -> list[FoundLine]:
    return [_line(line) for line in found]


def _line(line: LogLine) -> FoundLine:
    is_foreign = line.run.startswith(FOREIGN)
    return FoundLine(
        time=to_datetime(line.time),
        level=line.level,  # type: ignore[arg-type]
        message=line.message,
        source=line.source,
        run_id=None if is_foreign else line.run,
        trace_id=line.run.removeprefix(FOREIGN) or None if is_foreign else None,
        task=line.task,
        attempt=line.attempt or None,
        properties=json.loads(line.properties) if line.properties else None,
        place=line.place,
        span_id=None if line.span is None else spans.to_text(line.span),
    )
