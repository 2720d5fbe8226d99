"""How runs look on the screen."""

import json
import sys
from collections.abc import Iterator, Sequence

from rich.text import Text

from perdure.cli.live import CYAN, DIM, RED, YELLOW, Paper
from perdure.cli.screen import (
    Cell,
    console,
    duration_text,
    moment_text,
    show_fields,
    show_table,
    status_text,
    value_text,
)
from perdure.core.clock import from_datetime
from perdure.core.lifecycle import On
from perdure.wire.runs import Event, ListedRun, Run, RunSummary
from perdure.wire.values import SerializedError

# What happens to a run, as it is said; the rest is said as it is called.
_CHANGES = {
    On.KNOW: "known to a worker",
    On.CLAIM: "taken by a worker",
    On.START: "started",
    On.WAIT: "waits",
    On.RESUME: "may go on",
    On.WAKE: "goes on",
    On.RELEASE: "handed back",
    On.RETRY: "failed, and is tried again",
    On.SUCCEED: "completed",
    On.FAIL: "failed",
    On.CRASH: "crashed",
    On.BREAK: "could not be run",
    On.TIME_OUT: "timed out",
    On.EXPIRE: "expired",
    On.CANCEL: "canceled",
}
_LEVELS = {"warning": YELLOW, "error": RED, "debug": DIM}


def show_list(runs: Sequence[ListedRun], *, is_full: bool) -> None:
    """Write a list of runs.

    Args:
        runs: what to write.
        is_full: there may be more.
    """
    if not runs:
        console().print("There are no such runs.")
        return
    rows = [
        (run.id, run.task_identifier, status_text(run.status), moment_text(run.created_at), took(run))
        for run in runs
    ]
    show_table(("RUN", "TASK", "STATUS", "CREATED", "TOOK"), rows, keep=("RUN", "STATUS", "CREATED", "TOOK"))
    if is_full and sys.stdout.isatty():
        console().print(f"\nOlder ones: --after {runs[-1].id}, or a larger --limit.", style="dim")


def took(run: RunSummary) -> str:
    """Return the active time of a run that has begun."""
    return duration_text(run.duration_ms) if run.started_at else ""


def show_run(run: Run) -> None:
    """Write all there is to see of a run."""
    show_fields(_fields(run))
    _show_value("Payload", run.payload)
    if run.is_success:
        _show_value("Output", run.output)
    if run.error is not None:
        _show_error(run.error)


def _fields(run: Run) -> Iterator[tuple[str, Cell]]:
    yield "Run", run.id
    yield "Task", run.task_identifier
    yield "Status", status_text(run.status)
    for label, moment in (
        ("Created", run.created_at),
        ("Delayed to", run.delayed_until),
        ("Started", run.started_at),
    ):
        if moment is not None:
            yield label, moment_text(moment)
    if run.finished_at is not None:
        yield "Finished", f"{moment_text(run.finished_at)}, {took(run) or '0 ms'} active"
    for number, attempt in enumerate(run.attempts, start=1):
        yield "Attempts" if number == 1 else "", _attempt_text(attempt.number, attempt.status, attempt.error)
    optional = {
        "Queue": run.queue,
        "Version": run.version,
        "Machine": run.machine,
        "Tags": ", ".join(run.tags),
        "Key": run.idempotency_key,
        "Replay of": run.replay_of,
        "Schedule": run.schedule.id if run.schedule else None,
        "Parent": run.related_runs.parent.id if run.related_runs.parent else None,
        "Children": "\n".join(f"{child.id}  {child.task_identifier}" for child in run.related_runs.children),
        "Metadata": value_text(run.metadata) if run.metadata else None,
    }
    yield from ((label, value) for label, value in optional.items() if value)


def _attempt_text(number: int, status: str, error: SerializedError | None) -> Text:
    told = f"  {error.name or 'Error'}: {next(iter(error.message.splitlines()), '')}" if error else ""
    return Text(f"{number}  {status.lower()}{told}")


def _show_value(label: str, value: object) -> None:
    if value is not None:
        console().print(Text(f"\n{label}", "dim"))
        console().print(Text(json.dumps(value, ensure_ascii=False, indent=2)))


def _show_error(error: SerializedError) -> None:
    console().print(Text("\nError", "dim"))
    # A trace ends with the error itself.
    told = error.stack_trace or f"{error.name or 'Error'}: {error.message}"
    console().print(Text(told.rstrip(), "red"))


class EventLines:
    """Writes the events of a run as they come."""

    def __init__(self, *, json: bool) -> None:
        """Write lines, or JSON objects."""
        self._json = json
        self._paper = Paper(sys.stdout)

    def show(self, event: Event) -> None:
        """Write one."""
        if self._json:
            self._paper.write(event.to_json().decode() + "\n")
            return
        paint = self._paper.paint
        text = event.message
        if event.kind == "log":
            text = paint(text, _LEVELS.get(event.level, ""))
            label = event.level if event.source in (None, "logger", "logging") else event.source
        else:
            text = paint(_change(event), CYAN)
            label = "run"
        told = json.dumps(event.properties, ensure_ascii=False) if event.properties else ""
        moment = self._paper.moment(from_datetime(event.time))
        self._paper.write(
            f"{moment}  {paint(f'{label:<7}', DIM)}  {text}  {paint(told, DIM)}".rstrip() + "\n"
        )


def _change(event: Event) -> str:
    """Return in words what happened to a run."""
    known = event.kind in On.__members__.values()
    words = _CHANGES.get(On(event.kind), event.kind) if known else event.kind
    attempt = f" attempt {event.attempt}" if event.kind == On.START and event.attempt else ""
    return f"{words}{attempt}{f': {event.message}' if event.message != event.kind else ''}"
