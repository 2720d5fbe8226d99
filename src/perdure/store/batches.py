"""Batches: many runs triggered as one.

Nobody counts how many runs of a batch are left, so runs that end never wait for each other at its row.
One run at a time is watched instead, the last that has not ended: until it ends, the batch can't be over.
Its end puts the batch on the list of those to look at (`batch_looks`), and the look finds the next run to
watch, or none.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from perdure.core.ids import first_id
from perdure.store.database import Tx
from perdure.store.rows import Run

CHANNEL = "batches"
"""Hinted when batches are to be looked at."""

ALARM = "batch"
"""The kind of the alarm that gives a batch up."""


class Batch(NamedTuple):
    """A batch; the columns of its table, in order."""

    id: str
    environment: str
    created_at: int
    updated_at: int
    run_count: int
    received: int
    failed: int
    watched: int
    sealed_at: int | None
    completed_at: int | None
    aborted_at: int | None
    parent: str | None
    is_awaited: int
    idempotency_key: str | None


class Item(NamedTuple):
    """An item of a batch, and the run that it became, or why it became none."""

    position: int
    task: str
    run: str | None
    error: str | None
    error_code: str | None


class Result(NamedTuple):
    """What became of an item; `output` is a packet, `run_error` a `wire.values.RunError` as JSON."""

    position: int
    task: str
    run: str | None
    error: str | None
    error_code: str | None
    status: str | None
    output: str | None
    output_type: str | None
    run_error: str | None


class Watched(NamedTuple):
    """The last item of a batch whose run has not ended."""

    batch: str
    position: int
    run: str


async def insert(tx: Tx, batch: Batch) -> None:
    """Store a new batch."""
    await tx.run(
        "insert_batch",
        id=batch.id,
        environment=batch.environment,
        created_at=batch.created_at,
        run_count=batch.run_count,
        parent=batch.parent,
        is_awaited=batch.is_awaited,
        idempotency_key=batch.idempotency_key,
    )


async def find(tx: Tx, environment: str, batch: str) -> Batch | None:
    """Return a batch of an environment, or None."""
    row = await tx.maybe("batch", id=batch, environment=environment)
    return Batch._make(row) if row else None


async def of_ids(tx: Tx, ids: Sequence[str]) -> dict[str, Batch]:
    """Return the batches that exist, by id."""
    return {row[0]: Batch._make(row) for row in await tx.all("batches", ids=ids)}


async def lock(tx: Tx, ids: Sequence[str]) -> dict[str, Batch]:
    """Lock and return the batches that exist, by id."""
    return {row[0]: Batch._make(row) for row in await tx.all("lock_batches", ids=ids)}


async def with_failures(tx: Tx, ids: Sequence[str], failures: Sequence[str]) -> set[str]:
    """Return those of some batches that have a run whose status is one of these."""
    return {row[0] for row in await tx.all("runs_with_failures", ids=ids, failures=failures)}


async def known_positions(tx: Tx, batch: str, positions: Sequence[int]) -> set[int]:
    """Return which of some items of a batch are here."""
    return {row[0] for row in await tx.all("known_positions", batch=batch, positions=positions)}


async def add_items(tx: Tx, batch: Batch, items: Sequence[Item], *, now: int) -> Batch:
    """Store items of a locked batch, which is sealed by the last; return it as it is then."""
    await tx.run("insert_batch_items", items=[{"batch": batch.id, **item._asdict()} for item in items])
    received = batch.received + len(items)
    grown = batch._replace(
        received=received,
        failed=batch.failed + sum(item.run is None for item in items),
        sealed_at=now if received == batch.run_count else None,
        updated_at=now,
    )
    await tx.run(
        "count_in",
        id=batch.id,
        received=grown.received,
        failed=grown.failed,
        sealed_at=grown.sealed_at,
        now=now,
    )
    return grown


async def abort(tx: Tx, ids: Sequence[str], *, now: int) -> list[str]:
    """Give up batches whose items are not all here; return those that were."""
    return [row[0] for row in await tx.all("abort_batches", ids=ids, now=now)]


async def complete(tx: Tx, ids: Sequence[str], *, now: int) -> list[str]:
    """Note that all runs of batches have ended; return those of which it was not known."""
    return [row[0] for row in await tx.all("complete_batches", ids=ids, now=now)]


async def look_at(tx: Tx, batches: Iterable[tuple[str, int]]) -> None:
    """Have batches looked at, each because of the item at a position."""
    rows = [{"batch": batch, "position": position} for batch, position in batches]
    await tx.run("look_at_batches", looks=rows)
    tx.hint(CHANNEL)


async def look_after(tx: Tx, runs: Sequence[str]) -> None:
    """Have the batches looked at that some runs, which have ended, are in."""
    if await tx.run("look_after_runs", runs=runs):
        tx.hint(CHANNEL)


async def take_looks(tx: Tx, *, limit: int) -> list[str]:
    """Return batches to look at, and take them off the list; one may be there several times."""
    return [row[0] for row in await tx.all("take_batch_looks", limit=limit)]


async def last_unfinished(tx: Tx, ids: Sequence[str]) -> list[Watched]:
    """Return, of each batch that has one, the last item whose run has not ended."""
    return [Watched._make(row) for row in await tx.all("last_unfinished", ids=ids)]


async def watch(tx: Tx, items: Sequence[Watched]) -> None:
    """Note which item of each batch is watched."""
    await tx.run("watch_items", looks=[{"batch": i.batch, "position": i.position} for i in items])


async def awaiting(tx: Tx, runs: Sequence[str]) -> list[str]:
    """Return the runs that wait, or are to wait, for batches that some runs are in."""
    return [row[0] for row in await tx.all("runs_awaiting_batches_of", runs=runs)]


async def items_of(tx: Tx, batch: str) -> list[Item]:
    """Return the items of a batch, in order."""
    return [Item._make(row) for row in await tx.all("items_of_batch", batch=batch)]


async def results_of(
    tx: Tx, batch: str, *, after: int, limit: int, characters: int
) -> tuple[list[Result], bool]:
    """Return what became of the items after one, in order, and whether there are more.

    Args:
        tx: the transaction.
        batch: which.
        after: the position to begin after; -1 for all.
        limit: how many at most.
        characters: how long their results may be together; one is given, however long it is.
    """
    sizes = await tx.all("sizes_of_results", batch=batch, after=after, limit=limit + 1)
    count, total = 0, 0
    for row in sizes[:limit]:
        total += row["size"]
        if count and total > characters:
            break
        count += 1
    rows = await tx.all("results_of_batch", batch=batch, after=after, limit=count)
    return [Result._make(row) for row in rows], len(sizes) > count


async def lock_unfinished(tx: Tx, batch: str) -> list[Run]:
    """Lock and return the runs that a batch made and that have not ended."""
    return [Run._make(row) for row in await tx.all("lock_unfinished_of_batch", batch=batch)]


async def forget(tx: Tx, *, before: int, limit: int) -> int:
    """Delete batches that were over before a moment and that no run waits for; return how many."""
    rows = await tx.all("old_batches", before=before, below=first_id("batch", before), limit=limit)
    if rows:
        ids = [row[0] for row in rows]
        await tx.run("delete_batch_items", batches=ids)
        await tx.run("delete_batches", batches=ids)
    return len(rows)
