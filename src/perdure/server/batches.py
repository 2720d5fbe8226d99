"""Batches: made, filled by a stream of items, shown and canceled."""

import re
from collections.abc import Sequence

from pydantic import ValidationError

from perdure.core.clock import to_datetime, to_datetime_or_none
from perdure.core.errors import Forbidden, Invalid, NotFound, PerdureError, Unprocessable, WrongMediaType
from perdure.core.lifecycle import Status
from perdure.engine.batches import GROUP, Added, BatchView, Refused, status_of
from perdure.server import problems, tokens
from perdure.server.handles import Call, handles
from perdure.server.lines import Line, drain, groups
from perdure.server.runs import REQUEST_KEY, TOKEN_SECONDS
from perdure.store.batches import Batch, Result
from perdure.wire import batches as wire
from perdure.wire import endpoints
from perdure.wire.endpoint import MEGABYTE, NDJSON
from perdure.wire.model import Nothing
from perdure.wire.values import CursorPage, ErrorCode, RunError

MAX_ITEM = endpoints.runs.TRIGGER.limit
"""The bytes of one item: those of a trigger."""

_GROUP_BYTES = 4 * MEGABYTE
# What a line that is too long begins with.
_INDEX = re.compile(rb'"index"\s*:\s*(\d{1,9})\b')
_TASK = re.compile(rb'"task"\s*:\s*"([^"\\]{1,128})"')


@handles(endpoints.batches.CREATE_BATCH)
async def create_batch(call: Call, wanted: wire.CreateBatch) -> wire.CreatedBatch:
    """Make a batch, and give its reader a token."""
    return await _create(call, wanted)


@handles(endpoints.batches.ADD_ITEMS)
async def add_items(call: Call, _: wire.ItemLines, batch: str) -> wire.ItemsAdded:
    """Take in a stream of items, a group at a time."""
    given = call.request.header(b"content-type")
    if given.partition(";")[0].strip().lower() != NDJSON:
        raise WrongMediaType(given=given, expected=f"{NDJSON}: one JSON object on each line")
    try:
        return await _take_in(call, batch)
    except PerdureError:
        await drain(call.request)
        raise


@handles(endpoints.batches.RETRIEVE_BATCH)
async def retrieve_batch(call: Call, _: Nothing, batch: str) -> wire.Batch:
    """Show a batch."""
    call.require("read", ("batch", batch), ("runs", None))
    return _shown(await call.services.engine.batches.get(call.environment, batch))


@handles(endpoints.batches.BATCH_RESULTS)
async def batch_results(call: Call, query: wire.ResultsQuery, batch: str) -> wire.BatchResults:
    """Tell what became of the items; held open until all runs have ended."""
    call.require("read", ("batch", batch), ("runs", None))
    waiting = call.services.engine.batches.results(
        call.environment, batch, after=query.after, size=query.size, wait=query.wait
    )
    page = await call.services.hold(call.request, waiting)
    if page is None:
        raise NotFound(f"Batch {batch} is not over: some of its runs have not ended")
    following = str(page.results[-1].position) if page.has_more else None
    return wire.BatchResults(
        id=batch,
        items=[_result(result) for result in page.results],
        pagination=CursorPage(next=following),
    )


@handles(endpoints.batches.CANCEL_BATCH)
async def cancel_batch(call: Call, _: Nothing, batch: str) -> wire.BatchCanceled:
    """Cancel the runs of a batch."""
    call.require("write", ("batch", batch), ("runs", None))
    canceled = await call.services.engine.batches.cancel(call.environment, batch)
    return wire.BatchCanceled(id=batch, canceled=len(canceled))


@handles(endpoints.batches.TRIGGER_BATCH)
async def trigger_batch(call: Call, wanted: wire.LegacyBatch) -> wire.LegacyCreated:
    """Trigger a batch in one request."""
    made, _ = await _trigger(call, wanted)
    return wire.LegacyCreated(id=made.id, run_count=made.run_count)


@handles(endpoints.batches.TRIGGER_BATCH_V1)
async def trigger_batch_v1(call: Call, wanted: wire.LegacyBatch) -> wire.LegacyRuns:
    """Trigger a batch in one request, and tell its runs."""
    made, view = await _trigger(call, wanted)
    runs = [
        wire.LegacyRun(
            id=item.run or "",
            task_identifier=item.task,
            idempotency_key=wanted.items[item.position].options.idempotency_key,
        )
        for item in view.items
    ]
    return wire.LegacyRuns(id=made.id, is_cached=made.is_cached, runs=runs)


@handles(endpoints.batches.TRIGGER_TASK_BATCH)
async def trigger_task_batch(call: Call, wanted: wire.LegacyTaskBatch, task: str) -> wire.LegacyTaskRuns:
    """Trigger a batch of one task in one request."""
    items = [
        wire.LegacyItem(task=task, **item.model_dump(exclude_unset=True, by_alias=True))
        for item in wanted.items
    ]
    made, view = await _trigger(call, wire.LegacyBatch(items=items))
    return wire.LegacyTaskRuns(batch_id=made.id, runs=[item.run for item in view.items if item.run])


async def _create(call: Call, wanted: wire.CreateBatch) -> wire.CreatedBatch:
    for task in wanted.task_identifiers or [None]:
        call.require("batchTrigger", ("tasks", task), ("batch", None))
    if wanted.parent_run_id:
        call.require("write", ("runs", wanted.parent_run_id))
    made = await call.services.engine.batches.create(
        call.environment,
        wanted,
        request_key=call.request.header(REQUEST_KEY) or None,
        token=call.grant.once if call.grant else None,
    )
    batch = made.batch
    call.headers["x-trigger-jwt"] = _token(call, batch)
    return wire.CreatedBatch(
        id=batch.id,
        run_count=batch.run_count,
        is_cached=made.is_known and batch.sealed_at is not None,
        idempotency_key=batch.idempotency_key,
        received=batch.received,
    )


