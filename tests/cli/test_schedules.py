"""`perdure schedules`, against one `perdure dev`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from perdure.cli.exits import Exit
from tests.cli.command import Dev, Done, dev, perdure
from tests.cli.conftest import copy_project

TASKS = """
from perdure import Cron, ScheduledPayload, task

@task(cron=Cron("0 9 * * 1-5", window="30m", overlap="queue"), timezone="Europe/Paris")
async def report(payload: ScheduledPayload) -> str:
    return f"{payload.type} {payload.timezone}"

@task
async def clean() -> str:
    return "clean"
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    folder = copy_project(tmp_path_factory.mktemp("schedules"))
    (folder / "tasks" / "scheduled.py").write_text(TASKS)
    with dev(folder, "--no-reload") as found:
        yield found


def of_code(world: Dev) -> str:
    """Return the id of the schedule that code declares."""
    (found,) = world.perdure("schedules", "list", "--task", "report", "--json").json
    return found["id"]


def made(world: Dev, *arguments: str) -> Done:
    done = world.perdure("schedules", "create", "clean", *arguments, "--json")
    assert done.code == 0, done.err
    return done


def test_the_list_shows_when_each_comes_next(world: Dev):
    id = made(world, "0 3 * * *", "--key", "listed").json["id"]
    lines = world.perdure("schedules", "list").out.splitlines()

    assert lines[0].split() == ["SCHEDULE", "TASK", "CRON", "NEXT", "STATE"]
    assert any(id in line and "clean" in line and "0 3 * * *" in line for line in lines)
    assert any("report" in line and "0 9 * * 1-5 Europe/Paris" in line and "on" in line for line in lines)


def test_a_schedule_is_shown_with_its_next_ticks(world: Dev):
    told = world.perdure("schedules", "get", of_code(world)).out

    assert "0 9 * * 1-5  (At 09:00 on Monday through Friday)" in told
    assert "30m; the next runs at" in told
    assert "ticks wait for older runs, the latest 100" in told
    assert "declared in code, live in development" in told
    assert told.count(" 09:00  CE") == 5


def test_a_schedule_is_made_changed_and_deleted(world: Dev):
    first = made(world, "0 3 * * *", "--timezone", "Asia/Tokyo", "--window", "10m", "--overlap", "skip").json
    again = made(world, "0 3 * * *", "--timezone", "Asia/Tokyo").json
    changed = world.perdure(
        "schedules", "update", first["id"], "--cron", "0 4 * * *", "--window", "5m", "--json"
    ).json
    cleared = world.perdure("schedules", "update", first["id"], "--window", "none", "--json").json
    gone = world.perdure("schedules", "delete", first["id"])

    assert (first["window"], first["overlap"], first["timezone"]) == ("10m", "skip", "Asia/Tokyo")
    assert again["id"] == first["id"]
    assert (changed["generator"]["expression"], changed["window"], changed["timezone"]) == (
        "0 4 * * *",
        "5m",
        "Asia/Tokyo",
    )
    assert "window" not in cleared
    assert gone.out == f"{first['id']} deleted\n"
    assert world.perdure("schedules", "get", first["id"]).code == Exit.NOT_FOUND


def test_a_schedule_is_turned_off_and_on(world: Dev):
    id = of_code(world)
    off = world.perdure("schedules", "deactivate", id)
    on = world.perdure("schedules", "activate", id, "--json").json

    assert "off" in off.out
    assert on[0]["active"] is True


def test_a_schedule_is_run_by_hand(world: Dev):
    id = of_code(world)
    done = world.perdure("schedules", "run", id, "--wait", "--json")
    (run,) = world.perdure("runs", "list", "--schedule", id, "--json").json

    assert (done.code, done.json["output"]) == (0, "DECLARATIVE Europe/Paris")
    assert run["id"] == done.json["id"]
    assert id in world.perdure("runs", "get", run["id"]).out


def test_a_declared_schedule_is_changed_in_code(world: Dev):
    done = world.perdure("schedules", "update", of_code(world), "--cron", "0 1 * * *")

    assert done.code == Exit.FAILED
    assert "is declared in the code of task report: change it there; deactivate it here" in done.err


def test_tasks_show_their_crons(world: Dev):
    assert "cron 0 9 * * 1-5 Europe/Paris" in world.perdure("tasks").out


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["create", "clean", "61 * * * *"], Exit.USAGE, "its minute is 61, and takes 0 to 59"),
        (["create", "clean", "0 9 * * *", "-z", "Paris"], Exit.USAGE, "did you mean Europe/Paris?"),
        (["create", "clean", "0 9 * * *", "--window", "2d"], Exit.USAGE, "Option window can't be '2d'"),
        (["create", "clean", "0 9 * * *", "--overlap", "no"], Exit.USAGE, "Option overlap can't be 'no'"),
        (["create", "clena", "0 9 * * *"], Exit.FAILED, "did you mean clean?"),
        (["get", "sched_nope"], Exit.NOT_FOUND, "There is no schedule sched_nope"),
    ],
)
def test_what_can_not_be_is_told(world: Dev, arguments: list[str], code: Exit, told: str):
    done = world.perdure("schedules", *arguments)

    assert (done.code, told in done.err) == (code, True), done.err


def test_the_next_ticks_of_an_expression_need_no_server(tmp_path: Path):
    done = perdure(
        "schedules", "next", "0 9 * * *", "-z", "Europe/Paris", "-n", "3", "--json", folder=tmp_path
    )
    bad = perdure("schedules", "next", "0 9 * *", folder=tmp_path)
    zones = perdure("schedules", "timezones", "new york", folder=tmp_path)

    assert [moment[11:16] for moment in done.json] == ["09:00"] * 3
    assert (bad.code, "it has 4 fields" in bad.err) == (Exit.USAGE, True)
    assert zones.out == "America/New_York\n"
