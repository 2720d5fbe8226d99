"""Forgetting what is old, a batch at a time."""

from collections.abc import Sequence
from dataclasses import dataclass

from perdure.core.ids import first_id
from perdure.store import keys
from perdure.store.database import Row, Tx
from perdure.store.keys import IDEMPOTENCY, hash_of

_BELONGINGS = (
    "delete_packets",
    "delete_tags",
    "delete_attempts",
    "delete_events",
    "delete_snapshots",
    "delete_waits",
    "delete_dead_letters",
)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What one transaction has forgotten of the old runs."""

    runs: list[str]
    last: str | None
    """The last run that was looked at; None if there are no more."""


async def forget_runs(tx: Tx, *, before: int, now: int, after: str, limit: int) -> Forgotten:
    """Delete runs that ended before a moment, with all that belongs to them.

    A run stays as long as an idempotency key stands for it, or it is on the dead-letter list.

    Args:
        tx: the transaction.
        before: the moment.
        now: the current moment.
        after: only runs after this one; `""` for all.
        limit: the most to look at.
    """
    below = first_id("run", before)
    rows = await tx.all("lock_old_runs", before=before, below=below, after=after, limit=limit)
    kept = await _with_a_key(tx, rows, now)
    runs = [row["id"] for row in rows if row["id"] not in kept]
    if runs:
        for statement in _BELONGINGS:
            await tx.run(statement, runs=runs)
        await tx.run("delete_runs", runs=runs)
    return Forgotten(runs, rows[-1]["id"] if len(rows) == limit else None)


async def _with_a_key(tx: Tx, rows: Sequence[Row], now: int) -> set[str]:
    """Return those of some runs that their user's key still stands for."""
    kinds = {
        hash_of(row["environment"], row["task"], IDEMPOTENCY, row["idempotency_key"]): IDEMPOTENCY
        for row in rows
        if row["idempotency_key"] is not None
    }
    holders = await keys.holders(tx, kinds) if kinds else []
    return {holder.run for holder in holders if holder.expires_at > now}


async def live_of(tx: Tx, runs: Sequence[str]) -> set[str]:
    """Return those of some runs that have not ended."""
    return {row[0] for row in await tx.all("live_runs_of", runs=runs)}


async def forget_keys(tx: Tx, *, now: int, limit: int) -> int:
    """Delete keys whose time is over, so many at most; return how many."""
    return await tx.run("delete_expired_trigger_keys", now=now, limit=limit)


async def forget_tokens(tx: Tx, *, before: int, limit: int) -> int:
    """Delete tokens completed before a moment that no run waits for; return how many."""
    tokens = [row[0] for row in await tx.all("old_tokens", before=before, limit=limit)]
    if tokens:
        await tx.run("delete_token_tags", tokens=tokens)
        await tx.run("delete_tokens", tokens=tokens)
    return len(tokens)


async def forget_workers(tx: Tx, *, before: int) -> int:
    """Delete workers that nobody has heard of since a moment; return how many."""
    forgotten = await tx.run("delete_old_workers", before=before)
    await tx.run("delete_cancels_of_gone_workers")
    await tx.run("delete_wakes_of_gone_workers")
    return forgotten
