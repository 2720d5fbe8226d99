"""Schedules in the harness tick as its time passes, by the rules of the engine."""

from datetime import UTC, datetime

import pytest

from perdure import BadOption, Cron, NotFound, ScheduledPayload, Unprocessable, schedules, task, wait
from perdure.core.errors import DeclaredInCode
from perdure.core.lifecycle import Status
from perdure.testing import Harness

FRIDAY = datetime(2026, 3, 27, 12, tzinfo=UTC)


@task(id="testing-report", cron="0 9 * * 1-5", timezone="Europe/Paris", environments=["prod"])
async def report(payload: ScheduledPayload) -> list[str]:
    return [f"{moment:%a %d %H:%M}" for moment in (payload.timestamp, *payload.upcoming[:1])]


@task(id="testing-clean", cron=[Cron("0 * * * *", overlap="queue"), Cron("30 3 * * *")])
async def clean() -> None:
    await wait.for_(hours=2)


@task(id="testing-mail")
async def mail(payload: ScheduledPayload) -> str | None:
    return payload.external_id


def test_a_declared_schedule_ticks_as_time_passes():
    with Harness(start=FRIDAY) as perdure:
        perdure.schedule(report)
        perdure.advance("4d")

        # The clocks of Paris go on in the night to Sunday.
        assert [run.output for run in perdure.runs_of(report)] == [
            ["Mon 30 07:00", "Tue 31 07:00"],
            ["Tue 31 07:00", "Wed 01 07:00"],
        ]


def test_nothing_ticks_that_the_test_does_not_name():
    with Harness(start=FRIDAY) as perdure:
        perdure.advance("7d")
        assert perdure.runs == []

        with pytest.raises(BadOption, match="cron="):
            perdure.schedule(mail)


def test_a_tick_that_meets_an_older_run_waits_for_its_end():
    with Harness(start=FRIDAY) as perdure:
        perdure.schedule(clean)
        perdure.schedule(clean)
        perdure.advance("4h30m")

        hours = [(run.payload["json"]["timestamp"][11:16], run.status) for run in perdure.runs_of(clean)]
        assert hours == [("13:00", Status.COMPLETED), ("14:00", Status.WAITING)]
        assert [life.payload["json"]["timestamp"][11:16] for life in perdure.runs] == ["13:00", "14:00"]

        perdure.advance("30m")
        assert [run.payload["json"]["timestamp"][11:16] for run in perdure.runs_of(clean)][2:] == ["15:00"]


async def test_schedules_are_made_changed_and_deleted_by_the_api():
    async with Harness(start=FRIDAY) as perdure:
        made = await schedules.create(mail, "0 7 * * *", deduplication_key="u1", external_id="ann")
        again = await schedules.create(mail, "0 8 * * *", deduplication_key="u1", external_id="bea")
        await perdure.advance("1d")
        await schedules.deactivate(made.id)
        await perdure.advance("1d")
        await schedules.update(made.id, cron="0 9 * * *")
        await schedules.activate(made.id)
        await perdure.advance("1d")

        assert made.id == again.id
        assert [run.output for run in perdure.runs_of(mail)] == ["bea", "bea"]
        assert [one.id async for one in schedules.list(task=mail.id)] == [made.id]
        await schedules.delete(made.id)
        with pytest.raises(NotFound):
            await schedules.retrieve(made.id)


async def test_what_can_not_be_is_told_as_by_a_server():
    async with Harness(start=FRIDAY) as perdure:
        perdure.schedule(report)
        (declared,) = [one async for one in schedules.list(task=report.id)]

        with pytest.raises(DeclaredInCode):
            await schedules.delete(declared.id)
        with pytest.raises(Unprocessable, match="did you mean testing-mail"):
            await schedules.create("testing-mial", "0 7 * * *", deduplication_key="u1")
        with pytest.raises(Unprocessable, match="hour"):
            await schedules.create(mail, "0 25 * * *", deduplication_key="u1")
