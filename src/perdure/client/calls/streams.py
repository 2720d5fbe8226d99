"""What is asked of streams."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic_core import to_jsonable_python

from perdure.client.call import Call
from perdure.client.options import moment_or_duration
from perdure.core.duration import Duration
from perdure.wire import endpoints, streams

Start = int | Literal["latest", "attempt"]
"""Where a reader begins: at a chunk's number, with what is yet to come, or with the last try of the run."""

Target = Literal["self", "parent", "root"]


@dataclass(frozen=True)
class Record:
    """A chunk of a stream."""

    data: Any
    #: its number; `start=number + 1` goes on after it
    number: int
    #: the try of the run that wrote it; 0 is somebody else
    attempt: int
    #: when it was stored, in milliseconds since the Unix epoch
    time: int


def read(run: str, stream: str, start: Start) -> Call[streams.ReadStream, streams.StreamRecords]:
    """Read a stream."""
    body = streams.ReadStream(start=start or None)
    return Call(endpoints.streams.READ_STREAM, body, {"run": run, "stream": stream})


def read_input(run: str, name: str, start: Start) -> Call[streams.ReadStream, streams.StreamRecords]:
    """Read what was sent to a run."""
    body = streams.ReadStream(start=start or None)
    return Call(endpoints.streams.READ_INPUT, body, {"run": run, "stream": name})


def write(
    place: Mapping[str, str], lines: bytes, *, writer: str, first: int, attempt: int
) -> Call[streams.StreamLines, streams.StreamWritten]:
    """Add chunks, given as lines of JSON; `place` has `run`, `target` and `stream`."""
    headers = {"x-client-id": writer, "x-resume-from-chunk": str(first), "x-attempt": str(attempt)}
    return Call(endpoints.streams.WRITE_STREAM, streams.StreamLines(lines=lines), place, headers)


def send(run: str, name: str, data: Any) -> Call[streams.SendInput, streams.Appended]:
    """Send a value to a run."""
    body = streams.SendInput(data=to_jsonable_python(data))
    return Call(endpoints.streams.SEND_INPUT, body, {"run": run, "stream": name})


def wait(
    run: str, name: str, key: str, timeout: Duration | datetime | None
) -> Call[streams.WaitForInput, streams.InputWait]:
    """Make a token that the next value of an input completes."""
    until = None if timeout is None else moment_or_duration(timeout)
    body = streams.WaitForInput(stream_id=name, idempotency_key=key, timeout=until)
    return Call(endpoints.streams.WAIT_FOR_INPUT, body, {"run": run})


def take(run: str, name: str, key: str, wait: float) -> Call[streams.TakeInput, streams.InputTaken]:
    """Take the next value of an input."""
    body = streams.TakeInput(stream_id=name, key=key, wait=wait)
    return Call(endpoints.streams.TAKE_INPUT, body, {"run": run})
