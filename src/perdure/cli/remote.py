"""Asking the server: a client, and the values of options that several commands take."""

import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from perdure.cli.live import first_line
from perdure.client import Client
from perdure.core.debounce import Debounce
from perdure.core.duration import Duration, to_milliseconds
from perdure.core.errors import BadOption, NotFound, RunFailed
from perdure.core.lifecycle import Status
from perdure.core.names import nearest
from perdure.wire.runs import RunResult
from perdure.wire.values import JSON

_TRIES = 3


@contextmanager
def server() -> Iterator[Client]:
    """Give a client of the server at PERDURE_API_URL.

    Raises:
        NoSecretKey: there is no key, in the environment or kept by `perdure dev`.
    """
    with Client(tries=_TRIES) as client:
        yield client


def read_json(text: str, option: str) -> Any:
    """Return the JSON value of an option: the text itself, `@file`, or `-` for standard input.

    Raises:
        BadOption: it is no JSON; the error names the position.
        NotFound: there is no such file.
    """
    source, text = _source(text)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        shown = text.splitlines()[error.lineno - 1 : error.lineno] if text.strip() else []
        near = f": {shown[0].strip()[:60]}" if shown else ""
        raise BadOption(
            f"{option} is no JSON{source}: {error.msg} at line {error.lineno}, column {error.colno}{near}"
        ) from None


def read_locals(given: Sequence[str], begin: str | None) -> dict[str, Any]:
    """Return new values of locals, each given as `name=JSON`.

    Raises:
        BadOption: one is no such thing, or there is no state to change them in.
    """
    if given and begin is None:
        raise BadOption("--set changes a local of a stored state; say which with --from KEY, or --from last")
    return dict(map(_local, given))


def _local(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        raise BadOption(f"--set takes NAME=JSON, as in --set total=5, and not {text}")
    try:
        return name.strip(), json.loads(value)
    except json.JSONDecodeError:
        example = shlex.quote(f"{name.strip()}={json.dumps(value.strip(), ensure_ascii=False)}")
        raise BadOption(
            f"--set {name.strip()}: {value or 'nothing'} is no JSON; a text has quotes of its own, as in "
            f"--set {example}"
        ) from None


def _source(text: str) -> tuple[str, str]:
    """Return where a text is from, for an error, and the text."""
    if text == "-":
        return " (standard input)", sys.stdin.read()
    if not text.startswith("@"):
        return "", text
    try:
        return f" ({text[1:]})", Path(text[1:]).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFound(kind="file", name=text[1:]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadOption(f"{text[1:]} can't be read: {error}") from None


def read_duration(text: str | None) -> Duration | None:
    """Return a duration as it was typed: a bare number is seconds.

    Raises:
        BadDuration: it is none.
    """
    if text is None:
        return None
    try:
        duration: Duration = float(text)
    except ValueError:
        duration = text
    to_milliseconds(duration)
    return duration


def read_debounce(
    key: str | None, delay: str | None, mode: str | None, max_delay: str | None
) -> Debounce | None:
    """Return how a trigger is debounced, or None.

    Raises:
        BadOption: a part is missing, or can't be.
        BadDuration: a delay is no duration.
    """
    others = {"--debounce-delay": delay, "--debounce-mode": mode, "--debounce-max-delay": max_delay}
    if key is None:
        for option, value in others.items():
            if value is not None:
                raise BadOption(f"{option} says how to debounce; say by which key with --debounce KEY")
        return None
    wait = read_duration(delay)
    if wait is None:
        raise BadOption(
            f"--debounce {shlex.quote(key)} also takes how long to wait for another trigger, "
            "as in --debounce-delay 5s"
        )
    chosen: Any = mode or "leading"  # which Debounce checks
    return Debounce(key, wait, chosen, max_delay=read_duration(max_delay))


def read_moment(text: str | None) -> Duration | datetime | None:
    """Return a duration, or a moment (ISO 8601) in local time unless it names its zone.

    Raises:
        BadDuration: it is neither.
    """
    if text and "-" in text:
        try:
            moment = datetime.fromisoformat(text)
            return moment if moment.tzinfo else moment.astimezone()
        except ValueError:
            pass
    return read_duration(text)


def read_statuses(names: list[str] | None) -> list[str] | None:
    """Return statuses as the API spells them, from `failed`, `timed-out` or `FAILED,CRASHED`.

    Raises:
        BadOption: there is no such status; the nearest is named.
    """
    if not names:
        return None
    asked = [part for name in names for part in name.split(",") if part]
    return [_status(name) for name in asked]


def _status(name: str) -> str:
    spelled = name.strip().upper().replace("-", "_").replace(" ", "_")
    if spelled in Status.__members__:
        return spelled
    known = [status.lower() for status in Status.__members__]
    raise BadOption(f"There is no status {name}; {nearest(spelled.lower(), known)}")


def output_of(result: RunResult) -> Any:
    """Return what a run's task returned."""
    if result.output is None:
        return None
    return json.loads(result.output) if result.output_type in (None, JSON) else result.output


def failure_of(result: RunResult) -> RunFailed:
    """Return the error for a run that did not succeed, with the first line of its own."""
    told = first_line(result.error) if result.error else f"`perdure runs logs {result.id}` tells more"
    return RunFailed(run=result.id, task=result.task_identifier, status=result.status.value, error=told)
