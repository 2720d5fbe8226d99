"""Putting a run first in its queue."""

from perdure.core.clock import to_datetime
from perdure.core.errors import NotFound, Unprocessable
from perdure.core.lifecycle import FINAL, Status
from perdure.engine.moves import Move, apply, channel_of_ready
from perdure.engine.resources import Resources
from perdure.store import bumps, runs
from perdure.store.database import Tx
from perdure.store.rows import Environment, Run


class Bumps:
    """Puts runs first."""

    def __init__(self, resources: Resources) -> None:
        """Use these resources."""
        self._resources = resources

    async def bump(self, environment: Environment, run: str) -> None:
        """Put a run that stands in line before all others of its queue, those that go on included.

        It has the next turn of its queue; limits, rates and pauses hold for it as for the others.

        Raises:
            NotFound: there is no such run in the environment.
            Unprocessable: it does not stand in line; the message says where it is, and what to do.
        """
        now = self._resources.clock.now()
        await self._resources.db.transact(_bump, environment.id, run, now)


async def _bump(tx: Tx, environment: str, run: str, now: int) -> None:
    row = (await runs.lock(tx, [run])).get(run)
    if row is None or row.environment != environment:
        raise NotFound(kind="run", name=run)
    if row.place is None:
        raise Unprocessable(f"Run {run} can't be put first: {_elsewhere(row)}")
    first, place = await bumps.first(tx, row.lane)
    if first != run:
        await apply(tx, [Move(row, (), {"place": place - 1})], now=now)
    await bumps.serve_next(tx, pool=row.pool, lane=row.lane)
    tx.hint(channel_of_ready(environment))


def _elsewhere(run: Run) -> str:
    """Return why a run does not stand in line."""
    status = Status(run.status)
    due = f"{to_datetime(run.due_at):%Y-%m-%d %H:%M:%S} UTC" if run.due_at is not None else "later"
    if status is Status.DELAYED:
        return f"it is delayed until {due}; `perdure runs reschedule {run.id} --delay 0` starts it now"
    if status is Status.QUEUED:
        return f"it waits for its next attempt until {due}, and takes its place in line then"
    if status is Status.PENDING_VERSION:
        return f"no worker knows task {run.task} yet"
    if status in FINAL:
        return f"it has ended as {status}; `perdure runs replay {run.id}` runs it again"
    return f"it is {status}, so it has begun"
