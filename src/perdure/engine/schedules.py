"""Schedules that the API makes, changes and shows; those that code declares are in `declared.py`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from perdure.core.cron import cron
from perdure.core.errors import DeclaredInCode, NotFound, Unprocessable
from perdure.core.ids import new_id
from perdure.core.names import nearest
from perdure.core.spread import window_text
from perdure.engine import options
from perdure.engine.catalog import Catalog
from perdure.engine.enqueue import Enqueue, Triggered
from perdure.engine.readiness import obstacles
from perdure.engine.resources import Resources
from perdure.engine.scheduled import run_now
from perdure.engine.ticking import start_from
from perdure.store import catalog, schedules
from perdure.store.database import Tx
from perdure.store.rows import Environment
from perdure.store.schedules import NO_TICKS, PREFIX, Schedule
from perdure.wire.schedules import CreateSchedule, ScheduleFilter, Timing, UpdateSchedule


@dataclass(frozen=True, slots=True)
class ScheduleView:
    """A schedule, and why its ticks would make no run now (None if they would)."""

    schedule: Schedule
    problem: str | None


@dataclass(frozen=True, slots=True)
class ScheduleList:
    """A page of schedules, and how many there are in all."""

    schedules: Sequence[ScheduleView]
    count: int


class Schedules:
    """Makes, changes, shows and deletes schedules."""

    def __init__(self, resources: Resources, known: Catalog, enqueue: Enqueue) -> None:
        """Use these resources, this knowledge of tasks, and what triggers runs."""
        self._resources = resources
        self._known = known
        self._enqueue = enqueue

    async def create(self, environment: Environment, wanted: CreateSchedule) -> ScheduleView:
        """Make a schedule, or let the one of the same deduplication key be like this.

        Raises:
            BadCron, UnknownZone: there is no such expression, or time zone.
            BadOption: the window can't be.
            Unprocessable: the environment's current version does not have the task.
        """
        now = self._resources.clock.now()
        for name in ("task", "deduplication_key", "external_id"):
            options.plain_text(name, getattr(wanted, name) or "")
        keys = {"deduplication_key": wanted.deduplication_key, "external_id": wanted.external_id}
        fresh = new_row(wanted, now, environment=environment.id, task=wanted.task, **keys)
        row = await self._resources.db.transact(self._create, fresh, now)
        return await self.get(environment, row.id)

    async def get(self, environment: Environment, schedule: str) -> ScheduleView:
        """Return a schedule.

        Raises:
            NotFound: there is none of this id in the environment.
        """
        found = await self._resources.db.read(schedules.find, environment.id, schedule)
        return (await self._views(environment, [_there(found, schedule)]))[0]

    async def list(self, environment: Environment, wanted: ScheduleFilter) -> ScheduleList:
        """Return a page of schedules, newest first."""
        offset = (wanted.page - 1) * wanted.per_page
        rows, count = await self._resources.db.read(
            schedules.page, environment.id, task=wanted.task, limit=wanted.per_page, offset=offset
        )
        return ScheduleList(await self._views(environment, rows), count)

    async def update(self, environment: Environment, schedule: str, wanted: UpdateSchedule) -> ScheduleView:
        """Change a schedule; what is left out stays as it is.

        Its next tick is found anew if the cron expression, the zone or the window is another.

        Raises:
            NotFound: there is none of this id in the environment.
            DeclaredInCode: code declares it.
            BadCron, UnknownZone, BadOption, Unprocessable: as `create`.
        """
        now = self._resources.clock.now()
        await self._resources.db.transact(self._update, environment.id, schedule, wanted, now)
        return await self.get(environment, schedule)

    async def set_active(self, environment: Environment, schedule: str, active: bool) -> ScheduleView:
        """Let a schedule tick, from now on, or stop it; a declared one too.

        Raises:
            NotFound: there is none of this id in the environment.
        """
        now = self._resources.clock.now()
        await self._resources.db.transact(_set_active, environment.id, schedule, active, now)
        return await self.get(environment, schedule)

    async def delete(self, environment: Environment, schedule: str) -> None:
        """Forget a schedule; its runs stay.

        Raises:
            NotFound: there is none of this id in the environment.
            DeclaredInCode: code declares it.
        """
        await self._resources.db.transact(_delete, environment.id, schedule)

    async def run(self, environment: Environment, schedule: str) -> Triggered:
        """Run the task now, as a tick would, whether the schedule is active or not; its ticks stay.

        Raises:
            NotFound: there is none of this id in the environment.
        """
        found = await self._resources.db.read(schedules.find, environment.id, schedule)
        new = run_now(environment, _there(found, schedule), self._resources.clock.now())
        (answer,) = await self._enqueue.trigger_many([new])
        if isinstance(answer, Triggered):
            return answer
        raise answer

    async def _create(self, tx: Tx, fresh: Schedule, now: int) -> Schedule:
        await self._check_task(tx, fresh.environment, fresh.task)
        tx.hint(schedules.CHANNEL)
        if await schedules.insert(tx, [fresh]):
            return fresh
        standing = await schedules.lock_of_key(tx, fresh.environment, fresh.deduplication_key or "")
        if standing is None:  # deleted this very moment
            await schedules.insert(tx, [fresh])
            return fresh
        await schedules.write(tx, [row_like(standing, fresh, now)])
        return standing

    async def _update(
        self, tx: Tx, environment: str, schedule: str, wanted: UpdateSchedule, now: int
    ) -> None:
        row = _there(await schedules.lock(tx, environment, schedule), schedule)
        changed = updated_row(row, wanted, now)
        if wanted.task:
            await self._check_task(tx, environment, wanted.task)
        await schedules.write(tx, [changed])
        tx.hint(schedules.CHANNEL)

    async def _check_task(self, tx: Tx, environment: str, task: str) -> None:
        if await self._known.current(tx, environment, [task]):
            return
        version = await catalog.current_version(tx, environment)
        if version is None:  # nobody knows yet which tasks there are; `problem` says so until then
            return
        names = [row.task for row in await catalog.tasks_of_version(tx, environment, version)]
        raise Unprocessable(
            f"There is no task {task} in the current version {version}; {nearest(task, names)}"
        )

    async def _views(self, environment: Environment, rows: Sequence[Schedule]) -> Sequence[ScheduleView]:
        since = self._resources.clock.now() - 2 * self._resources.settings.lease_ms
        told = await self._resources.db.read(
            obstacles, self._known, {environment.id: environment}, rows, since=since
        )
        return [ScheduleView(row, told.get(row.id) if row.is_active else None) for row in rows]


TIMING = ("cron", "timezone", "spread", "missed", "max_catch_up", "overlap")
"""The columns that say when ticks come, and what is done about them."""

_MOVING = ("task", "is_active", "cron", "timezone", "spread")
_CLEARED = ("external_id", "window")
"""What null takes away."""


def new_row(timing: Timing, now: int, *, environment: str, task: str, **keys: str | None) -> Schedule:
    """Return a new schedule, active from now on.

    Args:
        timing: when its ticks come.
        now: the moment.
        environment: whose.
        task: what it runs.
        keys: `deduplication_key` and `external_id`, of one that the API makes.

    Raises:
        BadCron, UnknownZone: there is no such expression, or time zone.
        BadOption: the window can't be.
    """
    fresh = Schedule(
        id=new_id(PREFIX, now),
        environment=environment,
        task=task,
        is_declared=0,
        is_active=1,
        **{"deduplication_key": None, "external_id": None, **keys},
        **timing_columns(timing),
        created_at=now,
        updated_at=now,
        next_at=None,
        due_at=None,
        last_at=None,
        held=NO_TICKS,
    )
    return start_from(fresh, now)


def timing_columns(timing: Timing) -> dict[str, Any]:
    """Return the columns of a timing, checked.

    Raises:
        BadCron, UnknownZone: there is no such expression, or time zone.
        BadOption: the window can't be.
    """
    cron(timing.cron, timing.timezone)
    return {
        "cron": timing.cron,
        "timezone": timing.timezone,
        "spread": None if timing.window is None else window_text(timing.window),
        "missed": timing.missed,
        "max_catch_up": timing.max_catch_up,
        "overlap": timing.overlap,
    }


def changed_row(row: Schedule, changes: dict[str, Any], now: int) -> Schedule:
    """Return a schedule with changes; its next tick is found anew only if it comes at another time now.

    Programs say `schedules.create` at each start: a tick that is due just then must not be lost.
    """
    changed = replace(row, **changes)
    if changed == row:
        return row
    changed = replace(changed, updated_at=now)
    if any(getattr(changed, name) != getattr(row, name) for name in _MOVING):
        return start_from(changed, now)
    return changed


def row_like(standing: Schedule, fresh: Schedule, now: int) -> Schedule:
    """Return a schedule as another one of the same deduplication key says."""
    return changed_row(
        standing, {name: getattr(fresh, name) for name in ("task", "external_id", *TIMING)}, now
    )


def updated_row(row: Schedule, wanted: UpdateSchedule, now: int) -> Schedule:
    """Return a schedule as an update wants it; what is left out stays as it is.

    Raises:
        DeclaredInCode: code declares it.
        BadCron, UnknownZone, BadOption: its timing can't be.
    """
    if row.is_declared:
        raise DeclaredInCode(schedule=row.id, task=row.task, change="change")
    given = {name: getattr(wanted, name) for name in wanted.model_fields_set}
    kept = {name: value for name, value in given.items() if value is not None or name in _CLEARED}
    timing = Timing(**{**_timing_of(row), **{k: v for k, v in kept.items() if k in Timing.model_fields}})
    changed = {name: kept[name] for name in ("task", "external_id") if name in kept}
    return changed_row(row, changed | timing_columns(timing), now)


def _timing_of(row: Schedule) -> dict[str, Any]:
    return {name: getattr(row, name) for name in TIMING if name != "spread"} | {"window": row.spread}


def _there(row: Schedule | None, schedule: str) -> Schedule:
    if row is None:
        raise NotFound(kind="schedule", name=schedule)
    return row


async def _set_active(tx: Tx, environment: str, schedule: str, active: bool, now: int) -> None:
    row = _there(await schedules.lock(tx, environment, schedule), schedule)
    await schedules.write(tx, [changed_row(row, {"is_active": int(active)}, now)])
    tx.hint(schedules.CHANNEL)


async def _delete(tx: Tx, environment: str, schedule: str) -> None:
    row = _there(await schedules.lock(tx, environment, schedule), schedule)
    if row.is_declared:
        raise DeclaredInCode(schedule=schedule, task=row.task, change="remove")
    await schedules.delete(tx, [schedule])
