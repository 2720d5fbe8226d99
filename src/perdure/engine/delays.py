"""Changing when a delayed run starts."""

from datetime import datetime

from perdure.core.errors import NotFound
from perdure.core.lifecycle import On
from perdure.engine.alarms import set_alarms
from perdure.engine.moves import Move, Step, apply
from perdure.engine.options import delayed_until
from perdure.engine.resources import Resources
from perdure.store import runs, timers
from perdure.store.database import Tx
from perdure.store.rows import Environment
from perdure.store.timers import Timer


class Delays:
    """Changes delays."""

    def __init__(self, resources: Resources) -> None:
        """Use these resources."""
        self._resources = resources

    async def reschedule(self, environment: Environment, run: str, delay: str | datetime) -> None:
        """Let a delayed run start at another time.

        Args:
            environment: where.
            run: which.
            delay: a duration from now (`"1h30m"`) or a moment; one in the past means at once.

        Raises:
            NotFound: there is no such run in the environment.
            BadOption: the delay is neither.
            IllegalTransition: the run is not delayed (any more).
        """
        now = self._resources.clock.now()
        due_at = delayed_until(delay, now) or now
        await self._resources.db.transact(self._reschedule, environment.id, run, due_at, now)

    async def _reschedule(self, tx: Tx, environment: str, run: str, due_at: int, now: int) -> None:
        row = (await runs.lock(tx, [run])).get(run)
        if row is None or row.environment != environment:
            raise NotFound(kind="run", name=run)
        changes = {"delayed_until": due_at, "due_at": due_at}
        await apply(tx, [Move(row, [Step(On.RESCHEDULE)], changes)], now=now)
        await set_alarms(tx, [Timer(due_at, timers.DELAY, run)], now)
