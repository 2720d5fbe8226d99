"""Schedules: when tasks run by themselves.

Names and shapes are those of the Trigger.dev API; `missed`, `maxCatchUp` and `overlap` are ours.
"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from perdure.wire.model import Model
from perdure.wire.values import OffsetPagination, PageQuery, PageSize, TaskId

Missed = Literal["skip", "catch_up"]
"""What becomes of ticks that came while no server ran."""

Overlap = Literal["allow", "skip", "queue", "cancel_old"]
"""What becomes of a tick while a run of an earlier one has not ended."""

ScheduleType = Literal["DECLARATIVE", "IMPERATIVE"]
"""Declared in code, or made by the API."""

UPCOMING = 5
"""How many moments to come a run is told; the official server's number."""

CronText = Annotated[str, StringConstraints(max_length=256)]
ZoneText = Annotated[str, StringConstraints(max_length=64)]
WindowText = Annotated[str, StringConstraints(max_length=32)]
KeyText = Annotated[str, StringConstraints(min_length=1, max_length=512)]
MaxCatchUp = Annotated[int, Field(ge=1, le=1000)]


class Timing(Model):
    """When ticks come, and what is done about those that can't run as they come."""

    cron: CronText
    """Five fields: minute, hour, day of month, month, weekday."""
    timezone: ZoneText = "UTC"
    """An IANA name."""
    window: WindowText | None = None
    """Spread over this long: `30m`, `2h`, or `30%` of the time until the next tick."""
    missed: Missed = "skip"
    max_catch_up: MaxCatchUp = 100
    """How many ticks are caught up with, or wait for an older run, at most."""
    overlap: Overlap = "allow"


class CreateSchedule(Timing):
    """A schedule to make; one of the same deduplication key becomes like this."""

    task: TaskId
    deduplication_key: KeyText
    external_id: KeyText | None = None


class UpdateSchedule(Model):
    """What to change of a schedule; what is left out stays as it is."""

    task: TaskId | None = None
    cron: CronText | None = None
    timezone: ZoneText | None = None
    window: WindowText | None = None
    """Null: no spread any more."""
    external_id: KeyText | None = None
    """Null: none any more."""
    missed: Missed | None = None
    max_catch_up: MaxCatchUp | None = None
    overlap: Overlap | None = None

    def to_json(self) -> bytes:
        """Return the JSON that goes over the wire: here null says something, and what is unset does not."""
        return self.__pydantic_serializer__.to_json(self, by_alias=True, exclude_unset=True)


class Generator(Model):
    """What makes the ticks."""

    type: Literal["CRON"] = "CRON"
    expression: str
    description: str
    """The same in words."""


class ScheduleEnvironment(Model):
    """Where a schedule is live."""

    id: str
    type: str
    user_name: str | None = None


class Schedule(Model):
    """A schedule, as it is shown."""

    id: str
    type: ScheduleType
    task: str
    active: bool
    deduplication_key: str | None = None
    external_id: str | None = None
    generator: Generator
    timezone: str
    window: str | None = None
    next_run: datetime | None = None
    """The next tick."""
    next_run_effective_at: datetime | None = None
    """When that runs: the tick, spread over the window."""
    environments: list[ScheduleEnvironment]
    missed: Missed
    max_catch_up: int
    overlap: Overlap
    last_run: datetime | None = None
    """The last tick that made a run."""
    held: int = 0
    """How many ticks wait for the end of an older run."""
    problem: str | None = None
    """Why no tick would make a run now, if so."""


class SchedulePage(Model):
    """A page of schedules, newest first."""

    data: list[Schedule]
    pagination: OffsetPagination


class ScheduleFilter(PageQuery):
    """Which page of the schedules."""

    per_page: PageSize = 20
    task: TaskId | None = None
    """Only those of this task; ours."""


class ScheduleId(Model):
    """The schedule that was deleted."""

    id: str


class TimezoneQuery(Model):
    """Which zones to list."""

    exclude_utc: bool = False


class Timezones(Model):
    """The names of all time zones."""

    timezones: list[str]


class ScheduledPayload(Model):
    """What the run of a tick is given; a task whose one parameter is annotated with it gets it."""

    schedule_id: str
    type: ScheduleType
    timestamp: datetime
    """The moment of the tick, however late its run is; in UTC."""
    last_timestamp: datetime | None = None
    """The moment of the tick before, if it made a run."""
    timezone: str
    """The schedule's zone: `payload.timestamp.astimezone(ZoneInfo(payload.timezone))` is local time."""
    external_id: str | None = None
    upcoming: list[datetime]
    """The next five ticks."""
