"""Log lines, in the telemetry database."""

from collections.abc import Sequence
from dataclasses import dataclass

from perdure.store.database import Tx


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a run's log; `properties` is a JSON object."""

    run: str
    attempt: int
    time: int
    level: str
    source: str
    message: str
    properties: str | None


async def append(tx: Tx, lines: Sequence[LogLine]) -> None:
    """Store log lines, in the order they are given."""
    rows = [
        {"place": i, **{name: getattr(line, name) for name in LogLine.__slots__}}
        for i, line in enumerate(lines)
    ]
    await tx.run("insert_log_lines", lines=rows)


async def of_run(tx: Tx, run: str, *, skip: int, limit: int) -> list[LogLine]:
    """Return a run's lines after the first `skip`, in their order."""
    return [LogLine(*row) for row in await tx.all("log_lines", run=run, skip=skip, limit=limit)]


async def forget(tx: Tx, *, before: int) -> int:
    """Delete the lines of before a moment; return how many."""
    return await tx.run("delete_old_log_lines", before=before)
