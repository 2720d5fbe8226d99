"""News, collected all day, and sent to each reader at an hour of their choice."""

from zoneinfo import ZoneInfo

from perdure import Cron, ScheduledPayload, logger, schedules, task


@task(cron=Cron("*/15 * * * *", window="5m", overlap="skip"), environments=["prod", "dev"])
async def collect(payload: ScheduledPayload) -> None:
    """Look for news since the last time."""
    logger.info("collected", since=str(payload.last_timestamp or "the beginning"))


@task
async def subscribe(reader: str, hour: int, timezone: str = "UTC") -> str:
    """Send a reader a digest each morning; a second time changes the hour."""
    made = await schedules.create(
        send_digest,
        f"0 {hour} * * *",
        timezone=timezone,
        deduplication_key=f"digest:{reader}",
        external_id=reader,
        missed="catch_up",
        max_catch_up=1,
    )
    return made.id


@task(id="send-digest")
async def send_digest(payload: ScheduledPayload) -> str:
    """Send one reader the digest of the day."""
    local = payload.timestamp.astimezone(ZoneInfo(payload.timezone))
    return f"Good morning, {payload.external_id}: the news of {local:%A, %d %B}"
