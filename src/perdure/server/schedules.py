"""Schedules: made, changed, shown and run by hand."""

from perdure.core.clock import to_datetime_or_none
from perdure.core.cron import zones
from perdure.engine.scheduled import type_of
from perdure.engine.schedules import ScheduleView
from perdure.engine.ticking import held_ticks
from perdure.server.handles import Call, handles
from perdure.server.render import generator
from perdure.store import rows
from perdure.wire import endpoints
from perdure.wire import schedules as wire
from perdure.wire.model import Nothing
from perdure.wire.runs import RunId
from perdure.wire.values import EnvironmentType, OffsetPagination

_OFFICIAL_TYPES = {
    EnvironmentType.DEV: "DEVELOPMENT",
    EnvironmentType.STAGING: "STAGING",
    EnvironmentType.PREVIEW: "PREVIEW",
    EnvironmentType.PROD: "PRODUCTION",
}


@handles(endpoints.schedules.CREATE_SCHEDULE)
async def create_schedule(call: Call, wanted: wire.CreateSchedule) -> wire.Schedule:
    """Make a schedule, or change the one of the same key."""
    return shown(await call.services.engine.schedules.create(call.environment, wanted), call.environment)


@handles(endpoints.schedules.LIST_SCHEDULES)
async def list_schedules(call: Call, wanted: wire.ScheduleFilter) -> wire.SchedulePage:
    """List schedules."""
    found = await call.services.engine.schedules.list(call.environment, wanted)
    return wire.SchedulePage(
        data=[shown(view, call.environment) for view in found.schedules],
        pagination=OffsetPagination.of(wanted, found.count),
    )


@handles(endpoints.schedules.RETRIEVE_SCHEDULE)
async def retrieve_schedule(call: Call, _: Nothing, schedule: str) -> wire.Schedule:
    """Show a schedule."""
    return shown(await call.services.engine.schedules.get(call.environment, schedule), call.environment)


@handles(endpoints.schedules.UPDATE_SCHEDULE)
async def update_schedule(call: Call, wanted: wire.UpdateSchedule, schedule: str) -> wire.Schedule:
    """Change a schedule."""
    changed = await call.services.engine.schedules.update(call.environment, schedule, wanted)
    return shown(changed, call.environment)


@handles(endpoints.schedules.DELETE_SCHEDULE)
async def delete_schedule(call: Call, _: Nothing, schedule: str) -> wire.ScheduleId:
    """Delete a schedule."""
    await call.services.engine.schedules.delete(call.environment, schedule)
    return wire.ScheduleId(id=schedule)


@handles(endpoints.schedules.ACTIVATE_SCHEDULE)
async def activate_schedule(call: Call, _: Nothing, schedule: str) -> wire.Schedule:
    """Let a schedule tick again."""
    on = await call.services.engine.schedules.set_active(call.environment, schedule, True)
    return shown(on, call.environment)


@handles(endpoints.schedules.DEACTIVATE_SCHEDULE)
async def deactivate_schedule(call: Call, _: Nothing, schedule: str) -> wire.Schedule:
    """Stop a schedule."""
    off = await call.services.engine.schedules.set_active(call.environment, schedule, False)
    return shown(off, call.environment)


@handles(endpoints.schedules.RUN_SCHEDULE)
async def run_schedule(call: Call, _: Nothing, schedule: str) -> RunId:
    """Run a schedule's task now."""
    made = await call.services.engine.schedules.run(call.environment, schedule)
    call.services.metrics.triggered.inc()
    return RunId(id=made.id)


@handles(endpoints.schedules.LIST_TIMEZONES)
async def list_timezones(call: Call, query: wire.TimezoneQuery) -> wire.Timezones:
    """List the time zones."""
    return wire.Timezones(timezones=list(zones()[query.exclude_utc :]))


def shown(view: ScheduleView, environment: rows.Environment) -> wire.Schedule:
    """Return a schedule as the API shows it."""
    row = view.schedule
    kind = _OFFICIAL_TYPES[EnvironmentType(environment.type)]
    return wire.Schedule.model_validate(
        {
            "id": row.id,
            "type": type_of(row),
            "task": row.task,
            "active": bool(row.is_active),
            "deduplication_key": row.deduplication_key,
            "external_id": row.external_id,
            "generator": generator(row),
            "timezone": row.timezone,
            "window": row.spread,
            "next_run": to_datetime_or_none(row.next_at),
            "next_run_effective_at": to_datetime_or_none(row.due_at),
            "environments": [wire.ScheduleEnvironment(id=environment.id, type=kind)],
            "missed": row.missed,
            "max_catch_up": row.max_catch_up,
            "overlap": row.overlap,
            "last_run": to_datetime_or_none(row.last_at),
            "held": len(held_ticks(row)),
            "problem": view.problem,
        }
    )