def _token(call: Call, batch: Batch) -> str:
    scopes = [f"read:batch:{batch.id}"]
    if call.request.header(b"x-trigger-client") == "browser":
        scopes.append(f"write:batch:{batch.id}")  # so that it can send the items
    environment = call.environment
    return tokens.sign(
        environment.id, environment.key, scopes, now=call.services.now(), seconds=TOKEN_SECONDS
    )


async def _take_in(call: Call, batch: str) -> wire.ItemsAdded:
    checks_tasks = not _may_fill(call, batch)
    accepted = known = triggered = 0
    row: Batch | None = None
    async for lines in groups(call.request, limit=MAX_ITEM, count=GROUP, size=_GROUP_BYTES):
        items = [_item(line) for line in lines]
        if checks_tasks:
            for task in {item.task for item in items}:
                call.require("batchTrigger", ("tasks", task))
        added = await _add(call, batch, items)
        accepted += added.accepted
        known += added.known
        triggered += len(added.triggered)
        row = added.batch
    row = row or (await _add(call, batch, [])).batch
    return wire.ItemsAdded(
        id=batch,
        items_accepted=accepted,
        items_deduplicated=known,
        sealed=row.sealed_at is not None,
        enqueued_count=triggered,
        expected_count=row.run_count,
    )


async def _add(call: Call, batch: str, items: Sequence[wire.BatchItem | Refused]) -> Added:
    added = await call.services.engine.batches.add(call.environment, batch, items)
    call.services.metrics.triggered.inc(len(added.triggered))
    return added


def _may_fill(call: Call, batch: str) -> bool:
    try:
        call.require("write", ("batch", batch))
    except Forbidden:
        return False
    return True


def _item(line: Line) -> wire.BatchItem | Refused:
    """Return the item of a line.

    Raises:
        Invalid: it is no JSON.
        Unprocessable: it is no item.
    """
    if line.is_cut:
        return _too_long(line)
    try:
        return wire.BatchItem.model_validate_json(line.data)
    except ValidationError as error:
        name = _name(line)
        told, details = problems.told(error)
        if any(problem["code"] == "json_invalid" for problem in details):
            raise Invalid(f"{name} is no JSON: {told}", details=details) from None
        raise Unprocessable(f"{name} can't be triggered: {told}", details=details) from None


def _name(line: Line) -> str:
    index = _INDEX.search(line.data)
    return f"Item {index[1].decode()}" if index else f"Line {line.number}"


def _too_long(line: Line) -> Refused:
    index, task = _INDEX.search(line.data), _TASK.search(line.data)
    if index is None or task is None:
        raise Unprocessable(
            f"{_name(line)} is {line.size} bytes, and the limit is {MAX_ITEM}; "
            "its index and task, which could note it as failed, do not stand at its beginning"
        )
    told = f"The item is {line.size} bytes; the limit is {MAX_ITEM}. Keep large data elsewhere."
    return Refused(int(index[1]), task[1].decode(errors="replace"), told, ErrorCode.TOO_LARGE)


async def _trigger(call: Call, wanted: wire.LegacyBatch) -> tuple[wire.CreatedBatch, BatchView]:
    """Make a batch and fill it."""
    made = await _create(
        call,
        wire.CreateBatch(
            run_count=len(wanted.items),
            task_identifiers=sorted({item.task for item in wanted.items}),
            parent_run_id=wanted.parent_run_id,
            resume_parent_on_completion=wanted.resume_parent_on_completion,
        ),
    )
    items = [
        wire.BatchItem(index=index, **item.model_dump(exclude_unset=True, by_alias=True))
        for index, item in enumerate(wanted.items)
    ]
    await _add(call, made.id, items)
    return made, await call.services.engine.batches.get(call.environment, made.id)


def _shown(view: BatchView) -> wire.Batch:
    batch = view.batch
    return wire.Batch(
        id=batch.id,
        status=status_of(batch),
        idempotency_key=batch.idempotency_key,
        created_at=to_datetime(batch.created_at),
        updated_at=to_datetime(batch.updated_at),
        completed_at=to_datetime_or_none(batch.completed_at),
        run_count=batch.run_count,
        runs=[item.run for item in view.items if item.run],
        tasks=[item.task for item in view.items if item.run],
        processing=wire.Processing(
            completed_at=to_datetime_or_none(batch.sealed_at),
            errors=[
                wire.ItemError(
                    index=item.position,
                    task_identifier=item.task,
                    error=item.error,
                    error_code=item.error_code,
                )
                for item in view.items
                if item.error is not None
            ],
        ),
        parent_run_id=batch.parent,
    )


def _result(result: Result) -> wire.ItemResult:
    status = Status(result.status) if result.status is not None else None
    ok = status is Status.COMPLETED
    return wire.ItemResult(
        ok=ok,
        index=result.position,
        id=result.run or "",
        task_identifier=result.task,
        status=status,
        output=result.output if ok else None,
        output_type=result.output_type if ok else None,
        error=None if ok else _error(result),
    )


def _error(result: Result) -> RunError:
    if result.run is None:
        return RunError.internal(ErrorCode.NOT_TRIGGERED, result.error or "")
    if result.run_error is not None:
        return RunError.model_validate_json(result.run_error)
    told = "It is forgotten by now" if result.status is None else f"It ended as {result.status}"
    return RunError(type="STRING_ERROR", raw=told)
