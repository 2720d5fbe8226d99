"""Tasks with schedules."""

from typing import Any

from perdure import Cron, ScheduledPayload, schedules, task


@task(cron=Cron("0 9 * * 1-5", overlap="skip"), timezone="Europe/Paris")
async def report(payload: ScheduledPayload) -> dict[str, Any]:
    return {
        "type": payload.type,
        "zone": payload.timezone,
        "user": payload.external_id,
        "hours": sorted({moment.hour for moment in payload.upcoming}),
        "last": payload.last_timestamp,
    }


@task
async def clean() -> str:
    return "clean"


@task
async def subscribe(user: str) -> str:
    made = await schedules.create("report", "0 7 * * *", deduplication_key=user, external_id=user)
    return made.id


@task
def subscribe_blocking(user: str) -> str:
    made = schedules.sync.create(clean, "0 7 * * *", deduplication_key=user, window="30m")
    return schedules.sync.deactivate(made.id).id
