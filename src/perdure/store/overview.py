"""How much there is of everything, for metrics and health checks."""

from dataclasses import dataclass

from perdure.store.database import Tx


@dataclass(frozen=True, slots=True)
class Counts:
    """How much there is now."""

    runs: list[tuple[str, str, int]]
    """Of each environment's slug and status; runs that have not ended only."""
    ready: list[tuple[str, str, int]]
    """Runs that may start, of each environment's slug and queue."""
    running: list[tuple[str, str, int]]
    """Runs that hold a slot, of each environment's slug and queue."""
    workers: list[tuple[str, int]]
    """Workers connected, of each environment's slug."""


async def counts(tx: Tx) -> Counts:
    """Count what is live: no statement's cost follows the runs that have ended."""
    return Counts(
        runs=[(row[0], row[1], row[2]) for row in await tx.all("count_live_runs")],
        ready=[(row[0], row[1], row[2]) for row in await tx.all("count_ready")],
        running=[(row[0], row[1], row[2]) for row in await tx.all("count_running")],
        workers=[(row[0], row[1]) for row in await tx.all("count_workers")],
    )


async def ping(tx: Tx) -> None:
    """Ask the database for its simplest answer."""
    await tx.one("ping")
