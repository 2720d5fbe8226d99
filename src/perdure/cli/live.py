"""What a worker shows while it works: a line for each thing that happens to a run, and its log.

10:26:32  hello   run_01jd…  started
10:26:32  hello   run_01jd…  completed     12 ms
10:26:33  charge  run_01jd…  failed         8 ms  ValueError: no such order
"""

import asyncio
import logging
import shutil
import sys
from datetime import datetime
from typing import TextIO, assert_never

from perdure.cli.screen import duration_text
from perdure.core.clock import Clock, SystemClock, to_datetime
from perdure.wire.executor import Discovered
from perdure.wire.values import RunError
from perdure.wire.waits import Wait
from perdure.wire.workers import (
    Assignment,
    Canceled,
    Connected,
    Failed,
    Parked,
    Released,
    Succeeded,
    Verdict,
)
from perdure.worker.observer import Ending

_WIDEST_TASK = 24
_INDENT = " " * 10
_WHAT = 9
_TOOK = 8

RESET, DIM = "\x1b[0m", "\x1b[2m"
RED, GREEN, YELLOW, MAGENTA, CYAN = "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[35m", "\x1b[36m"
_BAD = {"fail": "failed", "crash": "crashed", "time_out": "timed out", "break": "failed"}
_LEVELS = {logging.WARNING: YELLOW, logging.ERROR: RED, logging.CRITICAL: RED}


class Paper:
    """Where lines are written: in colour on a terminal, with the date anywhere else."""

    def __init__(self, file: TextIO, *, colour: bool | None = None) -> None:
        """Write to a file; it is asked whether it is a terminal unless that is said."""
        self._file: TextIO | None = file
        self.colour = file.isatty() if colour is None else colour

    def write(self, text: str) -> None:
        """Write a text at once; when nobody reads it any more, forget it."""
        if self._file is None:
            return
        try:
            self._file.write(text)
            self._file.flush()
        except OSError:
            self._file = None

    def paint(self, text: str, colour: str) -> str:
        """Return a text in a colour."""
        return f"{colour}{text}{RESET}" if self.colour and colour and text.strip() else text

    def moment(self, milliseconds: int) -> str:
        """Return a moment, in local time."""
        local = to_datetime(milliseconds).astimezone()
        return self.paint(f"{local:%H:%M:%S}", DIM) if self.colour else f"{local:%Y-%m-%d %H:%M:%S}"

    @property
    def width(self) -> int | None:
        """How many characters fit on a line; None if any do."""
        return shutil.get_terminal_size().columns if self.colour else None


class RunLines:
    """Shows what happens in a worker; see `worker.observer.Observer`.

    The lines of one turn of the event loop are written together, so that a busy worker does not make a
    system call for each.
    """

    def __init__(self, paper: Paper, clock: Clock | None = None) -> None:
        """Show it on this paper."""
        self._paper = paper
        self._clock = clock or SystemClock()
        self._waiting: list[str] = []
        self._widest = 0

    def connected(self, answer: Connected, discovered: Discovered) -> None:
        """Tell which tasks are there."""
        ids = sorted(task.id for task in discovered.tasks)
        self._widest = min(_WIDEST_TASK, max(map(len, ids), default=0))
        names = ", ".join(ids[:10]) + (f" and {len(ids) - 10} more" if len(ids) > 10 else "")
        told = self._paper.paint(f"Ready, version {answer.version}:", GREEN if ids else YELLOW)
        self._add(f"{told} {names or 'there are no tasks'}")

    def began(self, run: Assignment) -> None:
        """Tell that an attempt begins."""
        what = "started" if run.attempt == 1 else f"attempt {run.attempt}"
        self._add(self._line(run, "goes on" if run.snapshot else what, CYAN).rstrip())

    def ended(self, run: Assignment, ending: Ending, verdict: Verdict) -> None:
        """Tell how an attempt ended, and what comes of it."""
        what, colour = _outcome(ending)
        took = "" if isinstance(ending, Released) else duration_text(ending.duration_ms)
        line = self._line(run, what, colour) + self._paper.paint(f" {took:>{_TOOK}}", DIM)
        told = _told(run, ending, verdict)
        # The width without colour decides whether what is told fits beside the rest.
        plain = 10 + max(self._widest, len(run.task)) + len(run.run_id) + 4 + _WHAT + 1 + _TOOK
        width = self._paper.width
        if told and width is not None and plain + 2 + len(told) > width:
            room = max(20, width - len(_INDENT))
            self._add(f"{line}\n{_INDENT}{told if len(told) <= room else told[: room - 1] + '…'}")
        else:
            self._add(f"{line}  {told}".rstrip())

    def _line(self, run: Assignment, what: str, colour: str) -> str:
        name = f"{run.task:<{self._widest}}"
        return (
            f"{name}  {self._paper.paint(run.run_id, DIM)}  {self._paper.paint(f'{what:<{_WHAT}}', colour)}"
        )

    def _add(self, line: str) -> None:
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._write)
        self._waiting.append(f"{self._paper.moment(self._clock.now())}  {line}\n")

    def _write(self) -> None:
        text = "".join(self._waiting)
        self._waiting.clear()
        self._paper.write(text)


