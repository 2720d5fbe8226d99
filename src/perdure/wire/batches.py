"""Batches: many runs triggered as one, in two steps.

A batch is made with the number of its items; then the items follow as a stream, one JSON object on each
line, and the last of them seals it.  Whoever loses the connection sends the stream again: an item that is
there already is known by its index.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from perdure.core.lifecycle import Status
from perdure.wire.model import Model
from perdure.wire.runs import KeyOptions, TriggerOptions, TriggerRun
from perdure.wire.values import CursorPage, IdempotencyKey, Json, RunError, TaskId

MAX_ITEMS = 1_000
"""The most items of a batch; Trigger.dev's number."""

MAX_LEGACY_ITEMS = 500
"""The most items of a batch that comes in one request; Trigger.dev's number."""


class BatchStatus(StrEnum):
    """Where a batch is in its life."""

    PENDING = "PENDING"
    """Its items are still coming."""
    PROCESSING = "PROCESSING"
    """All items are here, and some run has not ended."""
    COMPLETED = "COMPLETED"
    """All its runs have ended, however each did."""
    PARTIAL_FAILED = "PARTIAL_FAILED"
    """The same, and some items became no run."""
    ABORTED = "ABORTED"
    """Its items never all came, or none became a run."""


class CreateBatch(Model):
    """A batch whose items are to follow."""

    run_count: Annotated[int, Field(gt=0, le=MAX_ITEMS)]
    task_identifiers: Annotated[list[TaskId], Field(min_length=1)] | None = None
    """The tasks of the items, if they are known."""
    parent_run_id: str | None = None
    resume_parent_on_completion: bool | None = None
    idempotency_key: IdempotencyKey | None = None
    idempotency_key_options: KeyOptions | None = None
    implicit_key: Annotated[str, Field(max_length=128)] | None = None
    """Ours: what the batch is known by in the run that triggers it."""


class CreatedBatch(Model):
    """The batch, and what is there of it; `is_cached` says that nothing is left to send."""

    id: str
    run_count: int
    is_cached: bool
    idempotency_key: str | None = None
    received: int = 0
    """Ours: how many items are here already, of a batch that a key stood for."""


class BatchItem(TriggerRun):
    """One item, on a line of its own: its place in the batch, the task, and what a trigger says."""

    index: Annotated[int, Field(ge=0)]
    task: TaskId


class ItemLines(Model):
    """Items as they travel: one JSON object on each line."""

    lines: bytes = b""

    def to_json(self) -> bytes:
        """Return the lines."""
        return self.lines


class ItemsAdded(Model):
    """What became of a stream of items; while the batch is not sealed, some are missing."""

    id: str
    items_accepted: int
    items_deduplicated: int
    sealed: bool
    enqueued_count: int | None = None
    expected_count: int | None = None


class ItemError(Model):
    """Why an item became no run."""

    index: int
    task_identifier: str
    error: str
    error_code: str | None = None


class Processing(Model):
    """How making the runs went."""

    completed_at: datetime | None = None
    """When all items were here."""
    errors: list[ItemError] = []


class Batch(Model):
    """A batch, as it is shown; `runs` are those of its items, in their order."""

    id: str
    status: BatchStatus
    idempotency_key: str | None = None
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None = None
    """When all its runs had ended."""
    run_count: int
    runs: list[str]
    tasks: list[str] = []
    """Ours: the tasks of these runs, in the same order."""
    processing: Processing = Processing()
    parent_run_id: str | None = None


class ResultsQuery(Model):
    """Which results of a batch to give, and how long to wait for them."""

    wait: Annotated[float, Field(ge=0, le=60)] = 0
    """Seconds to hold the answer open; the server answers as soon as all runs have ended."""
    size: Annotated[int, Field(alias="page[size]", ge=1, le=MAX_ITEMS)] = MAX_ITEMS
    after: Annotated[int, Field(alias="page[after]", ge=-1)] = -1
    """The index of the last item that is known."""


class ItemResult(Model):
    """What became of an item; `output` is a packet, to be read by `output_type`.

    An item that became no run has an empty `id`, no status, and an error that says why.
    """

    ok: bool
    index: int
    id: str
    task_identifier: str
    status: Status | None = None
    output: str | None = None
    output_type: str | None = None
    error: RunError | None = None


class BatchResults(Model):
    """The results of a batch, in the order of its items; `pagination.next` asks for the rest."""

    id: str
    items: list[ItemResult]
    pagination: CursorPage = CursorPage()


class BatchCanceled(Model):
    """The batch whose runs were canceled, and how many had not ended."""

    id: str
    canceled: int


class LegacyItem(Model):
    """An item of a batch that comes in one request."""

    task: TaskId
    payload: Json = None
    options: TriggerOptions = TriggerOptions()


class LegacyBatch(Model):
    """A batch in one request, as older clients send it."""

    items: Annotated[list[LegacyItem], Field(min_length=1, max_length=MAX_LEGACY_ITEMS)]
    parent_run_id: str | None = None
    resume_parent_on_completion: bool | None = None


class LegacyTaskItem(Model):
    """An item of a batch of one task."""

    payload: Json = None
    options: TriggerOptions = TriggerOptions()


class LegacyTaskBatch(Model):
    """A batch of one task in one request, as the oldest clients send it."""

    items: Annotated[list[LegacyTaskItem], Field(min_length=1, max_length=MAX_LEGACY_ITEMS)]


class LegacyCreated(Model):
    """The batch that one request made."""

    id: str
    run_count: int


class LegacyRun(Model):
    """A run of a batch that one request made."""

    id: str
    task_identifier: str
    is_cached: bool = False
    idempotency_key: str | None = None


class LegacyRuns(Model):
    """The batch that one request made, with its runs."""

    id: str
    is_cached: bool = False
    runs: list[LegacyRun]


class LegacyTaskRuns(Model):
    """The batch of one task that one request made, with its runs."""

    batch_id: str
    runs: list[str]
