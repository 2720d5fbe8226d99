"""Forgetting what is old, a batch at a time."""

from collections.abc import Sequence

from perdure.core.ids import first_id
from perdure.store.database import Tx

_BELONGINGS = (
    "delete_packets",
    "delete_tags",
    "delete_attempts",
    "delete_events",
    "delete_snapshots",
    "delete_waits",
    "delete_dead_letters",
)


async def forget_runs(tx: Tx, *, before: int, now: int, after: str, limit: int) -> list[str]:
    """Delete runs that ended before a moment, with all that belongs to them; return their ids, in order.

    A run stays as long as an idempotency key stands for it, or it is on the dead-letter list.

    Args:
        tx: the transaction.
        before: the moment.
        now: the current moment.
        after: only runs after this one; `""` for all.
        limit: the most to delete.
    """
    below = first_id("run", before)
    rows = await tx.all("lock_old_runs", before=before, below=below, now=now, after=after, limit=limit)
    runs = [row[0] for row in rows]
    if runs:
        for statement in _BELONGINGS:
            await tx.run(statement, runs=runs)
        await tx.run("delete_runs", runs=runs)
    return runs


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