def _outcome(ending: Ending) -> tuple[str, str]:
    match ending:
        case Succeeded():
            return "completed", GREEN
        case Failed(how=how):
            return _BAD[how], RED
        case Canceled():
            return "canceled", YELLOW
        case Released():
            return "released", YELLOW
        case Parked():
            return "waits", MAGENTA
    assert_never(ending)


def _told(run: Assignment, ending: Ending, verdict: Verdict) -> str:
    """Return what there is to say of an ending: its error, and what follows."""
    if not verdict.ok:
        return f"does not count: {(verdict.code or 'it had ended otherwise').replace('_', ' ')}"
    if isinstance(ending, Released):
        return ending.reason
    if isinstance(ending, Parked):
        return "for " + ", ".join(dict.fromkeys(map(_subject, ending.waits)))
    if not isinstance(ending, Failed):
        return ""
    error = first_line(ending.error)
    if verdict.retry_in_ms is None:
        return error
    again = f"attempt {run.attempt + 1} of {run.max_attempts} in {duration_text(verdict.retry_in_ms)}"
    return f"{again}: {error}"


def _subject(wait: Wait) -> str:
    """Return in words what a run waits for."""
    if wait.until is None:
        return f"{wait.kind} {wait.subject}"
    local = wait.until.astimezone()
    is_today = local.date() == datetime.now(local.tzinfo).date()
    return f"{local:%H:%M:%S}" if is_today else f"{local:%Y-%m-%d %H:%M}"


def first_line(error: RunError) -> str:
    """Return an exception's name and the first line of what it says, or what Perdure says itself."""
    name = error.name or ""
    message = next(iter((error.message or error.raw or "").strip().splitlines()), "")
    return f"{name}: {message}" if name and message else name or message


class LogFormat(logging.Formatter):
    """A line of the program's own log, in the form of the other lines."""

    def __init__(self, paper: Paper) -> None:
        super().__init__()
        self._paper = paper

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, with the trace of an error below it."""
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        level = "" if record.levelno <= logging.INFO else f"{record.levelname.lower()}: "
        colour = _LEVELS.get(record.levelno, "")
        return (
            f"{self._paper.moment(round(record.created * 1000))}  {self._paper.paint(level + text, colour)}"
        )


def log_to_screen(*, quiet: bool) -> None:
    """Have the program's log shown on standard error.

    Args:
        quiet: only warnings and errors.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(LogFormat(Paper(sys.stderr)))
    logging.basicConfig(level=logging.WARNING if quiet else logging.INFO, handlers=[handler], force=True)
