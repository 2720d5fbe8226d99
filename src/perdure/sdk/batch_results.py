"""What became of the items of a batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, overload

from perdure import wire
from perdure.core.errors import BatchFailed, OutputInvalid, PerdureError
from perdure.core.lifecycle import Status
from perdure.sdk.handle import run_failed
from perdure.sdk.payload import Definition

R_co = TypeVar("R_co", covariant=True)

_TOLD = 3


@dataclass(frozen=True)
class ItemResult(Generic[R_co]):
    """What became of one item; R is what its task returns."""

    #: its number in the batch; the first is 0
    index: int
    #: the id of its task
    task: str
    #: None if it became no run
    run_id: str | None
    #: how the run ended; None if there is none, or if it is forgotten
    status: Status | None
    #: whether the run succeeded
    ok: bool
    #: what the task returned
    output: R_co | None = None
    #: why it did not succeed
    error: PerdureError | None = None

    def unwrap(self) -> R_co:
        """Return what the task returned.

        Raises:
            RunFailed: the run did not succeed, or there is none.
            OutputInvalid: the task returned what its annotation does not say.
        """
        if self.error is not None:
            raise self.error
        return self.output  # pyright: ignore[reportReturnType]  -- None is what the task returned, then


class BatchResults(Sequence[ItemResult[R_co]]):
    """What became of the items of a batch, in their order."""

    def __init__(self, ids: Sequence[str], tasks: Mapping[str, Definition]) -> None:
        #: of the batches underneath: one for each 1,000 items
        self.ids = tuple(ids)
        self._tasks = tasks
        self._items: list[ItemResult[R_co]] = []

    @property
    def ok(self) -> bool:
        """Whether all succeeded."""
        return all(item.ok for item in self._items)

    @property
    def failed(self) -> list[ItemResult[R_co]]:
        """Those that did not succeed."""
        return [item for item in self._items if not item.ok]

    def unwrap(self) -> list[R_co]:
        """Return what each returned.

        Raises:
            BatchFailed: some did not succeed; the first of them are named.
        """
        failed = self.failed
        if failed:
            told = "; ".join(f"item {item.index}: {item.error}" for item in failed[:_TOLD])
            more = f"; and {len(failed) - _TOLD} more" if len(failed) > _TOLD else ""
            raise BatchFailed(failed=len(failed), count=len(self), first=told + more)
        return [item.unwrap() for item in self._items]

    def add(self, item: wire.batches.ItemResult) -> None:
        """Take the next result as the server tells it."""
        self._items.append(_read(item, len(self._items), self._tasks.get(item.task_identifier)))

    @overload
    def __getitem__(self, index: int) -> ItemResult[R_co]: ...
    @overload
    def __getitem__(self, index: slice) -> list[ItemResult[R_co]]: ...
    def __getitem__(self, index: int | slice) -> Any:
        """Return the result of an item, or of some."""
        return self._items[index]

    def __iter__(self) -> Iterator[ItemResult[R_co]]:
        """Go through the results."""
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return f"<BatchResults: {len(self) - len(self.failed)} of {len(self)} succeeded>"


def _read(item: wire.batches.ItemResult, index: int, task: Definition | None) -> ItemResult[Any]:
    known = {
        "index": index,
        "task": item.task_identifier,
        "run_id": item.id or None,
        "status": item.status,
    }
    if not item.ok:
        error = run_failed(item.id or "(none)", item.task_identifier, item.status, item.error)
        return ItemResult(**known, ok=False, error=error)
    try:
        output = item.output if task is None else task.shape.decode_output(item.output)
    except OutputInvalid as error:
        return ItemResult(**known, ok=False, error=error)
    return ItemResult(**known, ok=True, output=output)


def merged(batches: Sequence[wire.batches.Batch]) -> wire.batches.Batch:
    """Return the batches of one stream as one.

    Raises:
        ValueError: there is none.
    """
    if not batches:
        raise ValueError("A batch of no items was never made.")
    first = 0
    errors: list[wire.batches.ItemError] = []
    for batch in batches:
        for error in batch.processing.errors:
            errors.append(error.model_copy(update={"index": error.index + first}))
        first += batch.run_count
    ends = [batch.completed_at for batch in batches]
    sealed = [batch.processing.completed_at for batch in batches]
    return wire.batches.Batch(
        id=batches[0].id,
        status=_status({batch.status for batch in batches}),
        idempotency_key=batches[0].idempotency_key,
        created_at=batches[0].created_at,
        updated_at=max(batch.updated_at for batch in batches),
        completed_at=None if None in ends else max(end for end in ends if end),
        run_count=first,
        runs=[run for batch in batches for run in batch.runs],
        tasks=[task for batch in batches for task in batch.tasks],
        processing=wire.batches.Processing(
            completed_at=None if None in sealed else max(end for end in sealed if end), errors=errors
        ),
        parent_run_id=batches[0].parent_run_id,
    )


def _status(found: set[wire.batches.BatchStatus]) -> wire.batches.BatchStatus:
    kinds = wire.batches.BatchStatus
    for under_way in (kinds.PENDING, kinds.PROCESSING):
        if under_way in found:
            return under_way
    return found.pop() if len(found) == 1 else kinds.PARTIAL_FAILED
