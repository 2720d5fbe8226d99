"""Canceling runs, wherever they are in their life."""

from collections.abc import Sequence

from perdure.core.errors import NotFound
from perdure.core.lifecycle import FINAL, On, Status
from perdure.engine.dequeue import channel_of_worker
from perdure.engine.moves import Move, Step, apply
from perdure.engine.reports import CANCELED
from perdure.engine.resources import Resources
from perdure.store import batches, history, packets, runs, workers
from perdure.store.database import Tx
from perdure.store.history import AttemptEnd
from perdure.store.packets import ERROR
from perdure.store.rows import Environment, Packet, Run
from perdure.wire.values import JSON, ErrorCode, RunError

BY_REQUEST = "canceled by request"
WITH_PARENT = "canceled with its parent"

UNDER_WAY = frozenset({Status.EXECUTING, Status.WAITING})
"""A run in one of these is in the middle of an attempt."""


class Cancel:
    """Cancels runs."""

    def __init__(self, resources: Resources) -> None:
        """Use these resources."""
        self._resources = resources

    async def cancel(self, environment: Environment, run: str) -> list[str]:
        """Cancel a run and its unfinished descendants; return those that were not finished.

        A run that a worker holds is canceled at once; the worker hears of it at its poll, and nothing
        it says of the run afterwards counts.

        Raises:
            NotFound: there is no such run in the environment.
        """
        now = self._resources.clock.now()
        return await self._resources.db.transact(self._cancel, environment.id, run, now)

    async def cancel_batch(self, batch: str) -> list[str]:
        """Cancel the runs that a batch made, and their unfinished descendants; return them."""
        return await self._resources.db.transact(_cancel_batch, batch, self._resources.clock.now())

    async def _cancel(self, tx: Tx, environment: str, run: str, now: int) -> list[str]:
        row = (await runs.lock(tx, [run])).get(run)
        if row is None or row.environment != environment:
            raise NotFound(kind="run", name=run)
        return await stop_families(tx, [row], now)


async def _cancel_batch(tx: Tx, batch: str, now: int) -> list[str]:
    return await stop_families(tx, await batches.lock_unfinished(tx, batch), now)


async def stop_families(tx: Tx, heads: Sequence[Run], now: int) -> list[str]:
    """Cancel runs and their unfinished descendants, a generation at a time; return all of them."""
    canceled: list[str] = []
    generation, reason = heads, BY_REQUEST
    while generation:
        live = [one for one in generation if one.status not in FINAL]
        await _stop(tx, live, reason, now)
        canceled += [one.id for one in live]
        generation = await runs.lock_unfinished_children(tx, [one.id for one in live]) if live else []
        reason = WITH_PARENT
    return canceled


async def _stop(tx: Tx, live: Sequence[Run], reason: str, now: int) -> None:
    """Cancel runs of one generation, with their attempts, and tell the workers that hold them."""
    if not live:
        return
    moves = [Move(run, [Step(On.CANCEL, run.attempt or None, reason)]) for run in live]
    await apply(tx, moves, now=now)
    error = RunError.internal(ErrorCode.CANCELLED, f"The run was {reason}").to_json().decode()
    await packets.put(tx, [Packet(run.id, ERROR, JSON, error) for run in live])
    attempting = [run for run in live if run.is_mid_attempt or run.status in UNDER_WAY]
    ends = [AttemptEnd(run.id, run.attempt, CANCELED, now) for run in attempting]
    if ends:
        await history.end_attempts(tx, ends)
    held = [(run.worker, run.id, run.fence) for run in live if run.worker and run.lease_until is not None]
    if held:
        await workers.add_cancels(tx, held)
        tx.hint(*{channel_of_worker(worker) for worker, _, _ in held})
