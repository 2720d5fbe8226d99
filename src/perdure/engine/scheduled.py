"""The run of a tick: what it is given."""

import json
from datetime import UTC
from typing import Any

from perdure.core.clock import to_datetime, to_datetime_or_none
from perdure.engine.drafts import NewRun
from perdure.engine.ticking import after
from perdure.store.rows import Environment
from perdure.store.schedules import Schedule
from perdure.wire.runs import TriggerOptions, TriggerRun
from perdure.wire.schedules import ScheduledPayload, ScheduleType
from perdure.wire.values import SUPER_JSON


def run_of_tick(environment: Environment, schedule: Schedule, tick: int, last: int | None) -> NewRun:
    """Return the run that a tick makes: no second one of the same tick is ever stored."""
    return NewRun(
        environment=environment,
        task=schedule.task,
        command=_command(schedule, tick, last),
        schedule=schedule.id,
        tick=tick,
    )


def run_now(environment: Environment, schedule: Schedule, now: int) -> NewRun:
    """Return the run that somebody asks for by hand, as if there were a tick now."""
    command = _command(schedule, now, schedule.last_at)
    return NewRun(environment=environment, task=schedule.task, command=command, schedule=schedule.id)


def type_of(schedule: Schedule) -> ScheduleType:
    """Return whether code declares it or the API made it."""
    return "DECLARATIVE" if schedule.is_declared else "IMPERATIVE"


def _command(schedule: Schedule, tick: int, last: int | None) -> TriggerRun:
    payload = ScheduledPayload(
        schedule_id=schedule.id,
        type=type_of(schedule),
        timestamp=to_datetime(tick),
        last_timestamp=to_datetime_or_none(last),
        timezone=schedule.timezone,
        external_id=schedule.external_id,
        upcoming=[to_datetime(one) for one in after(schedule, tick)],
    )
    return TriggerRun(payload=_super_json(payload), options=TriggerOptions(payload_type=SUPER_JSON))


def _super_json(payload: ScheduledPayload) -> str:
    """Return a payload whose dates are dates again in the official client, and ours."""
    value: dict[str, Any] = payload.model_dump(by_alias=True, exclude_none=True)
    dates = {"timestamp": ["Date"]}
    for name in ("timestamp", "lastTimestamp"):
        if name in value:
            value[name] = _iso(value[name])
            dates[name] = ["Date"]
    value["upcoming"] = [_iso(one) for one in value["upcoming"]]
    dates |= {f"upcoming.{number}": ["Date"] for number in range(len(value["upcoming"]))}
    return json.dumps({"json": value, "meta": {"values": dates}}, separators=(",", ":"))


def _iso(moment: Any) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
