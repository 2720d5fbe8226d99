"""How the stack of a run that waits looks on the screen.

run_01jd…  order  waiting

tasks/shop.py:12  order
     11       token = await wait.create_token(timeout="7d")
  ▸  12       answer = await wait.for_token(token, Answer)
     13       if answer.yes:
  amount  Decimal('9.90')
  token   Token(id='waitpoint_01jd…', …)
  waits for token waitpoint_01jd… until 2026-11-28 12:00:00, in 6 d 23 h
"""

import json
import shlex
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.text import Text

from perdure.cli.screen import Cell, console, duration_text, moment_text, show_table, status_text
from perdure.core.lifecycle import Status
from perdure.wire.runs import Run
from perdure.wire.waits import FrameView, ShownWait, Snapshots, SnapshotView, WaitKind

CONTEXT = 2
"""How many lines of source are shown before and after the one that waits."""

_INDENT = "  "


def is_parked(run: Run, stored: Snapshots) -> bool:
    """Tell whether a run waits, and holds nothing: its stack is its newest state."""
    return run.status is Status.WAITING and stored.pinned is None and bool(stored.snapshots)


def show_stack(run: Run, stored: Snapshots) -> None:
    """Write where a run stands, or what it does instead, and its checkpoints."""
    screen = console()
    screen.print(Text.assemble(run.id, _INDENT, run.task_identifier, _INDENT, status_text(run.status)))
    states = stored.snapshots
    if is_parked(run, stored):
        for frame in states[0].frames:
            _show_frame(frame, [wait for wait in stored.waits if wait.subject in frame.waits])
        states = states[1:]
    else:
        screen.print(_instead(run, stored), soft_wrap=True)
        for wait in stored.waits:
            screen.print(Text.assemble("It ", _wait(wait), "."), soft_wrap=True)
    _show_states(run, states, stored)


def _show_frame(frame: FrameView, waits: Sequence[ShownWait]) -> None:
    screen = console()
    screen.print()
    for line in _frame(frame):
        screen.print(line, no_wrap=True, overflow="ellipsis")
    for wait in waits:
        indent = _INDENT * (len(frame.path) + 1)
        screen.print(Text.assemble(indent, _wait(wait)), soft_wrap=True)


def _frame(frame: FrameView) -> Iterator[Text]:
    indent = _INDENT * len(frame.path)
    place = f"{_relative(frame.file)}:{frame.line}"
    branch = f"branch {'.'.join(str(number + 1) for number in frame.path)}  " if frame.path else ""
    name = frame.function.removeprefix(f"{frame.module}.")
    yield Text.assemble(indent, (branch, "magenta"), (place, "dim"), _INDENT, (name, "bold"))
    for line in _source(frame):
        yield Text.assemble(indent, line)
    width = max(map(len, frame.locals), default=0)
    for local, value in frame.locals.items():
        yield Text.assemble(indent, _INDENT, (f"{local:<{width}}", "cyan"), _INDENT, value)


def _source(frame: FrameView) -> Iterator[Text]:
    """Yield the line that waits, marked, with those around it where the file is the same here."""
    lines = _lines(frame)
    number = len(str(frame.line + CONTEXT))
    if not lines:
        yield Text.assemble(("  ▸ ", "yellow"), f"{frame.line:>{number}}  ", frame.source)
        return
    first = max(1, frame.line - CONTEXT)
    shown = lines[first - 1 : frame.line + CONTEXT]
    while not shown[-1].strip():
        shown.pop()
    margin = min(len(line) - len(line.lstrip()) for line in shown if line.strip())
    for at, line in enumerate(shown, first):
        text = f"{at:>{number}}  {line[margin:]}".rstrip()
        yield Text.assemble(("  ▸ ", "yellow"), text) if at == frame.line else Text(f"    {text}", "dim")


def _lines(frame: FrameView) -> list[str]:
    """Return the file's lines, if it is here and its line is still what it was."""
    try:
        lines = Path(frame.file).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    is_same = frame.line <= len(lines) and lines[frame.line - 1].strip() == frame.source.strip()
    return lines if is_same else []


def _relative(file: str) -> str:
    path = Path(file)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else file


def _wait(wait: ShownWait) -> Text:
    until = f"{moment_text(wait.until)}, {_distance(wait.until)}" if wait.until else ""
    if wait.kind is WaitKind.TIME:
        return Text.assemble(("waits until ", "magenta"), until)
    parts: list[Cell] = [Text(f"waits for {wait.kind.value} ", "magenta"), wait.subject]
    if wait.task:
        parts.append(f" of {wait.task}")
    if wait.status:
        parts += [" (", status_text(wait.status), ")"]
    if until:
        parts += [Text(" until ", "magenta"), until]
    return Text.assemble(*parts)


def _distance(moment: datetime) -> str:
    """Return how far a moment is from now: `in 4 min 5 s`, or `2 h ago`."""
    milliseconds = (moment - datetime.now(UTC)).total_seconds() * 1000
    text = duration_text(abs(milliseconds))
    return f"in {text}" if milliseconds >= 0 else f"{text} ago"


def _instead(run: Run, stored: Snapshots) -> str:
    """Return what a run does that does not stand anywhere."""
    if stored.pinned is not None:
        return f"It is not parked, but waits in the memory of its worker: {stored.pinned}."
    return f"It is not parked: {_DOES[run.status](run)}."


def _executes(run: Run) -> str:
    attempt = run.attempts[-1] if run.attempts else None
    if attempt is None:
        return "a worker is about to start it"
    began = f"{moment_text(attempt.started_at)}, {_distance(attempt.started_at)}"
    return f"attempt {attempt.number} executes since {began}, in worker {attempt.worker}"


def _delayed(run: Run) -> str:
    until = run.delayed_until
    return f"it is delayed until {moment_text(until)}, {_distance(until)}" if until else "it is delayed"


def _ended(run: Run) -> str:
    ended = f" ({_distance(run.finished_at)})" if run.finished_at else ""
    return f"it is {run.status.value.lower().replace('_', ' ')}{ended}"


_DOES: dict[Status, Callable[[Run], str]] = {
    **dict.fromkeys(Status, _ended),
    Status.PENDING_VERSION: lambda _: "it waits for a worker that has its task",
    Status.DELAYED: _delayed,
    Status.QUEUED: lambda run: f"it is in line in queue {run.queue}",
    Status.DEQUEUED: _executes,
    Status.EXECUTING: _executes,
    Status.WAITING: lambda _: "it waits",
}


def _show_states(run: Run, states: Sequence[SnapshotView], stored: Snapshots) -> None:
    screen = console()
    if not stored.snapshots:
        screen.print("It has stored no state yet.")
        return
    if states:
        screen.print(
            Text("\nCheckpoints" if all(state.key for state in states) else "\nStored states", "dim")
        )
        show_table(("",) * 5, map(_row, states))
    name = next((state.key for state in states if state.key), "last")
    screen.print(
        Text(f"\nRun it again from there: perdure runs replay {run.id} --from {shlex.quote(name)}", "dim")
    )


def _row(state: SnapshotView) -> tuple[Cell, ...]:
    frame = state.frames[-1] if state.frames else None
    place = f"{_relative(frame.file)}:{frame.line}" if frame else ""
    return (
        str(state.number),
        Text(state.key, "bold") if state.key else "a wait",
        moment_text(state.created_at),
        Text(place, "dim"),
        "" if state.data is None else json.dumps(state.data, ensure_ascii=False),
    )
