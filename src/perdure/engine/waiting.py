"""Waits: storing what runs wait for, and waking them when it is over.

Who parks a run locks what it waits for, and then looks whether it is over; who ends a run or completes a
token has locked it, and then looks who waits.  So one of the two always sees the other.  Waking is an
alarm, due at once: a transaction of its own, which locks the waiting run alone.
"""

from collections.abc import Iterable, Sequence

from perdure.core.clock import from_datetime, to_datetime_or_none
from perdure.core.lifecycle import Status
from perdure.engine.alarms import set_alarms
from perdure.store import batches, timers, waits
from perdure.store.database import Tx
from perdure.store.timers import Timer
from perdure.store.waits import Over, Snapshot, Waiting
from perdure.wire.values import JSON, RunError
from perdure.wire.waits import Answer, Wait, WaitKind


def rows_of(run: str, snapshot: int, wanted: Sequence[Wait]) -> list[Waiting]:
    """Return waits of a run as rows."""
    return [
        Waiting(
            run,
            snapshot,
            wait.kind.value,
            wait.subject,
            from_datetime(wait.until) if wait.until is not None else None,
        )
        for wait in wanted
    ]


async def lock_awaited(tx: Tx, wanted: Iterable[Wait]) -> None:
    """Lock the tokens and batches that runs are to wait for, after the runs and before anything else."""
    named: dict[WaitKind, set[str]] = {}
    for wait in wanted:
        named.setdefault(wait.kind, set()).add(wait.subject)
    if tokens := named.get(WaitKind.TOKEN):
        await waits.lock_tokens(tx, sorted(tokens))
    if groups := named.get(WaitKind.BATCH):
        await batches.lock(tx, sorted(groups))


async def record(tx: Tx, snapshots: Sequence[Snapshot], waiting: Sequence[Waiting], now: int) -> None:
    """Store states of runs with what they wait for, and wake those for which something is over already.

    Args:
        tx: the transaction, which has locked the runs, and all that they wait for.
        snapshots: the states.
        waiting: what they wait for.
        now: the current moment.
    """
    pinned = sorted({wait.run for wait in waiting if wait.snapshot == waits.IN_MEMORY})
    if pinned:
        await waits.forget(tx, pinned)
    await waits.add(tx, snapshots, waiting)
    children = sorted({wait.subject for wait in waiting if wait.kind == waits.RUN})
    if children:
        await waits.mark_waited_for(tx, children)
    alarms = [Timer(wait.due_at, timers.WAKE, wait.run) for wait in waiting if wait.due_at is not None]
    if any(wait.kind != waits.TIME for wait in waiting):
        over = await waits.over(tx, sorted({wait.run for wait in waiting}), now=now)
        alarms += [Timer(now, timers.WAKE, run) for run in over]
    await set_alarms(tx, alarms, now)


async def wake_waiters(tx: Tx, kind: str, subjects: Sequence[str], now: int) -> None:
    """Wake the runs that wait for something that is over; the transaction has locked it."""
    waiters = await waits.waiters(tx, kind, subjects)
    await set_alarms(tx, [Timer(now, timers.WAKE, run) for run in waiters], now)


async def wake_after_runs(tx: Tx, ended: Sequence[str], now: int) -> None:
    """Wake the runs that wait for runs that have ended, and have the batches looked at that these are in."""
    await wake_waiters(tx, waits.RUN, ended, now)
    await batches.look_after(tx, ended)


async def answers_of(tx: Tx, runs: Sequence[str], now: int) -> dict[str, list[Answer]]:
    """Return an answer for everything that is over of all that runs wait for, by run."""
    over = await waits.over(tx, runs, now=now)
    return {run: [answer_of(one) for one in ones] for run, ones in over.items()}


def answer_of(over: Over) -> Answer:
    """Return the answer to a wait that is over."""
    status = Status(over.status) if over.status is not None else None
    is_good = status in (None, Status.COMPLETED)
    return Answer(
        kind=WaitKind(over.kind),
        subject=over.subject,
        until=to_datetime_or_none(over.due_at),
        status=status,
        output=over.output if is_good else None,
        output_type=over.output_type or JSON,
        error=_error(over),
    )


def _error(over: Over) -> RunError | None:
    if over.error is not None:
        return RunError.model_validate_json(over.error)
    if over.completed_by == "timeout":
        return RunError(type="BUILT_IN_ERROR", name="WaitTimeout", message="The token's time is over")
    if over.completed_by == "nobody":
        told = f"There is no token {over.subject}"
        return RunError(type="BUILT_IN_ERROR", name="NotFound", message=told)
    if over.completed_by == "abort":
        told = f"Batch {over.subject} was given up: its items did not all come in time, or it was canceled"
        return RunError(type="BUILT_IN_ERROR", name="BatchClosed", message=told)
    return None
