"""Stored states of runs, and what they wait for."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace

from perdure.store import frames
from perdure.store.database import Row, Tx

WAIT = "wait"
CHECKPOINT = "checkpoint"
"""The kinds of snapshots."""

TIME = "time"
TOKEN = "token"
RUN = "run"
BATCH = "batch"
"""The kinds of waits."""

IN_MEMORY = 0
"""Stands for the number of a stored state where a run waits in memory."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A state of a run; `frames`, `data` and `changes` are JSON."""

    run: str
    number: int
    kind: str
    key: str | None
    data: str | None
    attempt: int
    stored: bytes
    frames: str
    created_at: int
    changes: str | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """One thing that a state of a run waits for; a time is over at `due_at`."""

    run: str
    snapshot: int
    kind: str
    subject: str
    due_at: int | None


@dataclass(frozen=True, slots=True)
class Over:
    """A wait that is over, and what came of it."""

    run: str
    kind: str
    subject: str
    due_at: int | None
    status: str | None
    output: str | None
    output_type: str | None
    completed_by: str | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Stored:
    """The state a run goes on from; `changes` is JSON."""

    run: str
    number: int
    stored: bytes
    changes: str | None


async def add(tx: Tx, snapshots: Sequence[Snapshot], waiting: Sequence[Waiting]) -> None:
    """Store states of runs with what they wait for; older states at waits are forgotten."""
    if snapshots:
        await tx.run("insert_snapshots", snapshots=[_row(snapshot) for snapshot in snapshots])
    if waiting:
        await tx.run("insert_waits", waits=[asdict(wait) for wait in waiting])
    current = [
        {"run": s.run, "number": s.number, "is_parked": int(s.kind == WAIT)}
        for s in snapshots
        if s.number > 1
    ]
    if current:
        await tx.run("drop_old_waits", current=current)
        await tx.run("drop_old_snapshots", current=current)


async def forget(tx: Tx, runs: Sequence[str]) -> None:
    """Forget what runs waited for in memory before: they wait for something else now."""
    await tx.run("forget_waits", runs=runs)


async def last_numbers(tx: Tx, runs: Sequence[str]) -> dict[str, tuple[int, int | None]]:
    """Return, by run, the number of its newest state and of its newest checkpoint, if there is one."""
    rows = await tx.all("last_snapshots", runs=runs)
    return {row["run"]: (row["newest"], row["checkpoint"]) for row in rows}


async def to_restore(tx: Tx, runs: Sequence[str]) -> dict[str, Stored]:
    """Return the states that runs go on from, by run."""
    return {row["run"]: Stored(*row) for row in await tx.all("snapshots_to_restore", runs=runs)}


async def over(tx: Tx, runs: Sequence[str], *, now: int) -> dict[str, list[Over]]:
    """Return what is over of all that runs wait for, by run."""
    found: dict[str, list[Over]] = {}
    for row in await tx.all("waits_over", runs=runs, now=now):
        found.setdefault(row["run"], []).append(Over(*row))
    return found


async def mark_waited_for(tx: Tx, runs: Sequence[str]) -> None:
    """Note that somebody waits for runs, so that their end wakes whoever it is; locks them."""
    await tx.all("mark_waited_for", runs=runs)


async def lock_tokens(tx: Tx, tokens: Sequence[str]) -> None:
    """Lock tokens, so that none is completed until the transaction ends."""
    await tx.all("lock_tokens", tokens=tokens)


async def waiters(tx: Tx, kind: str, subjects: Sequence[str]) -> list[str]:
    """Return the runs that wait for any of these."""
    return [row["run"] for row in await tx.all("waiters", kind=kind, subjects=subjects)]


@dataclass(frozen=True, slots=True)
class Glance:
    """A stored state as it is shown; `frames` and `data` are JSON, `size` is in bytes."""

    number: int
    kind: str
    key: str | None
    data: str | None
    attempt: int
    size: int
    frames: str
    created_at: int


@dataclass(frozen=True, slots=True)
class Awaited:
    """One thing that a state of a run waits for, as it is shown; `task` and `status` are a run's."""

    snapshot: int
    kind: str
    subject: str
    until: int | None
    task: str | None
    status: str | None


async def snapshots_of(tx: Tx, run: str) -> list[Glance]:
    """Return the states of a run, newest first."""
    rows = await tx.all("snapshots_of_run", run=run, head=frames.HEAD)
    return [_glance(row) for row in rows]


def _glance(row: Row) -> Glance:
    *columns, head = row
    glance = Glance(*columns)
    return replace(glance, frames=frames.unpack(row["frames"], head))


async def awaited_by(tx: Tx, run: str) -> list[Awaited]:
    """Return what the states of a run wait for; number 0 stands for its memory."""
    return [Awaited(*row) for row in await tx.all("waits_of_run", run=run)]


async def begin_at(tx: Tx, run: str, source: str, number: int, changes: str | None, *, now: int) -> None:
    """Let a new run begin at a state of another, changed as a JSON of `wire.waits.Changes` says."""
    await tx.run("copy_snapshot", to_run=run, run=source, number=number, changes=changes, now=now)
    await tx.run("copy_waits", to_run=run, run=source, number=number)
    await tx.run("begin_at_snapshot", run=run)


@dataclass(frozen=True, slots=True)
class Wake:
    """That a run which waits in the memory of a worker may go on; `id` is of this one time."""

    worker: str
    run: str
    fence: int
    id: str


async def add_wakes(tx: Tx, wakes: Iterable[Wake]) -> None:
    """Tell workers that runs in their memory may go on; each is told until it is heard."""
    await tx.run("add_wakes", wakes=[asdict(wake) for wake in wakes])


async def drop_wakes(tx: Tx, workers: Sequence[str], heard: Sequence[str]) -> None:
    """Forget what these workers have heard, by id."""
    await tx.run("drop_wakes", workers=workers, ids=heard)


async def wakes_of(tx: Tx, workers: Sequence[str]) -> list[Wake]:
    """Return what may go on in these workers' memory."""
    return [Wake(*row) for row in await tx.all("wakes_of_workers", workers=workers)]


def _row(snapshot: Snapshot) -> dict[str, object]:
    return {**asdict(snapshot), "frames": frames.pack(snapshot.frames, snapshot.stored)}
