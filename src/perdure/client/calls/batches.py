"""What is asked of batches."""

import hashlib
from collections.abc import Mapping
from typing import Any

from pydantic_core import to_json, to_jsonable_python

from perdure.client.call import Call
from perdure.client.calls.runs import Link, lock
from perdure.client.chunks import Chunk, Packed
from perdure.client.idempotency import IdempotencyKey
from perdure.client.options import make_options
from perdure.core.errors import BadAnswer, BadOption, TooLarge
from perdure.core.names import check_options
from perdure.wire import batches, endpoints
from perdure.wire.runs import KeyOptions, TriggerRun

_KEYS = ("task", "payload", "options")

MAX_ITEM = endpoints.runs.TRIGGER.limit
"""The bytes of one item: those of a trigger."""


def pack(
    task: str,
    payload: Any,
    options: Mapping[str, Any],
    *,
    implicit_key: str | None = None,
    derived_key: str | None = None,
    version: str | None = None,
    traceparent: str | None = None,
) -> Packed:
    """Pack an item.

    Args:
        task: the task's id.
        payload: any value that JSON can hold.
        options: those of a trigger.
        implicit_key: what the run is known by in the run that triggers it.
        derived_key: the hash of the idempotency key that the item has if the options name none.
        version: that of the run that triggers it and waits, which it runs on if the options name none.
        traceparent: the place in the trace of the run that triggers it, where the server does not know it.

    Raises:
        BadOption: an option is unknown or has a value it can't have.
        TooLarge: the item is over the limit.
    """
    made = make_options(options)
    more = lock(version, made) | {
        "implicit_key": implicit_key,
        "traceparent": traceparent,
        "idempotency_key": made.idempotency_key or derived_key,
    }
    made = made.model_copy(update={name: value for name, value in more.items() if value is not None})
    trigger = TriggerRun(payload=to_jsonable_python(payload), options=made)
    json = b'"task":%s,%s' % (to_json(task), trigger.to_json()[1:])
    if len(json) > MAX_ITEM:
        raise TooLarge(what="The item", size=len(json), limit=MAX_ITEM)
    return Packed(task, json, implicit_key)


def pack_mapping(item: Any, derived_key: str | None) -> Packed:
    """Pack an item that is a mapping with `task`, `payload` and `options`; see `pack`.

    Raises:
        BadOption, UnknownOption: it is none, or has no task, or something else in it.
    """
    if not isinstance(item, Mapping) or not isinstance(item.get("task"), str):
        raise BadOption(
            option="item", value=item, expected='a mapping with a task: {"task": "…", "payload": …}'
        )
    check_options(item, _KEYS)
    return pack(item["task"], item.get("payload"), item.get("options") or {}, derived_key=derived_key)


def key_of_item(key: IdempotencyKey, number: int) -> str:
    """Return the hash of the key that an item has by that of its batch; that of the official clients."""
    return hashlib.sha256(f"{key.hash}-{number}".encode()).hexdigest()


def create(
    chunk: Chunk, key: IdempotencyKey | None = None, link: Link | None = None
) -> Call[batches.CreateBatch, batches.CreatedBatch]:
    """Make the batch of a chunk.

    Args:
        chunk: its items.
        key: of the whole stream: each of its batches has one made of it.
        link: to the run that triggers it, if one does.
    """
    body = batches.CreateBatch(
        run_count=len(chunk.lines),
        task_identifiers=sorted(chunk.tasks),
        parent_run_id=link.parent if link else None,
        resume_parent_on_completion=(link.is_awaited or None) if link else None,
        idempotency_key=None if key is None else _of_chunk(key, chunk),
        idempotency_key_options=None if key is None else KeyOptions(key=key.key, scope=key.scope),
        implicit_key=_hash(*chunk.implicit_keys) if chunk.implicit_keys else None,
    )
    return Call(endpoints.batches.CREATE_BATCH, body)


def add(batch: str, chunk: Chunk) -> Call[batches.ItemLines, batches.ItemsAdded]:
    """Send the items of a batch."""
    body = batches.ItemLines(lines=b"".join(chunk.lines))
    return Call(endpoints.batches.ADD_ITEMS, body, {"batch": batch})


def check_sealed(added: batches.ItemsAdded) -> None:
    """Refuse an answer that says that items are missing.

    Raises:
        BadAnswer: it does.
    """
    if not added.sealed:
        told = f"it has {added.items_accepted + added.items_deduplicated} of {added.expected_count} items"
        raise BadAnswer(endpoint=endpoints.batches.ADD_ITEMS.name, reason=told)


def retrieve(batch: str) -> Call[Any, batches.Batch]:
    """Get a batch."""
    return Call(endpoints.batches.RETRIEVE_BATCH, None, {"batch": batch})


def results(batch: str, after: int, wait: float) -> Call[batches.ResultsQuery, batches.BatchResults]:
    """Get what became of the items after one."""
    return Call(
        endpoints.batches.BATCH_RESULTS, batches.ResultsQuery(after=after, wait=wait), {"batch": batch}
    )


def cancel(batch: str) -> Call[Any, batches.BatchCanceled]:
    """Cancel the runs of a batch."""
    return Call(endpoints.batches.CANCEL_BATCH, None, {"batch": batch})


def _of_chunk(key: IdempotencyKey, chunk: Chunk) -> str:
    return key.hash if chunk.first == 0 else _hash(key.hash, str(chunk.first))


def _hash(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
