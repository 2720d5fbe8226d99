"""Making runs of ticks.

A tick fires and its schedule moves on in one transaction, which locks the schedule: several servers share
the work, and none fires a tick twice.  Each run has a key of schedule and tick besides, so that not even a
schedule that is set back by hand makes two.  Schedules are locked first, then runs, pools and lanes.

Hundreds of schedules that are due at one moment are one transaction, and as many statements as one.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from perdure.core.errors import PerdureError
from perdure.engine.cancel import stop_families
from perdure.engine.catalog import Catalog
from perdure.engine.drafts import Draft, NewRun, draft
from perdure.engine.enqueue import Enqueue
from perdure.engine.readiness import obstacles
from perdure.engine.resources import Resources
from perdure.engine.scheduled import run_of_tick
from perdure.engine.service import AlarmService
from perdure.engine.ticking import Outcome, Seen, decide, see
from perdure.store import runs, schedules
from perdure.store.database import Tx
from perdure.store.rows import Environment
from perdure.store.schedules import Schedule

log = logging.getLogger(__name__)

BATCH = 200
"""The most schedules in one transaction."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A schedule whose turn it is, its ticks, and what becomes of them."""

    schedule: Schedule
    seen: Seen
    outcome: Outcome

    def runs(self, environment: Environment) -> list[NewRun]:
        """Return the runs of the ticks that fire."""
        before = [self.schedule.last_at, *self.outcome.fired]
        return [
            run_of_tick(environment, self.schedule, tick, last)
            for tick, last in zip(self.outcome.fired, before, strict=False)
        ]

    def moved_on(self, now: int) -> Schedule:
        """Return the schedule as it is afterwards."""
        fired = self.outcome.fired
        return replace(
            self.schedule,
            next_at=self.seen.next_at,
            due_at=self.seen.due_at,
            last_at=fired[-1] if fired else self.schedule.last_at,
            held=json.dumps(list(self.outcome.held), separators=(",", ":")),
            updated_at=now if fired else self.schedule.updated_at,
        )


class Ticks(AlarmService):
    """Fires what is due."""

    channels = (schedules.CHANNEL,)

    def __init__(self, resources: Resources, catalog: Catalog, enqueue: Enqueue) -> None:
        """Use these resources, this knowledge of tasks, and what stores runs."""
        super().__init__(resources)
        self._catalog = catalog
        self._enqueue = enqueue

    async def run_once(self) -> int:
        """Fire all that is due; return how many schedules had their turn."""
        total = 0
        while True:
            self._next = await self._db.read(schedules.next_due)
            now = self._resources.clock.now()
            if self._next is None or self._next > now:
                return total
            count = await self._db.transact(self._tick, now)
            total += count
            if not count:  # another server has them
                self._next = now + 1_000
                return total

    async def _tick(self, tx: Tx, now: int) -> int:
        rows = await self._take(tx, now)
        if not rows:
            return 0
        environments = await schedules.environments(tx, sorted({row.environment for row in rows}))
        since = now - 2 * self._resources.settings.lease_ms
        hindered = await obstacles(tx, self._catalog, environments, rows, since=since)
        lapped = [row.id for row in rows if row.overlap != "allow"]
        live = await schedules.live_runs(tx, lapped) if lapped else {}
        plans = [plan(row, now, live, is_hindered=row.id in hindered) for row in rows]
        canceled = [run for one in plans if one.outcome.cancels for run in live[one.schedule.id]]
        if canceled:
            locked = await runs.lock(tx, sorted(canceled))
            await stop_families(tx, list(locked.values()), now)
        drafts = [draft for one in plans for draft in self._drafts(one, environments, now)]
        if drafts:
            await self._enqueue.store(tx, drafts, now)
        await schedules.write(tx, [one.moved_on(now) for one in plans])
        return len(rows)

    async def _take(self, tx: Tx, now: int) -> list[Schedule]:
        due = await schedules.lock_due(tx, now=now, limit=BATCH)
        released = await schedules.lock_released(tx, limit=BATCH)
        return list({row.id: row for row in [*due, *released]}.values())

    def _drafts(self, plan: Plan, environments: Mapping[str, Environment], now: int) -> list[Draft]:
        new = plan.runs(environments[plan.schedule.environment])
        return [draft(one, now, self._resources.settings) for one in new]


def plan(row: Schedule, now: int, live: Mapping[str, Sequence[str]], *, is_hindered: bool) -> Plan:
    """Return what becomes of a schedule whose turn it is; `live` has its runs that have not ended."""
    try:
        seen = see(row, now)
    except PerdureError as error:  # a zone that there was, and is no more
        log.error("Schedule %s ticks no more: %s", row.id, error)
        seen = Seen([], None, None)
    if is_hindered:
        return Plan(row, seen, Outcome([], []))
    return Plan(row, seen, decide(row, seen.due, has_live_run=bool(live.get(row.id))))
