"""Batches that are made once: for which batch a key stands already.

The keys are those of triggers (`perdure.engine.once`), and stand in the same table: the request's, the
public token's, the user's (which goes with the set of tasks), and the SDK's own.  A batch that was given up
frees the user's key; the SDK's is freed by one failed run as well, so that a parent which is tried again has
that run made again.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from perdure.core.lifecycle import FAILURES
from perdure.engine import options
from perdure.engine.drafts import Key, OneTimeToken
from perdure.engine.key_claims import KeyClaim, take
from perdure.engine.resources import EngineSettings
from perdure.store import batches
from perdure.store.batches import Batch
from perdure.store.database import Tx
from perdure.store.keys import IDEMPOTENCY, IMPLICIT, REQUEST, TOKEN, KeyHolder, hash_of
from perdure.wire.batches import CreateBatch


@dataclass(frozen=True, slots=True)
class Standing:
    """The batch that keys stand for already, and the kind of the key that says so."""

    batch: str
    kind: str


def keys_of(
    wanted: CreateBatch, request: str | None, token: OneTimeToken | None, now: int, settings: EngineSettings
) -> list[Key]:
    """Return the keys of a new batch, those that decide first in front."""
    made = []
    if request:
        made.append(
            Key(REQUEST, options.plain_text("request_key", request), now + settings.request_key_ttl_ms)
        )
    if token:
        made.append(Key(TOKEN, token.fingerprint, token.expires_at))
    if wanted.idempotency_key:
        key = options.plain_text("idempotency_key", wanted.idempotency_key)
        made.append(Key(IDEMPOTENCY, key, now + settings.batch_key_ttl_ms))
    if wanted.implicit_key:
        key = options.plain_text("implicit_key", wanted.implicit_key)
        made.append(Key(IMPLICIT, key, now + settings.idempotency_key_ttl_ms))
    return made


async def claim(tx: Tx, batch: Batch, wanted: CreateBatch, own: Sequence[Key], now: int) -> Standing | None:
    """Take the keys of a new batch; return the batch that they stand for, if there is one."""
    if not own:
        return None

    async def find_stale(holders: Sequence[KeyHolder]) -> list[KeyHolder]:
        return await _stale(tx, holders, now)

    wants = {key.kind: _claim(batch, wanted, key) for key in own}
    owners = await take(tx, list(wants.values()), find_stale)
    for key in own:
        owner = owners[wants[key.kind].hash]
        if owner != batch.id:
            return Standing(owner, key.kind)
    return None


async def _stale(tx: Tx, holders: Sequence[KeyHolder], now: int) -> list[KeyHolder]:
    """Return the keys that do not stand any more for the batch that has them."""
    ids = sorted({holder.run for holder in holders})
    known = await batches.of_ids(tx, ids)
    failed = await batches.with_failures(tx, ids, sorted(FAILURES))
    return [holder for holder in holders if not _stands(holder, known.get(holder.run), failed, now)]


def _stands(holder: KeyHolder, batch: Batch | None, failed: set[str], now: int) -> bool:
    if holder.kind == TOKEN:  # which stays used, whatever became of what it triggered
        return holder.expires_at > now
    if batch is None or holder.expires_at <= now:
        return False
    if holder.kind == IMPLICIT and (batch.failed or batch.id in failed):
        return False
    return batch.aborted_at is None or holder.kind == REQUEST


def _claim(batch: Batch, wanted: CreateBatch, key: Key) -> KeyClaim:
    task = "" if key.kind == TOKEN else _scope(wanted, key)
    hash = hash_of(batch.environment, task, key.kind, key.key)
    return KeyClaim(hash, key.kind, batch.id, key.expires_at)


def _scope(wanted: CreateBatch, key: Key) -> str:
    """Return what a key goes with, where the key of a trigger has its task."""
    tasks = sorted(set(wanted.task_identifiers or ())) if key.kind == IDEMPOTENCY else []
    return "batch " + hashlib.sha256("\n".join(tasks).encode()).hexdigest()[:16]
