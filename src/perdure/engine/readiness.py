"""Why a schedule's ticks make no runs, although it is active.

In a dev environment they do while a worker is connected: whoever closes the laptop does not want what would
have happened to happen at once in the morning.  Elsewhere they do if the current version has the task.
"""

from collections.abc import Mapping, Sequence

from perdure.engine.catalog import Catalog
from perdure.store import catalog, schedules
from perdure.store.database import Tx
from perdure.store.rows import Environment
from perdure.store.schedules import Schedule
from perdure.wire.values import EnvironmentType


async def obstacles(
    tx: Tx, known: Catalog, environments: Mapping[str, Environment], rows: Sequence[Schedule], *, since: int
) -> dict[str, str]:
    """Return why schedules make no runs, by the ids of those that don't.

    Args:
        tx: the transaction.
        known: the tasks of versions.
        environments: those of the schedules, by id.
        rows: the schedules.
        since: a worker that was heard of since then counts as connected.
    """
    told: dict[str, str] = {}
    idle = await _without_worker(tx, environments, since)
    for environment in environments.values():
        wanted = [row for row in rows if row.environment == environment.id]
        tasks = await known.current(tx, environment.id, {row.task for row in wanted})
        missing = [row for row in wanted if row.task not in tasks]
        version = await catalog.current_version(tx, environment.id) if missing else None
        for row in wanted:
            if environment.id in idle:
                told[row.id] = "No dev worker is connected, so no tick makes a run: start `perdure dev`."
        for row in missing:
            told[row.id] = (
                f"Task {row.task} is not in the current version {version or '(there is none)'}, "
                "so no tick makes a run."
            )
    return told


async def _without_worker(tx: Tx, environments: Mapping[str, Environment], since: int) -> set[str]:
    dev = sorted(one.id for one in environments.values() if one.type == EnvironmentType.DEV)
    return {*dev} - await schedules.with_workers(tx, dev, since=since) if dev else set()
