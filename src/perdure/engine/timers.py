"""Delays, back-offs and TTLs: one table of alarms, one service.

It sleeps until the next alarm, or until a hint says that a nearer one was set.  Several servers share
the alarms: each takes what no other has locked.  An alarm is void unless the run still names its
moment, so an alarm that rings for nothing is the worst that can happen.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any

from perdure.core.lifecycle import On, Status, may
from perdure.engine.alarms import set_alarms
from perdure.engine.batch_watch import give_up
from perdure.engine.dequeue import channel_of_worker
from perdure.engine.moves import Move, Step, apply, place_of, resumed_place
from perdure.engine.service import AlarmService
from perdure.engine.tokens import time_out
from perdure.store import batches, packets, runs, timers, waits
from perdure.store.database import Tx
from perdure.store.hints import Subscription
from perdure.store.packets import ERROR
from perdure.store.rows import Packet, Run
from perdure.store.timers import DELAY, RETRY, TOKEN, TTL, WAKE, Timer
from perdure.store.waits import Wake
from perdure.wire.values import JSON, RunError

BATCH = 500
"""The most alarms in one transaction."""


@dataclass(slots=True)
class Rung:
    """What the alarms of one transaction come to."""

    moves: list[Move] = field(default_factory=list)
    alarms: list[Timer] = field(default_factory=list)
    errors: list[Packet] = field(default_factory=list)


class Timers(AlarmService):
    """Does what is due."""

    channels = (timers.CHANNEL,)

    async def run_once(self) -> int:
        """Do all that is due; return how many alarms rang."""
        total = 0
        while True:
            now = self._resources.clock.now()
            count, self._next = await self._db.transact(self._ring, now)
            total += count
            if count < BATCH:
                return total

    async def pause(self, subscription: Subscription) -> None:
        """Wait as any service, and let rounds ride along with what sets alarms that are due at once."""
        rung: tuple[int, int | None] | None = (0, self._next)
        while rung is not None and rung[0] < BATCH:
            self._next = rung[1]
            seconds = self.next_pause_ms() / 1000
            rung = await self._db.ride(subscription, self._ring_along, None, timeout=seconds)

    async def _ring_along(self, tx: Tx, askers: Sequence[None]) -> list[tuple[int, int | None]]:
        return [await self._ring(tx, self._resources.clock.now()) for _ in askers]

    async def _ring(self, tx: Tx, now: int) -> tuple[int, int | None]:
        due = await timers.lock_due(tx, now=now, limit=BATCH)
        if due:
            locked = await runs.lock(tx, sorted({timer.subject for timer in due}))
            woken = sorted({timer.subject for timer in due if timer.kind == WAKE})
            over = await waits.over(tx, woken, now=now) if woken else {}
            rung = _settle(due, locked.values(), now)
            tokens = sorted({timer.subject for timer in due if timer.kind == TOKEN})
            if tokens:
                await time_out(tx, tokens, now)
            pending = sorted({timer.subject for timer in due if timer.kind == batches.ALARM})
            if pending:
                await give_up(tx, pending, now)
            await _wake(tx, rung, [locked[run] for run in over if run in locked])
            await apply(tx, rung.moves, now=now)
            await set_alarms(tx, rung.alarms, now)
            if rung.errors:
                await packets.put(tx, rung.errors)
            await timers.remove(tx, due)
        return len(due), await timers.next_due(tx)


async def _wake(tx: Tx, rung: Rung, over: Sequence[Run]) -> None:
    """Let runs go on for which something is over: from the queue, or in the memory of their worker."""
    waiting = [run for run in over if run.status == Status.WAITING]
    pinned = [run for run in waiting if run.lease_until is not None]
    rung.moves += [
        Move(run, [Step(On.RESUME, run.attempt)], {"place": resumed_place(run)})
        for run in waiting
        if run.lease_until is None
    ]
    rung.moves += [Move(run, [Step(On.WAKE, run.attempt)]) for run in pinned]
    if pinned:
        await waits.add_wakes(tx, [Wake(run.worker or "", run.id, run.fence, token_hex(8)) for run in pinned])
        tx.hint(*{channel_of_worker(run.worker or "") for run in pinned})


def _settle(due: Sequence[Timer], locked: Iterable[Run], now: int) -> Rung:
    """Decide what the alarms mean for the runs; of each run only one can be valid."""
    rings = {(timer.subject, timer.kind, timer.due_at) for timer in due}
    rung = Rung()
    for run in locked:
        status = Status(run.status)
        if (run.id, TTL, run.expires_at) in rings and may(status, On.EXPIRE):
            _expire(rung, run)
        elif (run.id, DELAY, run.due_at) in rings and status is Status.DELAYED:
            _end_delay(rung, run, now)
        elif (run.id, RETRY, run.due_at) in rings and status is Status.QUEUED:
            changes: dict[str, Any] = {"place": place_of(run.due_at or now, run.priority), "due_at": None}
            rung.moves.append(Move(run, (), changes))
    return rung


def _end_delay(rung: Rung, run: Run, now: int) -> None:
    expires_at = now + run.ttl_ms if run.ttl_ms else None
    changes: dict[str, Any] = {
        "place": place_of(run.due_at or now, run.priority),
        "queued_at": now,
        "due_at": None,
        "expires_at": expires_at,
    }
    rung.moves.append(Move(run, [Step(On.DUE)], changes))
    if expires_at is not None:
        rung.alarms.append(Timer(expires_at, TTL, run.id))


def _expire(rung: Rung, run: Run) -> None:
    seconds = (run.ttl_ms or 0) / 1000
    message = f"Run expired because the TTL ({seconds:g}s) was reached"
    rung.moves.append(Move(run, [Step(On.EXPIRE, message=message)], {"expires_at": run.expires_at}))
    error = RunError(type="STRING_ERROR", raw=message).to_json().decode()
    rung.errors.append(Packet(run.id, ERROR, JSON, error))
