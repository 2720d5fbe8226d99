"""How a trace looks on the screen: a tree, and beside it when each span was, and for how long.

order                         ██████████████████████████████  2.4 s
├ queued                      █                                12 ms
└ attempt 1                    █████████████████████████████  2.4 s
  ├ charge                     ██████                         0.5 s
  └ waits for token waitpoin…        ░░░░░░░░░░░░░░░░░░░░░░░  1.9 s
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from rich.text import Text

from perdure.cli.screen import console, duration_text
from perdure.wire.telemetry import Trace, TraceSpan

_BARS = 30
_NAMES = 56
_IDLE = frozenset({"queue", "delay", "wait", "retry", "start"})
"""Kinds in which nothing runs."""

_STYLES = {"run": "bold", "attempt": "cyan", "wait": "magenta", "log": "dim", "checkpoint": "green"}
_LINES = {"WARN": "yellow", "ERROR": "red"}


def show_trace(trace: Trace, *, logs: bool) -> None:
    """Write a trace; log lines are left out unless they are asked for."""
    rows = list(_rows(trace.root_span, logs))
    began, whole = _extent([span for _, span in rows])
    width = min(_NAMES, max(len(_name(branch, span)) for branch, span in rows))
    paper = console()
    paper.print(Text(f"trace {trace.trace_id}", "dim"))
    for branch, span in rows:
        paper.print(_line(branch, span, width, began, whole), soft_wrap=True)
    if trace.truncated:
        paper.print(Text("There is more than is shown, or some was dropped.", "dim"))


def _rows(root: TraceSpan, logs: bool) -> Iterator[tuple[str, TraceSpan]]:
    """Go through a tree, each span with the branches before it."""
    open_ones: list[tuple[str, str, TraceSpan]] = [("", "", root)]
    while open_ones:
        branch, below, span = open_ones.pop()
        yield branch, span
        inside = [child for child in span.children if logs or child.data.kind != "log"]
        for place, child in reversed([*enumerate(inside)]):
            is_last = place == len(inside) - 1
            branch_of = below + ("└ " if is_last else "├ ")
            open_ones.append((branch_of, below + ("  " if is_last else "│ "), child))


def _extent(spans: list[TraceSpan]) -> tuple[datetime, float]:
    """Return when the first begins, and how many seconds later the last has ended."""
    began = min(span.data.start_time for span in spans)
    ended = max(span.data.start_time + timedelta(microseconds=span.data.duration / 1000) for span in spans)
    return began, max((ended - began).total_seconds(), 1e-6)


def _line(branch: str, span: TraceSpan, width: int, began: datetime, whole: float) -> Text:
    data = span.data
    name = _name(branch, span)
    name = name if len(name) <= width else name[: width - 1] + "…"
    colour = "red" if data.is_error else _LINES.get(data.level) or _STYLES.get(data.kind, "")
    start = int((data.start_time - began).total_seconds() / whole * _BARS)
    start = min(start, _BARS - 1)
    length = max(1, round(data.duration / 1e9 / whole * _BARS))
    length = min(length, _BARS - start)
    mark = "░" if data.kind in _IDLE else "·" if data.kind in ("log", "checkpoint") else "█"
    bar = " " * start + mark * length
    told = "" if data.kind in ("log", "checkpoint") else duration_text(data.duration / 1e6)
    line = Text()
    line.append(name[: len(branch)], "dim")
    line.append(f"{name[len(branch) :]:<{width - len(branch)}}  ", colour)
    line.append(f"{bar:<{_BARS}}  ", colour or "blue")
    line.append(told)
    for word in _marks(span):
        line.append(f"  {word}", "red" if data.is_error else "dim")
    return line


def _name(branch: str, span: TraceSpan) -> str:
    first = next(iter(span.data.message.splitlines()), "")
    return branch + first


def _marks(span: TraceSpan) -> Iterator[str]:
    """Yield what else is worth a word."""
    data = span.data
    for event in data.events:
        told = event.get("properties", {}).get("exception", {}).get("message", "")
        yield next(iter(str(told).splitlines()), "")
    if data.is_cancelled:
        yield "canceled"
    if data.is_partial:
        yield "not over"
    if data.kind == "run":
        yield span.run_id
    elif data.place:
        yield data.place
