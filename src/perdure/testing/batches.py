"""Batches in memory: many runs triggered as one."""

from collections.abc import Callable
from dataclasses import dataclass, field

from perdure.core.clock import to_datetime
from perdure.core.errors import NotFound, PerdureError, Unprocessable
from perdure.core.ids import new_id
from perdure.core.lifecycle import FAILURES, Status
from perdure.store.packets import ERROR, OUTPUT
from perdure.testing.lives import Life
from perdure.wire import batches as wire
from perdure.wire.values import ErrorCode, RunError

Trigger = Callable[[wire.BatchItem], Life]


@dataclass
class Kept:
    """A batch with its items."""

    id: str
    created_at: int
    wanted: wire.CreateBatch
    runs: dict[int, Life] = field(default_factory=dict)
    refused: dict[int, wire.ItemError] = field(default_factory=dict)

    @property
    def received(self) -> int:
        """How many items are here."""
        return len(self.runs) + len(self.refused)

    @property
    def is_sealed(self) -> bool:
        """Whether all items are here."""
        return self.received == self.wanted.run_count

    @property
    def is_over(self) -> bool:
        """Whether all items are here, and all runs have ended."""
        return self.is_sealed and all(life.has_ended for life in self.runs.values())

    @property
    def has_failures(self) -> bool:
        """Whether an item became no run, or its run has failed."""
        return bool(self.refused) or any(life.status in FAILURES for life in self.runs.values())


class Batches:
    """The batches of a test."""

    def __init__(self) -> None:
        self._kept: dict[str, Kept] = {}

    def find(self, batch: str) -> Kept | None:
        """Return a batch, or None."""
        return self._kept.get(batch)

    def get(self, batch: str) -> Kept:
        """Return a batch; raises NotFound."""
        if batch not in self._kept:
            raise NotFound(kind="batch", name=batch)
        return self._kept[batch]

    def create(self, wanted: wire.CreateBatch, now: int) -> wire.CreatedBatch:
        """Make a batch whose items are to follow, unless a key stands for one."""
        kept = next((kept for kept in self._kept.values() if _stands(kept, wanted)), None)
        if kept is None:
            kept = Kept(new_id("batch", now), now, wanted)
            self._kept[kept.id] = kept
        return wire.CreatedBatch(
            id=kept.id,
            run_count=kept.wanted.run_count,
            is_cached=kept.is_sealed,
            idempotency_key=_key(kept.wanted),
            received=kept.received,
        )

    def add(self, batch: str, lines: bytes, trigger: Trigger) -> wire.ItemsAdded:
        """Add items, one JSON object on each line, whose runs `trigger` makes."""
        kept = self.get(batch)
        items = [wire.BatchItem.model_validate_json(line) for line in lines.splitlines() if line.strip()]
        fresh = [item for item in items if item.index not in kept.runs and item.index not in kept.refused]
        return wire.ItemsAdded(
            id=batch,
            items_accepted=len(fresh),
            items_deduplicated=len(items) - len(fresh),
            enqueued_count=sum(_added(kept, item, trigger) for item in fresh),
            sealed=kept.is_sealed,
            expected_count=kept.wanted.run_count,
        )


def _added(kept: Kept, item: wire.BatchItem, trigger: Trigger) -> bool:
    """Add an item; return whether it became a run.  Raises Unprocessable."""
    if item.index >= kept.wanted.run_count:
        raise Unprocessable(
            f"Item {item.index} is one too many: the batch was made for {kept.wanted.run_count}"
        )
    family = {
        "parent_run_id": kept.wanted.parent_run_id,
        "resume_parent_on_completion": kept.wanted.resume_parent_on_completion,
    }
    item = item.model_copy(update={"options": item.options.model_copy(update=family)})
    try:
        kept.runs[item.index] = trigger(item)
    except PerdureError as error:
        kept.refused[item.index] = wire.ItemError(
            index=item.index, task_identifier=item.task, error=str(error), error_code=error.code
        )
    return item.index in kept.runs


def _stands(kept: Kept, wanted: wire.CreateBatch) -> bool:
    if wanted.idempotency_key and wanted.idempotency_key == kept.wanted.idempotency_key:
        return True
    same = wanted.implicit_key is not None and wanted.implicit_key == kept.wanted.implicit_key
    return same and not kept.has_failures


def _key(wanted: wire.CreateBatch) -> str | None:
    return wanted.idempotency_key_options.key if wanted.idempotency_key_options else wanted.idempotency_key


def status_of(kept: Kept) -> wire.BatchStatus:
    """Return where a batch is in its life."""
    if not kept.is_sealed:
        return wire.BatchStatus.PENDING
    if not kept.is_over:
        return wire.BatchStatus.PROCESSING
    if not kept.runs:
        return wire.BatchStatus.ABORTED
    return wire.BatchStatus.PARTIAL_FAILED if kept.refused else wire.BatchStatus.COMPLETED


def shown(kept: Kept) -> wire.Batch:
    """Return a batch as the API shows it."""
    runs = [life for _, life in sorted(kept.runs.items(), key=lambda item: item[0])]
    ends = [life.row.finished_at or 0 for life in runs]
    created = to_datetime(kept.created_at)
    return wire.Batch(
        id=kept.id,
        status=status_of(kept),
        idempotency_key=_key(kept.wanted),
        created_at=created,
        updated_at=created,
        completed_at=to_datetime(max(ends, default=kept.created_at)) if kept.is_over else None,
        run_count=kept.wanted.run_count,
        runs=[life.id for life in runs],
        tasks=[life.row.task for life in runs],
        processing=wire.Processing(
            completed_at=created if kept.is_sealed else None,
            errors=[kept.refused[index] for index in sorted(kept.refused)],
        ),
        parent_run_id=kept.wanted.parent_run_id,
    )


def results(kept: Kept, after: int) -> wire.BatchResults:
    """Return what became of the items after one; raises NotFound while a run has not ended."""
    if not kept.is_over:
        raise NotFound(kind="results of batch", name=kept.id)
    items = [_result(kept, index) for index in range(after + 1, kept.wanted.run_count)]
    return wire.BatchResults(id=kept.id, items=items)


def _result(kept: Kept, index: int) -> wire.ItemResult:
    if index in kept.refused:
        refused = kept.refused[index]
        error = RunError.internal(ErrorCode.NOT_TRIGGERED, refused.error)
        return wire.ItemResult(
            ok=False, index=index, id="", task_identifier=refused.task_identifier, error=error
        )
    life = kept.runs[index]
    ok, output, failure = life.status is Status.COMPLETED, life.packets.get(OUTPUT), life.packets.get(ERROR)
    return wire.ItemResult(
        ok=ok,
        index=index,
        id=life.id,
        task_identifier=life.row.task,
        status=life.status,
        output=output.data if ok and output else None,
        output_type=output.type if ok and output else None,
        error=RunError.model_validate_json(failure.data) if failure and not ok else None,
    )
