"""Dead letters: runs that failed for good, kept for people until they are redriven or discarded.

Whoever changes letters locks them, by the time of their failure, before it makes runs; who ends a run
has locked it before its letter is written.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from perdure.core.ids import END
from perdure.store.database import Tx

TASK = "task"
QUEUE = "queue"
"""What can ask for its failed runs to be kept."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A run that failed for good; once it is redriven it is off the list."""

    run: str
    environment: str
    task: str
    queue: str
    status: str
    failed_at: int
    redriven_at: int | None
    redriven_as: str | None


@dataclass(frozen=True, kw_only=True)
class LetterQuery:
    """Which letters: each filter narrows the result; None is no filter, moments are in milliseconds."""

    tasks: Sequence[str] | None = None
    queues: Sequence[str] | None = None
    statuses: Sequence[str] | None = None
    #: failed at this moment or later
    since: int = 0
    #: failed at this moment or earlier
    until: int = END - 2

    def filters(self) -> dict[str, object]:
        """Return the parameters of the statements."""
        return {
            "tasks": self.tasks or [],
            "any_task": int(self.tasks is None),
            "queues": self.queues or [],
            "any_queue": int(self.queues is None),
            "statuses": self.statuses or [],
            "any_status": int(self.statuses is None),
            "since": self.since,
            "until": self.until,
        }


async def declare(
    tx: Tx, environment: str, known: Mapping[str, Collection[str]], asking: Mapping[str, Collection[str]]
) -> None:
    """Note which of the tasks and queues that code defines ask for their failed runs to be kept.

    Args:
        tx: the transaction.
        environment: where.
        known: the names that the code defines, by kind; what others asked for stays.
        asking: those of them that ask.
    """
    rows = await tx.all("dead_letter_sources", environment=environment)
    before = {(row[0], row[1]) for row in rows}
    wanted = {(kind, name) for kind, names in asking.items() for name in names}
    ours = {(kind, name) for kind, names in known.items() for name in names}
    for statement, changed in (
        ("insert_dead_letter_sources", wanted - before),
        ("delete_dead_letter_sources", (before & ours) - wanted),
    ):
        if changed:
            sources = [{"environment": environment, "kind": k, "name": name} for k, name in sorted(changed)]
            await tx.run(statement, sources=sources)


async def keep(tx: Tx, failed: Sequence[str], *, now: int) -> None:
    """Put those of some runs that failed on the list whose task or queue asks for it."""
    await tx.run("insert_dead_letters", runs=failed, now=now)


async def page(
    tx: Tx,
    environment: str,
    query: LetterQuery,
    *,
    is_open: bool | None = True,
    before: tuple[int, str] | None = None,
    limit: int,
) -> list[DeadLetter]:
    """Return letters, those that failed last first.

    Args:
        tx: the transaction.
        environment: whose.
        query: which.
        is_open: those on the list; or those that were redriven; or (None) both.
        before: only those after this one: when it failed, and its run.
        limit: how many at most.
    """
    moment, run = before or (END, "")
    rows = await tx.all(
        "dead_letters",
        environment=environment,
        **query.filters(),
        with_open=int(is_open is not False),
        with_redriven=int(is_open is not True),
        before_time=moment,
        before_run=run,
        limit=limit,
    )
    return [DeadLetter(*row) for row in rows]


async def find(tx: Tx, environment: str, run: str) -> DeadLetter | None:
    """Return the letter of a run, or None."""
    row = await tx.maybe("dead_letter", environment=environment, run=run)
    return DeadLetter(*row) if row else None


async def lock(tx: Tx, environment: str, runs: Sequence[str]) -> list[DeadLetter]:
    """Lock and return the letters of runs, open or redriven, the oldest first."""
    rows = await tx.all("lock_dead_letters", environment=environment, runs=runs)
    return [DeadLetter(*row) for row in rows]


async def lock_chosen(tx: Tx, environment: str, query: LetterQuery, *, limit: int) -> list[DeadLetter]:
    """Lock and return open letters, the oldest first."""
    rows = await tx.all("lock_chosen_letters", environment=environment, **query.filters(), limit=limit)
    return [DeadLetter(*row) for row in rows]


async def note_redriven(tx: Tx, made: Mapping[str, str], *, now: int) -> None:
    """Take locked letters off the list: the new run of each is given."""
    rows = [{"run": run, "redriven_as": new} for run, new in made.items()]
    await tx.run("note_redriven", letters=rows, now=now)


async def delete(tx: Tx, runs: Sequence[str]) -> None:
    """Forget the locked letters of runs."""
    await tx.run("delete_dead_letters", runs=runs)
