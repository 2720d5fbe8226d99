"""Schedules in memory: what ticks as the time of a test passes, by the engine's own rules."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from perdure.core.errors import BadOption, DeclaredInCode, NotFound
from perdure.engine.schedules import changed_row, new_row, row_like, updated_row
from perdure.engine.ticking import held_ticks
from perdure.engine.ticks import Plan, plan
from perdure.sdk.schedules import manifest
from perdure.sdk.task import Task
from perdure.store.schedules import Schedule
from perdure.testing.setting import ENVIRONMENT
from perdure.wire.schedules import CreateSchedule, ScheduleFilter, UpdateSchedule

Live = Callable[[str], Sequence[str]]
"""Gives the runs of a schedule that have not ended."""


class Schedules:
    """The schedules of a test."""

    def __init__(self) -> None:
        self._rows: dict[str, Schedule] = {}

    def declare(self, task: Task[..., Any], now: int) -> Sequence[Schedule]:
        """Let the schedules tick that a task declares, for whatever environment; return them.

        Raises:
            BadOption: it declares none.
        """
        if not task.crons:
            raise BadOption(option="task", value=task, expected="one with a schedule: @task(cron=…)")
        standing = [row for row in self._rows.values() if row.is_declared and row.task == task.id]
        if not standing:
            wanted = [manifest(one) for one in task.crons]
            fresh = [new_row(one, now, environment=ENVIRONMENT.id, task=task.id) for one in wanted]
            standing = [self._keep(replace(row, is_declared=1)) for row in fresh]
        return standing

    def create(self, wanted: CreateSchedule, now: int) -> Schedule:
        """Make a schedule, or let the one of the same deduplication key be like this."""
        keys = {"deduplication_key": wanted.deduplication_key, "external_id": wanted.external_id}
        fresh = new_row(wanted, now, environment=ENVIRONMENT.id, task=wanted.task, **keys)
        for row in self._rows.values():
            if row.deduplication_key is not None and row.deduplication_key == wanted.deduplication_key:
                return self._keep(row_like(row, fresh, now))
        return self._keep(fresh)

    def get(self, schedule: str) -> Schedule:
        """Return a schedule; raises NotFound."""
        if schedule not in self._rows:
            raise NotFound(kind="schedule", name=schedule)
        return self._rows[schedule]

    def list(self, wanted: ScheduleFilter) -> Sequence[Schedule]:
        """Return those that fit, newest first."""
        return [row for row in reversed(self._rows.values()) if wanted.task in (None, row.task)]

    def update(self, schedule: str, wanted: UpdateSchedule, now: int) -> Schedule:
        """Change a schedule; raises NotFound, DeclaredInCode and what is wrong with its timing."""
        return self._keep(updated_row(self.get(schedule), wanted, now))

    def set_active(self, schedule: str, active: bool, now: int) -> Schedule:
        """Let a schedule tick, or stop it; raises NotFound."""
        return self._keep(changed_row(self.get(schedule), {"is_active": int(active)}, now))

    def delete(self, schedule: str) -> None:
        """Forget a schedule; raises NotFound and DeclaredInCode."""
        row = self.get(schedule)
        if row.is_declared:
            raise DeclaredInCode(schedule=schedule, task=row.task, change="remove")
        del self._rows[schedule]

    def moments(self) -> Iterator[int]:
        """Yield the moments at which a tick is due."""
        yield from (row.due_at for row in self._rows.values() if row.due_at is not None)

    def turns(self, now: int, live: Live) -> Iterator[Plan]:
        """Yield what becomes of the ticks that are due, or waited for a run that has ended."""
        for row in list(self._rows.values()):
            running = live(row.id)
            if (row.due_at is not None and row.due_at <= now) or (held_ticks(row) and not running):
                turn = plan(row, now, {row.id: running}, is_hindered=False)
                self._keep(turn.moved_on(now))
                yield turn

    def _keep(self, row: Schedule) -> Schedule:
        self._rows[row.id] = row
        return row
