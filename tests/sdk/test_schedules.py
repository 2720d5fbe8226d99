"""Schedules that code declares, and what the run of a tick is given."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from perdure import BadOption, Cron, PerdureError, ScheduledPayload, Task, UnknownOption, task
from perdure.core.errors import BadCron, UnknownZone
from perdure.sdk.attempt import run_attempt
from perdure.wire.values import SUPER_JSON
from perdure.wire.workers import Succeeded
from tests.sdk.host import ENVIRONMENT, Host, assignment

TICK = (
    '{"json":{"scheduleId":"sched_1","type":"DECLARATIVE","timestamp":"2026-01-02T08:00:00.000Z",'
    '"lastTimestamp":"2026-01-01T08:00:00.000Z","timezone":"Europe/Paris","externalId":"user:7",'
    '"upcoming":["2026-01-03T08:00:00.000Z"]},"meta":{"values":{"timestamp":["Date"],'
    '"lastTimestamp":["Date"],"upcoming.0":["Date"]}}}'
)


def declared(**options: Any) -> list[dict[str, Any]]:
    """Return what the server is told of the schedules of a task."""

    @task(**options)
    async def nightly() -> None: ...

    return [one.to_wire() for one in nightly.manifest().schedules]


DEFAULTS = {"timezone": "UTC", "missed": "skip", "maxCatchUp": 100, "overlap": "allow"}


def test_a_task_without_a_cron_has_no_schedules():
    assert declared() == []


def test_an_expression_is_a_schedule():
    assert declared(cron="0 9 * * 1-5", timezone="Europe/Paris", environments="production") == [
        {**DEFAULTS, "cron": "0 9 * * 1-5", "timezone": "Europe/Paris", "environments": ["prod"]}
    ]


def test_several_are_a_list_and_say_what_differs():
    weekly = Cron(
        "0 8 * * MON",
        timezone="Asia/Tokyo",
        environments=["dev", "Staging"],
        window=1800,
        missed="catch_up",
        max_catch_up=5,
        overlap="queue",
    )

    assert declared(cron=["0 9 * * *", weekly], timezone="Europe/Paris", environments=["prod"]) == [
        {**DEFAULTS, "cron": "0 9 * * *", "timezone": "Europe/Paris", "environments": ["prod"]},
        {
            "cron": "0 8 * * MON",
            "timezone": "Asia/Tokyo",
            "environments": ["dev", "stg"],
            "window": "30m",
            "missed": "catch_up",
            "maxCatchUp": 5,
            "overlap": "queue",
        },
    ]


@pytest.mark.parametrize(
    ("options", "error", "told"),
    [
        ({"cron": "0 24 * * *"}, BadCron, "its hour is 24, and takes 0 to 23"),
        ({"cron": "0 9 * * *", "timezone": "Paris"}, UnknownZone, "did you mean Europe/Paris?"),
        ({"cron": "0 9 * * *", "environments": "prodd"}, BadOption, "did you mean prod?"),
        ({"cron": ["0 9 * * *", "0 9 * * *"]}, BadOption, "once for each time zone"),
        ({"crom": "0 9 * * *"}, UnknownOption, "did you mean cron?"),
        ({"timezone": "UTC"}, BadOption, "a task with a cron"),
        ({"environments": ["prod"]}, BadOption, "a task with a cron"),
    ],
)
def test_a_bad_declaration_is_refused_where_it_stands(
    options: dict[str, Any], error: type[PerdureError], told: str
):
    with pytest.raises(error) as raised:
        declared(**options)

    assert told in str(raised.value)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"window": "25h"}, "up to 24h"),
        ({"window": "-5m"}, "'-5m'"),
        ({"missed": "all"}, "one of skip, catch_up"),
        ({"overlap": "drop"}, "one of allow, skip, queue, cancel_old"),
        ({"max_catch_up": 0}, "1 to 1000"),
        ({"max_catch_up": 1001}, "1 to 1000"),
    ],
)
def test_a_bad_policy_is_refused(options: dict[str, Any], told: str):
    with pytest.raises(BadOption) as raised:
        Cron("0 9 * * *", **options)

    assert told in str(raised.value)


def test_a_task_whose_parameters_no_schedule_fills_can_not_have_one():
    @task(cron="0 9 * * *")
    async def greet(name: str, times: int = 1) -> None: ...

    with pytest.raises(BadOption) as raised:
        greet.manifest()

    assert str(raised.value) == (
        "Task greet has a cron, so it takes no parameter or one, `payload: ScheduledPayload`; "
        "it has name: str, times: int = 1"
    )


async def tick(task: Task[..., Any]) -> Any:
    """Run one attempt of a task as a tick's; return its output."""
    run = assignment(task).model_copy(update={"payload": TICK, "payload_type": SUPER_JSON})
    outcome = await run_attempt(task, run, ENVIRONMENT, Host())
    assert isinstance(outcome, Succeeded), outcome
    return json.loads(outcome.output or "null")


async def test_a_tick_is_told_in_types():
    @task
    async def tell(payload: ScheduledPayload) -> list[Any]:
        upcoming, last = payload.upcoming, payload.last_timestamp
        assert last == datetime(2026, 1, 1, 8, tzinfo=UTC)
        assert (payload.timezone, payload.external_id) == ("Europe/Paris", "user:7")
        return [payload.schedule_id, payload.timestamp.hour, len(upcoming)]

    assert await tick(tell) == ["sched_1", 8, 1]


async def test_a_parameter_of_another_name_takes_a_tick_by_its_type():
    @task
    async def tell(when: ScheduledPayload) -> int:
        return when.timestamp.day

    assert await tick(tell) == 2


async def test_a_parameter_without_a_type_gets_dates_too():
    @task
    async def tell(payload: Any) -> bool:
        return payload["timestamp"] == datetime(2026, 1, 2, 8, tzinfo=UTC)

    assert await tick(tell) is True


async def test_a_task_without_parameters_needs_no_tick():
    @task
    async def nightly() -> str:
        return "done"

    assert await tick(nightly) == "done"
