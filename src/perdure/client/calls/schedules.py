"""What is asked of schedules."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from perdure.client.call import Call, query
from perdure.core.errors import BadOption
from perdure.core.names import check_options
from perdure.core.spread import window_text
from perdure.wire import endpoints, schedules
from perdure.wire.runs import RunId

OPTIONS = ("cron", "timezone", "window", "missed", "max_catch_up", "overlap", "external_id")
"""What can be said of a schedule, by name."""


def create(
    task: Any, deduplication_key: str, options: Mapping[str, Any]
) -> Call[schedules.CreateSchedule, schedules.Schedule]:
    """Make a schedule."""
    given = {name: value for name, value in _given(options).items() if value is not None}
    body = _checked(schedules.CreateSchedule, given, task=task, deduplication_key=deduplication_key)
    return Call(endpoints.schedules.CREATE_SCHEDULE, body)


def update(schedule: str, options: Mapping[str, Any]) -> Call[schedules.UpdateSchedule, schedules.Schedule]:
    """Change a schedule."""
    given = dict(options)
    task = {"task": given.pop("task")} if "task" in given else {}
    body = _checked(schedules.UpdateSchedule, _given(given), **task)
    return Call(endpoints.schedules.UPDATE_SCHEDULE, body, {"schedule": schedule})


def page(filters: Mapping[str, Any]) -> Call[schedules.ScheduleFilter, schedules.SchedulePage]:
    """Get a page of schedules."""
    given = query(filters, ("task", "page", "per_page"))
    if "task" in given:
        given["task"] = getattr(given["task"], "id", given["task"])
    return Call(endpoints.schedules.LIST_SCHEDULES, schedules.ScheduleFilter(**given))


def retrieve(schedule: str) -> Call[Any, schedules.Schedule]:
    """Get a schedule."""
    return Call(endpoints.schedules.RETRIEVE_SCHEDULE, None, {"schedule": schedule})


def delete(schedule: str) -> Call[Any, schedules.ScheduleId]:
    """Delete a schedule."""
    return Call(endpoints.schedules.DELETE_SCHEDULE, None, {"schedule": schedule})


def activate(schedule: str) -> Call[Any, schedules.Schedule]:
    """Let a schedule tick again."""
    return Call(endpoints.schedules.ACTIVATE_SCHEDULE, None, {"schedule": schedule})


def deactivate(schedule: str) -> Call[Any, schedules.Schedule]:
    """Stop a schedule."""
    return Call(endpoints.schedules.DEACTIVATE_SCHEDULE, None, {"schedule": schedule})


def run(schedule: str) -> Call[Any, RunId]:
    """Run a schedule's task now."""
    return Call(endpoints.schedules.RUN_SCHEDULE, None, {"schedule": schedule})


def timezones() -> Call[schedules.TimezoneQuery, schedules.Timezones]:
    """List the time zones."""
    return Call(endpoints.schedules.LIST_TIMEZONES, schedules.TimezoneQuery())


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    check_options(options, OPTIONS)
    given = dict(options)
    if given.get("window") is not None:
        given["window"] = window_text(given["window"])
    return given


def _checked(model: Any, given: Mapping[str, Any], *, task: Any = None, **more: Any) -> Any:
    named = {} if task is None else {"task": getattr(task, "id", task)}
    try:
        return model(**given, **named, **more)
    except ValidationError as error:
        first = error.errors()[0]
        names = {about.alias: name for name, about in model.model_fields.items()}
        option = names.get(str(first["loc"][0]), str(first["loc"][0]))
        raise BadOption(option=option, value=first["input"], expected=first["msg"]) from None
