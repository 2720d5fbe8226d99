"""Schedules: when tasks run by themselves."""

from perdure.wire import runs, schedules
from perdure.wire.endpoint import KILOBYTE, Audience, Endpoint
from perdure.wire.model import Nothing

CREATE_SCHEDULE = Endpoint(
    name="createSchedule",
    method="POST",
    path="/api/v1/schedules",
    takes=schedules.CreateSchedule,
    gives=schedules.Schedule,
    summary="Make a schedule, or change the one of the same deduplication key.",
    limit=10 * KILOBYTE,
    errors=(400, 401, 422),
)
LIST_SCHEDULES = Endpoint(
    name="listSchedules",
    method="GET",
    path="/api/v1/schedules",
    takes=schedules.ScheduleFilter,
    gives=schedules.SchedulePage,
    summary="List schedules, newest first.",
)
RETRIEVE_SCHEDULE = Endpoint(
    name="retrieveSchedule",
    method="GET",
    path="/api/v1/schedules/{schedule}",
    takes=Nothing,
    gives=schedules.Schedule,
    summary="Get a schedule.",
    errors=(401, 404),
)
UPDATE_SCHEDULE = Endpoint(
    name="updateSchedule",
    method="PUT",
    path="/api/v1/schedules/{schedule}",
    takes=schedules.UpdateSchedule,
    gives=schedules.Schedule,
    summary="Change a schedule that the API made; what is left out stays as it is.",
    limit=10 * KILOBYTE,
    errors=(400, 401, 404, 422),
)
DELETE_SCHEDULE = Endpoint(
    name="deleteSchedule",
    method="DELETE",
    path="/api/v1/schedules/{schedule}",
    takes=Nothing,
    gives=schedules.ScheduleId,
    summary="Delete a schedule that the API made; its runs stay.",
    errors=(401, 404, 422),
)
ACTIVATE_SCHEDULE = Endpoint(
    name="activateSchedule",
    method="POST",
    path="/api/v1/schedules/{schedule}/activate",
    takes=Nothing,
    gives=schedules.Schedule,
    summary="Let a schedule tick again, from now on.",
    errors=(401, 404),
)
DEACTIVATE_SCHEDULE = Endpoint(
    name="deactivateSchedule",
    method="POST",
    path="/api/v1/schedules/{schedule}/deactivate",
    takes=Nothing,
    gives=schedules.Schedule,
    summary="Stop a schedule's ticks until it is activated; a declared one too, whatever is deployed.",
    errors=(401, 404),
)
RUN_SCHEDULE = Endpoint(
    name="runSchedule",
    method="POST",
    path="/api/v1/schedules/{schedule}/run",
    takes=Nothing,
    gives=runs.RunId,
    summary="Run a schedule's task now, as a tick would; its ticks stay as they are.",
    errors=(401, 404),
)
LIST_TIMEZONES = Endpoint(
    name="listTimezones",
    method="GET",
    path="/api/v1/timezones",
    takes=schedules.TimezoneQuery,
    gives=schedules.Timezones,
    summary="List the time zones that a schedule can be in.",
    audience=Audience.OPEN,
    errors=(400,),
)
