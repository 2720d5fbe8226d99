"""Runs of tasks that no worker knew, once one does."""

from collections.abc import Mapping, Sequence
from typing import Any

from perdure.core.lifecycle import On
from perdure.engine.catalog import Catalog
from perdure.engine.moves import Move, Step, apply, place_of
from perdure.engine.resources import Resources
from perdure.engine.service import Service
from perdure.store import catalog, runs
from perdure.store.database import Tx
from perdure.store.lanes import lane_of
from perdure.store.rows import Run
from perdure.wire.manifests import TaskManifest

CHANNEL = "tasks"
"""Hinted when a version with new tasks has connected."""

BATCH = 500
"""The most runs released in one transaction."""


class Pending(Service):
    """Puts runs in line whose task the current version knows by now."""

    channels = (CHANNEL,)
    pause_ms = 30_000

    def __init__(self, resources: Resources, catalog: Catalog) -> None:
        """Use these resources and this knowledge of tasks."""
        super().__init__(resources.db)
        self._resources = resources
        self._catalog = catalog

    async def run_once(self) -> int:
        """Release runs of all environments; return how many."""
        waiting = await self._db.read(runs.pending_tasks)
        return sum([await self.release(one) for one in sorted({environment for environment, _ in waiting})])

    async def release(self, environment: str) -> int:
        """Release an environment's runs whose task its current version knows; return how many."""
        total = 0
        while True:
            count = await self._db.transact(self._release, environment, self._resources.clock.now())
            total += count
            if count < BATCH:
                return total

    async def _release(self, tx: Tx, environment: str, now: int) -> int:
        version = await catalog.current_version(tx, environment)
        tasks = [task for where, task in await runs.pending_tasks(tx) if where == environment]
        if version is None or not tasks:
            return 0
        manifests = await self._catalog.manifests(tx, environment, version, tasks)
        if not manifests:
            return 0
        found = await runs.lock_pending(tx, environment, sorted(manifests), limit=BATCH)
        known = await _move_to_queues(tx, found, manifests)
        await apply(tx, [_move(run, now) for run in known], now=now)
        return len(found)


async def _move_to_queues(tx: Tx, found: Sequence[Run], manifests: Mapping[str, TaskManifest]) -> list[Run]:
    """Put runs that chose no queue into the one their task names; return all as they are then."""
    moved = {run.id: _in_queue(run, manifests[run.task].queue.name) for run in found}
    rows = [
        {"id": run.id, "queue": now.queue, "lane": now.lane, "pool": now.pool}
        for run in found
        if (now := moved[run.id]).queue != run.queue
    ]
    if rows:
        await runs.move(tx, rows)
    return list(moved.values())


def _in_queue(run: Run, queue: str) -> Run:
    if run.queue != f"task/{run.task}" or run.queue == queue:
        return run
    lane = lane_of(run.environment, queue, run.concurrency_key, run.task, run.locked_version)
    return run._replace(queue=queue, lane=lane.id, pool=lane.pool)


def _move(run: Run, now: int) -> Move:
    changes: dict[str, Any] = {"place": place_of(run.created_at, run.priority), "queued_at": now}
    return Move(run, [Step(On.KNOW)], changes)
