"""Streams: what runs write for those who read it, and what is sent to runs."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from perdure.wire.model import Model, Nothing
from perdure.wire.values import DurationText, IdempotencyKey, Json, Tags

STREAMS_VERSION = "x-trigger-realtime-streams-version"
"""The header in which a client says which form of streams it reads: `v2` has many chunks in one event."""

MAX_LINE = 1024 * 1024
"""The most bytes of a line, which is a chunk."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=256)]


class StreamOpened(Model):
    """A stream that can be written; `version` says how, and `v1` is by this API."""

    version: Literal["v1"] = "v1"


class StreamLines(Model):
    """The body of a write: a line of JSON for each chunk."""

    lines: bytes = b""

    def to_json(self) -> bytes:
        """Return the lines."""
        return self.lines


class StreamBytes(Nothing):
    """The body of an append: one chunk, as text."""


class StreamWritten(Model):
    """How many chunks of this writer are stored."""

    length: int


class Appended(Model):
    """The chunk is stored."""

    ok: Literal[True] = True


class ReadStream(Model):
    """Where to begin to read: beside the header `Last-Event-ID`, for who can't send it."""

    start: Annotated[int, Field(ge=0)] | Literal["latest", "attempt"] | None = None
    """A chunk's number; or the next one to come; or the first of the run's last try."""
    token: str | None = None
    """A public token, for `EventSource`, which sends no headers."""


class StreamRecord(Model):
    """A chunk as it is read."""

    seq_num: Annotated[int, Field(alias="seq_num")]
    timestamp: int
    body: str
    """A JSON object with `data` and `id`."""


class StreamRecords(Model):
    """Chunks that came together; the data of one event."""

    records: list[StreamRecord]
    attempt: int
    """Of the run that wrote them; 0 is somebody else."""


class SendInput(Model):
    """A value for a run."""

    data: Json = None


class WaitForInput(Model):
    """A run waits for the next value of an input."""

    stream_id: Name
    timeout: DurationText | datetime | None = None
    idempotency_key: IdempotencyKey | None = None
    """What this wait is known by in its run: who asks again gets the same."""
    idempotency_key_ttl: Annotated[str | None, Field(alias="idempotencyKeyTTL")] = None
    tags: Tags | None = None
    last_seq_num: int | None = None
    """The last value that was seen; else the next that was not taken counts."""


class InputWait(Model):
    """The token that the next value completes."""

    waitpoint_id: str
    is_cached: bool


class TakeInput(Model):
    """A run takes the next value of an input."""

    stream_id: Name
    key: IdempotencyKey
    """What this is known by in its run: who asks again gets the same."""
    wait: Annotated[float, Field(ge=0, le=60)] = 0
    """Seconds to wait for it."""


class InputTaken(Model):
    """The value, if one has come."""

    is_there: bool
    number: int | None = None
    data: Json = None
