"""How a run's status changes: read under a lock, decided in Python, written in batches.

Whoever changes runs locks their rows (`store.runs.lock…`), makes a `Move` of each, and gives all of
them to `apply`.  It asks the table of `core.lifecycle` whether each may happen, writes the rows, notes
the events, and keeps the counts of lanes and pools true, in a constant number of statements.

    run.place is set       <=>  it counts as ready in its lane (and resumed, if it is mid-attempt)
    its status is LEASED   <=>  it counts as running in its pool, its environment's, its queue's meter
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from perdure.core.lifecycle import DEAD, FINAL, LEASED, On, Status, after
from perdure.engine.changes import channel_of_change
from perdure.engine.waiting import wake_after_runs
from perdure.store import dead_letters, history, lanes, queues, runs, schedules
from perdure.store.database import Tx
from perdure.store.history import NewEvent
from perdure.store.lanes import Lane, PoolChange, lane_of, pool_of
from perdure.store.rows import Run

RESUME_HEAD_START_MS = 10 * 365 * 86_400_000
"""A run that was already running goes ahead of new ones: as if it had been queued ten years ago."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens to a run, as its events tell it."""

    on: On
    attempt: int | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """What happens to a run that is locked, and which columns of its row change with it."""

    run: Run
    steps: Sequence[Step]
    changes: Mapping[str, object] = field(default_factory=dict)

    def status(self) -> Status:
        """Return the status that follows; raises IllegalTransition."""
        status = Status(self.run.status)
        for step in self.steps:
            status = after(status, step.on)
        return status


def channel_of_run(run: str) -> str:
    """Return the channel that is hinted when a run has ended."""
    return f"run:{run}"


def channel_of_ready(environment: str) -> str:
    """Return the channel that is hinted when a run may be claimed."""
    return f"ready:{environment}"


def place_of(queued_at: int, priority: float) -> int:
    """Return the order of a run in its lane: when it came, less its head start in seconds."""
    return queued_at - round(priority * 1000)


def resumed_place(run: Run) -> int:
    """Return the order of a run that goes on: ahead of all that are new."""
    return place_of(run.queued_at or run.created_at, run.priority) - RESUME_HEAD_START_MS


def lane_of_run(run: Run) -> Lane:
    """Return the lane a run stands in when it may start.

    One that goes on from a stored state stands with those of the version that the state is kept for.
    """
    kept = run.kept_version if run.snapshot is not None else ""
    return lane_of(run.environment, run.queue, run.concurrency_key, run.task, run.locked_version or kept)


async def apply(
    tx: Tx,
    moves: Sequence[Move],
    *,
    now: int,
    virtual_times: Mapping[int, float] | None = None,
    pools: Sequence[PoolChange] = (),
) -> list[lanes.PoolCount]:
    """Write moves of runs that this transaction has locked, one move for each run.

    Args:
        tx: the transaction.
        moves: what happens.
        now: the moment it happens.
        virtual_times: of a claim: the new virtual times of lanes and pools, by id.
        pools: of a claim: pools to change besides, or (by 0) to lock and count.

    Returns:
        The counts of the pools that were touched; they are locked.

    Raises:
        IllegalTransition: one of them can't happen; none does.
    """
    written = [_written(move, now) for move in moves]
    if written:
        await runs.write(tx, written)
        await history.append_events(tx, list(_events(moves, now)))
    counts = await _change_pools(tx, _pool_changes(moves, written, pools, virtual_times or {}))
    ready, resumed = _ready_changes(moves, written)
    if ready:
        await lanes.change(tx, ready, virtual_times, resumed)
    awaited = [
        move.run.id
        for move, row in zip(moves, written, strict=True)
        if row["status"] in FINAL and move.run.is_awaited
    ]
    if awaited:
        await wake_after_runs(tx, awaited, now)
    dead = [str(row["id"]) for row in written if row["status"] in DEAD]
    if dead:
        await dead_letters.keep(tx, dead, now=now)
    for move, row in zip(moves, written, strict=True):
        tx.hint(channel_of_change(move.run.id))
        if row["status"] in FINAL:
            tx.hint(channel_of_run(move.run.id))
            if move.run.schedule is not None:
                tx.hint(schedules.CHANNEL)
        if row["place"] is not None:
            tx.hint(channel_of_ready(move.run.environment))
    return counts


