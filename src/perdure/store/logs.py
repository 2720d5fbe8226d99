"""Log lines, in the telemetry database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from perdure.store.database import Tx


class LogLine(NamedTuple):
    """One line; `properties` is a JSON object, and `run` the name of its subject."""

    run: str
    number: int
    """Within the environment: 1, 2, 3, … in the order of the commits."""
    line: int
    """Within the run."""
    attempt: int
    time: int
    level: str
    source: str
    message: str
    properties: str | None
    place: str | None = None
    span: int | None = None
    task: str | None = None


@dataclass(frozen=True, slots=True)
class Filters:
    """Which lines to find; None is no filter."""

    #: part of the message; letters of ASCII in either case
    text: str | None = None
    levels: Sequence[str] | None = None
    task: str | None = None


Place = tuple[int, int]
"""The time and the number of a line; where a search goes on."""


async def insert(tx: Tx, lines: Sequence[Mapping[str, object]]) -> None:
    """Store log lines that have their numbers."""
    await tx.run("insert_log_lines", lines=lines)


async def of_run(tx: Tx, run: str, *, after: int, limit: int) -> list[LogLine]:
    """Return a run's lines after the one of a number, in their order."""
    return [LogLine._make(row) for row in await tx.all("log_lines", run=run, after=after, limit=limit)]


async def search(
    tx: Tx, feed: int, filters: Filters, *, since: int, before: Place, limit: int, scan: int
) -> tuple[list[LogLine], Place | None]:
    """Return lines of an environment, newest first, and where to go on if not all were looked at.

    Args:
        tx: the transaction.
        feed: of the environment.
        filters: which lines.
        since: only lines of this moment or later.
        before: only lines before this place.
        limit: the most to return.
        scan: the most to look at.
    """
    where = {"feed": feed, "since": since, "time": before[0], "number": before[1]}
    rows = await tx.all("search_log_lines", **where, **_filters(filters), scan=scan, limit=limit)
    found = [LogLine._make(row) for row in rows]
    if len(found) == limit:
        return found, (found[-1].time, found[-1].number)
    end = await tx.maybe("end_of_scan", **where, scan=scan)
    return found, (end["time"], end["number"]) if end else None


async def search_run(
    tx: Tx, subject: int, filters: Filters, *, since: int, before: Place, limit: int, scan: int
) -> tuple[list[LogLine], Place | None]:
    """Return lines of one subject, as `search` does."""
    where = {"subject": subject, "since": since, "time": before[0], "number": before[1]}
    rows = await tx.all("search_log_lines_of_run", **where, **_filters(filters), scan=scan, limit=limit)
    found = [LogLine._make(row) for row in rows]
    return found, (found[-1].time, found[-1].number) if len(found) == limit else None


async def new(
    tx: Tx, feed: int, filters: Filters, *, after: int, upto: int, run: str | None
) -> list[LogLine]:
    """Return the lines of an environment from after one number up to another, in the order they came."""
    rows = await tx.all("new_log_lines", feed=feed, after=after, upto=upto, run=run, **_filters(filters))
    return [LogLine._make(row) for row in rows]


def _filters(filters: Filters) -> dict[str, object]:
    text = filters.text
    if text is not None:
        for special in ("\\", "%", "_"):
            text = text.replace(special, "\\" + special)
        text = f"%{text}%"
    return {
        "text": text,
        "task": filters.task,
        "levels": filters.levels or [],
        "any_level": int(filters.levels is None),
    }
