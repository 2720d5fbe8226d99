"""What commands write: tables and texts for people, JSON for programs."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from perdure.core.lifecycle import FAILURES, FINAL, Status
from perdure.wire.manifests import ImportProblem
from perdure.wire.model import Model

# Output that is piped is not cut at any width.
_UNLIMITED = 10_000

_STYLES = {
    Status.COMPLETED: "green",
    Status.CANCELED: "dim",
    Status.EXECUTING: "cyan",
    Status.DEQUEUED: "cyan",
    Status.WAITING: "magenta",
}

Cell = str | Text


def console() -> Console:
    """Return what writes to standard output: in colour and cut to its width on a terminal only."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _UNLIMITED)


def show_json(value: Any) -> None:
    """Write a value of the wire, or a list of them, as JSON in the API's spelling."""
    print(json.dumps(to_wire(value), ensure_ascii=False, indent=2 if sys.stdout.isatty() else None))


def to_wire(value: Any) -> Any:
    """Return the JSON value of a model, or of a list or dict with models in it."""
    if isinstance(value, Model):
        return value.to_wire()
    if isinstance(value, dict):
        return {key: to_wire(item) for key, item in value.items()}
    return [to_wire(item) for item in value] if isinstance(value, list) else value


def show_table(headings: Sequence[str], rows: Iterable[Sequence[Cell]], *, keep: Sequence[str] = ()) -> None:
    """Write a table.

    Args:
        headings: the names of the columns; none is shown if all are empty.
        rows: their cells; a text is never read as markup.
        keep: columns that are not broken into lines when the terminal is narrow.
    """
    table = Table(
        box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", show_header=any(headings)
    )
    for heading in headings:
        table.add_column(heading, no_wrap=heading in keep, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    _print(table)


def show_fields(fields: Iterable[tuple[str, Cell]]) -> None:
    """Write names and values, one pair a line."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in fields:
        table.add_row(name, Text(value) if isinstance(value, str) else value)
    _print(table)


def _print(table: Table) -> None:
    """Write a table without the blanks that fill up its last column."""
    screen = console()
    with screen.capture() as captured:
        screen.print(table)
    print("\n".join(line.rstrip() for line in captured.get().splitlines()))


def status_text(status: Status) -> Text:
    """Return a status as people read it: `timed out`."""
    style = "red" if status in FAILURES else _STYLES.get(status, "yellow" if status not in FINAL else "")
    return Text(status.value.lower().replace("_", " "), style)


def moment_text(moment: datetime | None) -> str:
    """Return a moment in local time: the time alone if it is today."""
    if moment is None:
        return ""
    local, today = moment.astimezone(), datetime.now(UTC).astimezone().date()
    return f"{local:%H:%M:%S}" if local.date() == today else f"{local:%Y-%m-%d %H:%M:%S}"


def duration_text(milliseconds: float) -> str:
    """Return a duration in the units that suit it: `3 ms`, `1.2 s`, `4 min 5 s`, `2 h 3 min`, `6 d 4 h`."""
    seconds = milliseconds / 1000
    if milliseconds < 999.5:
        return f"{milliseconds:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def place_text(problem: ImportProblem) -> str:
    """Return where a problem is: `file:line`."""
    return f"{problem.file_path}:{problem.line}" if problem.line else problem.file_path


def value_text(value: Any) -> str:
    """Return a JSON value as text, on one line if it is short."""
    line = json.dumps(value, ensure_ascii=False)
    return line if len(line) <= 60 else json.dumps(value, ensure_ascii=False, indent=2)
