"""Runs whose worker is gone go back to their queues."""

from collections.abc import Sequence
from typing import Any

from perdure.core.lifecycle import On, Status
from perdure.engine.moves import Move, Step, apply, resumed_place
from perdure.engine.reports import LOST
from perdure.engine.resources import Resources
from perdure.engine.service import Service
from perdure.store import history, packets, runs
from perdure.store.database import Tx
from perdure.store.history import AttemptEnd
from perdure.store.packets import ERROR
from perdure.store.rows import Packet, Run
from perdure.wire.values import JSON, ErrorCode, RunError

BATCH = 500
"""The most runs given back in one transaction."""

SILENT = "its worker was silent for longer than its lease"


class Rescue(Service):
    """Gives runs back whose lease is over.

    Silence counts only while somebody listens.  So it begins when it has listened for as long as a lease;
    and time in which it was away itself, with a machine or a database that stood still, is no silence until
    workers had a lease to be heard again.
    """

    pause_ms = 1_000

    def __init__(self, resources: Resources) -> None:
        """Use these resources."""
        super().__init__(resources.db)
        self._resources = resources
        self._looked = resources.clock.now()
        self._begins = self._looked + resources.settings.lease_ms
        self._away_ms = 0
        self._away_until = self._looked

    async def run_once(self) -> int:
        """Give back all runs whose lease is over; return how many."""
        now = self._resources.clock.now()
        self._look(now)
        if now < self._begins:
            return 0
        total = 0
        while True:
            count = await self._db.transact(self._rescue, now)
            total += count
            if count < BATCH:
                return total

    def _look(self, now: int) -> None:
        """Take note of how long nobody has listened."""
        lease_ms = self._resources.settings.lease_ms
        away_ms = now - self._looked - int(self.pause_ms)
        if away_ms > lease_ms / 4:  # less makes no worker miss its lease: it beats thrice in one
            self._away_ms += away_ms
            self._away_until = now + lease_ms
        elif now >= self._away_until:
            self._away_ms = 0
        self._looked = now

    async def _rescue(self, tx: Tx, now: int) -> int:
        lost = await runs.lock_expired(tx, now=now - self._away_ms, limit=BATCH)
        await give_back(tx, lost, SILENT, now=now, max_losses=self._resources.settings.max_losses)
        return len(lost)


async def give_back(tx: Tx, lost: Sequence[Run], reason: str, *, now: int, max_losses: int) -> None:
    """Take runs from a worker that is gone; what it says of them later is refused.

    The attempt under way ends as lost and costs none of the run's attempts; a run that loses its
    worker too often is given up, since it may well be what kills them.

    Args:
        tx: the transaction, which has locked the runs.
        lost: runs that are held by a worker.
        reason: what became of the worker, for the run's events.
        now: the current moment.
        max_losses: the loss that ends the run.
    """
    if not lost:
        return
    doomed = [run for run in lost if run.losses + 1 >= max_losses]
    given_up = {run.id for run in doomed}
    await apply(tx, [_move(run, reason, run.id in given_up) for run in lost], now=now)
    ends = [
        AttemptEnd(run.id, run.attempt, LOST, now, error=_error(ErrorCode.LOST, reason))
        for run in lost
        if run.status != Status.DEQUEUED
    ]
    if ends:
        await history.end_attempts(tx, ends)
    if doomed:
        error = _error(ErrorCode.TOO_OFTEN_LOST, f"its worker vanished {max_losses} times; {reason}")
        await packets.put(tx, [Packet(run.id, ERROR, JSON, error) for run in doomed])


def _move(run: Run, reason: str, is_given_up: bool) -> Move:
    changes: dict[str, Any] = {"losses": run.losses + 1, "worker": None, "lease_until": None}
    if run.status != Status.DEQUEUED:  # else the attempt has not begun, or not gone on
        changes |= {"spared": run.spared + 1, "is_mid_attempt": 0}
    if is_given_up:
        return Move(run, [Step(On.BREAK, run.attempt or None, reason)], changes)
    changes["place"] = resumed_place(run)
    return Move(run, [Step(On.RELEASE, run.attempt or None, reason)], changes)


def _error(code: ErrorCode, message: str) -> str:
    return RunError.internal(code, message).to_json().decode()
