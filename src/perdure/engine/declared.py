"""Schedules that code declares, kept as the code of the live version says.

Of a task's schedules, those whose expression and zone stay the same go on as they are.  The others are
matched in the order they stand in: an expression that was edited is the same schedule at another time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from perdure.engine.schedules import changed_row, new_row, timing_columns
from perdure.store import schedules
from perdure.store.database import Tx
from perdure.store.rows import Environment
from perdure.store.schedules import Schedule
from perdure.wire.manifests import ScheduleManifest, TaskManifest


async def declare(tx: Tx, environment: Environment, tasks: Iterable[TaskManifest], now: int) -> None:
    """Add, change and remove an environment's declared schedules, so that they are those of these tasks.

    Those that were deactivated stay so.  Takes as many statements for one as for all.

    Raises:
        BadCron, UnknownZone, BadOption: a declaration can't be.
    """
    standing: dict[str, list[Schedule]] = {}
    for row in await schedules.lock_declared(tx, environment.id):
        standing.setdefault(row.task, []).append(row)
    added: list[Schedule] = []
    changed: list[Schedule] = []
    for task in tasks:
        left = standing.get(task.id, [])
        for wanted in _in_order(task.schedules, left, environment):
            row = _match(left, wanted)
            if row is None:
                fresh = new_row(wanted, now, environment=environment.id, task=task.id)
                added.append(replace(fresh, is_declared=1))
            elif (then := changed_row(row, timing_columns(wanted), now)) != row:
                changed.append(then)
    removed = [row.id for rows in standing.values() for row in rows]
    if added:
        await schedules.insert(tx, added)
    if changed:
        await schedules.write(tx, changed)
    if removed:
        await schedules.delete(tx, removed)
    if added or changed:
        tx.hint(schedules.CHANNEL)


def _in_order(
    declared: Sequence[ScheduleManifest], standing: Sequence[Schedule], environment: Environment
) -> list[ScheduleManifest]:
    """Return those that are live in an environment, first the ones that come when a standing one does."""
    live = [one for one in declared if one.environments is None or environment.type in one.environments]
    times = {(row.cron, row.timezone) for row in standing}
    return sorted(live, key=lambda one: (one.cron, one.timezone) not in times)


def _match(left: list[Schedule], wanted: ScheduleManifest) -> Schedule | None:
    """Take from those that are left the one at the same time, or else the first."""
    same = [row for row in left if (row.cron, row.timezone) == (wanted.cron, wanted.timezone)]
    found = same[0] if same else left[0] if left else None
    if found is not None:
        left.remove(found)
    return found
