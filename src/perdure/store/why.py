"""What there is to know of a run that stands in line."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from perdure.store import catalog, lanes, queues, workers
from perdure.store.database import Tx
from perdure.store.rows import Environment, Meter, Pool, Queue, Run, Worker

SHOWN = 5
"""How many of the runs that hold slots are told."""

COUNTED = 100_000
"""No more runs before it are counted."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a claim would go by."""

    run: Run
    environment: Environment
    queue: Queue | None
    pool: Pool | None
    environment_pool: Pool | None
    meter: Meter | None
    #: those that were heard of lately, and how many runs each holds
    workers: Sequence[tuple[Worker, int]]
    #: those of their versions that have the task
    able: frozenset[str]
    before: int = 0
    other_keys: int = 0
    #: who holds the slots: of the key, of the queue, of the environment
    key_holders: Sequence[str] = field(default_factory=list)
    queue_holders: Sequence[str] = field(default_factory=list)
    environment_holders: Sequence[str] = field(default_factory=list)


async def facts(tx: Tx, environment: str, run: Run, *, since: int) -> Facts:
    """Return what a claim would go by for a run; workers count that were heard of since then."""
    found = await workers.connected(tx, environment, since=since)
    row = await catalog.of_id(tx, environment)
    assert row is not None, "its key was just looked up"
    versions = sorted({worker.version for worker, _ in found})
    able = await tx.all("versions_with_task", environment=environment, task=run.task, versions=versions)
    where = {"environment": environment, "queue": run.queue, "pool": run.pool}
    line = {"lane": run.lane, "place": run.place or 0, "id": run.id, "limit": COUNTED}
    return Facts(
        run=run,
        environment=row,
        queue=await queues.find(tx, environment, run.queue),
        pool=await lanes.find_pool(tx, run.pool),
        environment_pool=await lanes.find_pool(tx, lanes.pool_of(environment)),
        meter=await queues.find_meter(tx, environment, run.queue),
        workers=found,
        able=frozenset(row[0] for row in able),
        before=(await tx.one("count_before", **line))[0],
        other_keys=(await tx.one("count_other_keys", **where))[0],
        key_holders=await _holders(tx, where, any_queue=0, any_pool=0),
        queue_holders=await _holders(tx, where, any_queue=0, any_pool=1),
        environment_holders=await _holders(tx, where, any_queue=1, any_pool=1),
    )


async def _holders(tx: Tx, where: dict[str, object], **which: int) -> list[str]:
    return [row[0] for row in await tx.all("holders_of_slots", **where, **which, limit=SHOWN)]