def _written(move: Move, now: int) -> dict[str, object]:
    status = move.status()
    row = runs.state_of(move.run)
    row |= move.changes
    row |= {
        "id": move.run.id,
        "status": status,
        "updated_at": now,
        "events": move.run.events + len(move.steps),
    }
    if move.steps and status in FINAL:
        row |= {"place": None, "lease_until": None, "due_at": None, "finished_at": now}
    if row["place"] is not None:
        row["lane"] = lane_of_run(move.run._replace(**{name: row[name] for name in _LANE})).id
    return row


_LANE = ("snapshot", "kept_version", "locked_version")
"""The columns of a run's state that decide its lane."""


def _events(moves: Sequence[Move], now: int) -> Iterable[NewEvent]:
    for move in moves:
        for number, step in enumerate(move.steps, move.run.events + 1):
            yield NewEvent(move.run.id, number, now, step.on, step.attempt, step.message)


def _ready_changes(
    moves: Sequence[Move], written: Sequence[Mapping[str, object]]
) -> tuple[dict[Lane, int], Counter[int]]:
    """Return by how much each lane's count changes, and by lane id that of runs that are mid-attempt."""
    counts: Counter[int] = Counter()
    resumed: Counter[int] = Counter()
    sample: dict[int, Run] = {}
    for move, row in zip(moves, written, strict=True):
        run = move.run
        if run.place is not None:
            counts[run.lane] -= 1
            resumed[run.lane] -= run.is_mid_attempt
            sample[run.lane] = run
        if row["place"] is not None:
            counts[lane := cast("int", row["lane"])] += 1
            resumed[lane] += cast("int", row["is_mid_attempt"])
            sample[lane] = run._replace(**{name: row[name] for name in _LANE})
    changed = {lane_of_run(sample[lane]): count for lane, count in counts.items() if count or resumed[lane]}
    return changed, resumed


def _pool_changes(
    moves: Sequence[Move],
    written: Sequence[Mapping[str, object]],
    more: Sequence[PoolChange],
    virtual_times: Mapping[int, float],
) -> dict[int, PoolChange]:
    counts: dict[tuple[str, str | None, str | None], int] = {}
    for move, row in zip(moves, written, strict=True):
        run = move.run
        change = (row["status"] in LEASED) - (run.status in LEASED)
        if change:
            for name in (run.environment, run.queue, run.concurrency_key), (run.environment, None, None):
                counts[name] = counts.get(name, 0) + change
    changes = {
        (pool := pool_of(*name)): PoolChange(*name, count, virtual_times.get(pool, 0.0))
        for name, count in counts.items()
    }
    for change in more:
        pool = pool_of(change.environment, change.queue, change.concurrency_key)
        known = changes.get(pool)
        changes[pool] = _both(known, change) if known else change
    return changes


def _both(one: PoolChange, other: PoolChange) -> PoolChange:
    later = max(one.virtual_time, other.virtual_time)
    return replace(one, running=one.running + other.running, virtual_time=later)


async def _change_pools(tx: Tx, changes: Mapping[int, PoolChange]) -> list[lanes.PoolCount]:
    """Change the counts; where a pool was full and a slot came free, look at its lanes again."""
    if not changes:
        return []
    counts = await lanes.change_pools(tx, changes)
    freed = [count.id for count in counts if count.full_at is not None and changes[count.id].running < 0]
    if freed:
        await lanes.reopen(tx, freed)
        tx.hint(*{channel_of_ready(changes[pool].environment) for pool in freed})
    metered = [changes[count.id] for count in counts if count.is_metered and changes[count.id].running]
    if metered:
        await _change_meters(tx, metered)
    return counts


async def _change_meters(tx: Tx, changes: Sequence[PoolChange]) -> None:
    """Change the counts of queues that have a limit over all keys; hint where there is room again."""
    running: Counter[tuple[str, str]] = Counter()
    for change in changes:
        if change.queue is not None:
            running[change.environment, change.queue] += change.running
    tx.hint(*map(channel_of_ready, await queues.count(tx, running)))
