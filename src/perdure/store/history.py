"""What a run leaves behind: its events, its attempts and its tags."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from perdure.store.database import Tx
from perdure.store.rows import Attempt, RunEvent


@dataclass(frozen=True, slots=True)
class NewEvent:
    """Something that happens to a run now."""

    run: str
    number: int
    time: int
    kind: str
    attempt: int | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class AttemptEnd:
    """How an attempt that is under way ends."""

    run: str
    number: int
    status: str
    finished_at: int
    active_ms: float | None = None
    error: str | None = None
    retry_at: int | None = None


async def append_events(tx: Tx, events: Sequence[NewEvent]) -> None:
    """Note what happened to runs that this transaction has locked or made."""
    rows = [
        {
            "run": event.run,
            "number": event.number,
            "time": event.time,
            "kind": event.kind,
            "attempt": event.attempt,
            "message": event.message,
        }
        for event in events
    ]
    await tx.run("insert_events", events=rows)


async def put_attempts(tx: Tx, attempts: Sequence[Attempt]) -> None:
    """Store attempts, new or under way, as they are now."""
    await tx.run("put_attempts", attempts=[_row(attempt) for attempt in attempts])


async def end_attempts(tx: Tx, ends: Sequence[AttemptEnd]) -> None:
    """End attempts that are under way."""
    rows = [
        {
            "run": end.run,
            "number": end.number,
            "status": end.status,
            "finished_at": end.finished_at,
            "active_ms": end.active_ms,
            "error": end.error,
            "retry_at": end.retry_at,
        }
        for end in ends
    ]
    await tx.run("end_attempts", attempts=rows)


def _row(attempt: Attempt) -> dict[str, object]:
    return {name: getattr(attempt, name) for name in Attempt.__slots__}


async def attempts_of(tx: Tx, runs: Sequence[str]) -> list[Attempt]:
    """Return the attempts of some runs, by run and number."""
    return [Attempt(*row) for row in await tx.all("attempts", runs=runs)]


async def add_tags(tx: Tx, tags: Sequence[Mapping[str, object]]) -> None:
    """Add tags, given as `environment`, `tag` and `run`; those that are there stay."""
    await tx.run("insert_tags", tags=tags)


async def replace_tags(tx: Tx, environments: Mapping[str, str], tags: Mapping[str, Sequence[str]]) -> None:
    """Give runs other tags; given by run, as are their environments."""
    await tx.run("delete_tags", runs=list(tags))
    rows = [{"environment": environments[run], "tag": t, "run": run} for run, ts in tags.items() for t in ts]
    await tx.run("insert_tags", tags=rows)


async def tags_of(tx: Tx, runs: Sequence[str]) -> dict[str, list[str]]:
    """Return the tags of the runs that have any, in their order."""
    found: dict[str, list[str]] = {}
    for run, tag in await tx.all("tags", runs=runs):
        found.setdefault(run, []).append(tag)
    return found


async def why_waiting(tx: Tx, run: str) -> str | None:
    """Return what was said when a run began to wait for the last time."""
    row = await tx.maybe("last_wait", run=run)
    return row["message"] if row else None


async def events_of(tx: Tx, run: str, *, skip: int = 0, limit: int = 10_000) -> list[RunEvent]:
    """Return a run's events after the first `skip`, in their order."""
    return [RunEvent(*row) for row in await tx.all("events", run=run, skip=skip, limit=limit)]
