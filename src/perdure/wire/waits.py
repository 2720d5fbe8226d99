"""Waits: what a run can wait for, tokens, and the snapshots of runs that wait.

A worker reports a run that waits with what it waits for.  *Parked*: the coroutine is stored and the run
holds nothing.  *Pinned*: a local can't be stored, so the process keeps it; the slot is free all the same.
When something a run waits for is there, the run resumes with an answer for each wait that has one.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import Field

from perdure.core.lifecycle import Status
from perdure.wire.model import Model, StrictModel
from perdure.wire.values import JSON, CursorPage, DurationText, IdempotencyKey, Json, RunError, TagsOrOne


class WaitKind(StrEnum):
    """What a run can wait for."""

    TIME = "time"
    TOKEN = "token"
    RUN = "run"
    BATCH = "batch"


class Wait(Model):
    """One thing that a run waits for; `subject` and `kind` name it."""

    kind: WaitKind
    subject: str
    """A token's, a run's or a batch's id; of a time, any name that is unique in the run."""
    until: datetime | None = None
    """Of a time: when it is over."""


class Answer(Wait):
    """What came of a wait: there is none while it still waits."""

    status: Status | None = None
    """Of a run: how it ended."""
    output: str | None = None
    """A packet: what a token was completed with, or what a run returned."""
    output_type: str = JSON
    error: RunError | None = None
    """Of a run that failed; of a token whose time is over."""


class ShownWait(Wait):
    """What a run waits for, as it is shown; `until` of a token is when its time is over."""

    task: str | None = None
    """Of a run: its task."""
    status: Status | None = None
    """Of a run: where it is in its life."""


class FrameView(Model):
    """One function of a suspended run, as it is shown."""

    path: list[int] = []
    """The branch it is in: empty for the run itself, `[1]` for the second branch of its `gather`."""
    function: str
    module: str
    file: str
    line: int
    source: str = ""
    locals: dict[str, str] = {}
    waits: list[str] = []
    """The subjects of what it waits for itself, not by a function that it awaits."""


def frame_of(frames: Sequence[FrameView], local: str) -> int | None:
    """Return the number of the function that a changed local belongs to, or None.

    Args:
        frames: a stack, outermost first.
        local: its name: the innermost function that has it counts; or `function.name`.
    """
    function, _, name = local.rpartition(".")
    for number, frame in reversed([*enumerate(frames)]):
        if name in frame.locals and (not function or f".{frame.function}".endswith(f".{function}")):
            return number
    return None


class SnapshotView(Model):
    """A stored state of a run."""

    number: int
    kind: Literal["wait", "checkpoint"]
    key: str | None = None
    """Of a checkpoint."""
    data: Json = None
    """What the task stored with a checkpoint."""
    attempt: int
    created_at: datetime
    size: int
    """Bytes."""
    waits: list[ShownWait] = []
    frames: list[FrameView] = []


class Snapshots(Model):
    """A run's stored states, newest first; the first of a parked run is where it stands."""

    snapshots: list[SnapshotView]
    waits: list[ShownWait] = []
    """What it waits for now, parked or in memory."""
    pinned: str | None = None
    """Why the run waits in memory, if it does: the local that can't be stored."""


class TokenStatus(StrEnum):
    """Where a token is in its life."""

    WAITING = "WAITING"
    COMPLETED = "COMPLETED"
    TIMED_OUT = "TIMED_OUT"


DEFAULT_TIMEOUT = "10m"
"""How long a token waits that does not say; Trigger.dev's number."""


class CreateToken(Model):
    """A token to wait for."""

    idempotency_key: IdempotencyKey | None = None
    idempotency_key_ttl: Annotated[str | None, Field(alias="idempotencyKeyTTL")] = None
    timeout: DurationText | datetime | None = None
    tags: TagsOrOne | None = None


class CreatedToken(Model):
    """The token, and where anyone may complete it."""

    id: str
    is_cached: bool
    url: str


class Token(Model):
    """A token, as it is shown."""

    id: str
    url: str
    status: TokenStatus
    created_at: datetime
    completed_at: datetime | None = None
    completed_after: datetime | None = None
    timeout_at: datetime | None = None
    idempotency_key: str | None = None
    idempotency_key_expires_at: datetime | None = None
    tags: list[str] = []
    completed_by: str | None = None
    """`key`, `public token`, `callback` or `timeout`."""
    output: str | None = None
    output_type: str | None = None
    output_is_error: bool | None = None


class TokenPage(Model):
    """A page of tokens, newest first."""

    data: list[Token]
    pagination: CursorPage = CursorPage()


class TokenFilter(Model):
    """Which tokens to list; the field names stand for the query keys in `alias`."""

    status: Annotated[str | None, Field(alias="filter[status]")] = None
    idempotency_key: Annotated[str | None, Field(alias="filter[idempotencyKey]")] = None
    tags: Annotated[str | None, Field(alias="filter[tags]")] = None
    created_from: Annotated[str | None, Field(alias="filter[createdAt][from]")] = None
    created_to: Annotated[str | None, Field(alias="filter[createdAt][to]")] = None
    period: Annotated[str | None, Field(alias="filter[createdAt][period]")] = None
    size: Annotated[int, Field(alias="page[size]", ge=1, le=100)] = 25
    after: Annotated[str | None, Field(alias="page[after]")] = None
    before: Annotated[str | None, Field(alias="page[before]")] = None


class CompleteToken(Model):
    """What a token is completed with: any JSON value."""

    data: Json = None


class CallbackBody(Model):
    """The body of a callback: whatever it is becomes the token's data; what is no JSON becomes `{}`."""

    data: Json = None

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **_: Any) -> Self:
        """Take the whole body as the data."""
        try:
            return cls(data=json.loads(json_data))
        except ValueError:
            return cls(data={})


class Completed(Model):
    """The token is completed, now or before."""

    success: Literal[True] = True


class RestoreFrom(StrictModel):
    """Where a replay begins, instead of at the top."""

    snapshot: str
    """A checkpoint's key, a snapshot's number, or `last`."""
    locals: dict[str, Any] = {}
    """New values of locals, as JSON: `name` in the innermost function that has it, or `function.name`."""


class Changes(Model):
    """What a replay changes in the state that it begins at."""

    locals: dict[str, Any] = {}
    """As in `RestoreFrom`."""
    parameters: bool = False
    """Whether the payload is another, so that the task's parameters take its values."""
