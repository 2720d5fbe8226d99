"""Log lines, in the telemetry database."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from perdure.core.ids import first_id
from perdure.store.database import Tx


class LogLine(NamedTuple):
    """One line of a run's log; `properties` is a JSON object.

    Lines of one run are numbered from 1, in the order in which they are stored.
    """

    run: str
    number: int
    attempt: int
    time: int
    level: str
    source: str
    message: str
    properties: str | None


@dataclass(frozen=True, slots=True)
class Log:
    """How many lines a run has, and when the last was written."""

    run: str
    lines: int
    last_at: int


async def append(tx: Tx, lines: Sequence[LogLine]) -> None:
    """Store log lines, in the order they are given; their numbers are set here."""
    counts = Counter(line.run for line in lines)
    last = {line.run: line.time for line in sorted(lines, key=lambda line: line.time)}
    added = [{"run": run, "lines": counts[run], "last_at": last[run]} for run in sorted(counts)]
    totals = {row["run"]: row["lines"] for row in await tx.all("count_log_lines", logs=added)}
    numbers = {run: totals[run] - count for run, count in counts.items()}
    rows = []
    for line in lines:
        numbers[line.run] += 1
        rows.append(line._asdict() | {"number": numbers[line.run]})
    await tx.run("insert_log_lines", lines=rows)


async def of_run(tx: Tx, run: str, *, after: int, limit: int) -> list[LogLine]:
    """Return a run's lines after the one of a number, in their order."""
    return [LogLine._make(row) for row in await tx.all("log_lines", run=run, after=after, limit=limit)]


async def old(tx: Tx, *, before: int, after: str, limit: int) -> list[Log]:
    """Return logs of runs made before a moment, and not added to since, by run.

    Args:
        tx: the transaction.
        before: the moment.
        after: only runs after this one; `""` for all.
        limit: the most to return.
    """
    below = first_id("run", before)
    rows = await tx.all("old_logs", before=before, below=below, after=after, limit=limit)
    return [Log(*row) for row in rows]


async def forget(tx: Tx, runs: Sequence[str]) -> int:
    """Delete the logs of runs; return how many lines they had."""
    deleted = await tx.run("delete_log_lines", runs=runs)
    await tx.run("delete_logs", runs=runs)
    return deleted
