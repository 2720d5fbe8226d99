"""Runs that are to start later: rescheduled, and debounced, from the command line."""

import pytest

from perdure.cli.exits import Exit
from tests.cli.command import Dev

KEY = ("--debounce", "user:1", "--debounce-delay", "1h")


def delayed(world: Dev, *options: str) -> str:
    """Trigger a run that is delayed for an hour; return its id."""
    done = world.perdure("trigger", "greet", *options, "--json")
    assert done.code == 0, done.err
    return done.json["id"]


def test_a_delayed_run_is_rescheduled(world: Dev):
    run = delayed(world, "--delay", "1h")

    later = world.perdure("runs", "reschedule", run, "--delay", "2030-01-02T03:04:05+00:00", "--json")
    assert later.json["delayedUntil"].startswith("2030-01-02T03:04:05")

    now = world.perdure("runs", "reschedule", run, "--delay", "0")
    assert (now.code, now.err) == (0, "")
    assert f"{run} starts at" in now.out
    world.perdure("runs", "logs", run, "--follow")
    assert world.perdure("runs", "get", run, "--json").json["status"] == "COMPLETED"

    late = world.perdure("runs", "reschedule", run, "--delay", "1h")
    assert late.code == Exit.FAILED
    assert "COMPLETED" in late.err


def test_a_delay_that_is_none_is_refused(world: Dev):
    done = world.perdure("runs", "reschedule", "run_1", "--delay", "soon")

    assert done.code == Exit.USAGE
    assert "soon" in done.err


def test_triggers_with_a_debounce_key_are_one_run(world: Dev):
    first = delayed(world, *KEY, "--debounce-mode", "trailing", "--debounce-max-delay", "2h")

    second = delayed(world, *KEY, "--debounce-mode", "trailing", "-p", '{"name": "Bea"}')

    assert second == first
    found = world.perdure("runs", "get", first, "--json").json
    assert (found["status"], found["payload"]) == ("DELAYED", {"name": "Bea"})
    world.perdure("runs", "cancel", first)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--debounce", "user:1"), "--debounce-delay 5s"),
        (("--debounce-mode", "trailing"), "--debounce KEY"),
        ((*KEY, "--debounce-mode", "late"), "leading or trailing"),
        ((*KEY, "--debounce-max-delay", "1m"), "more than the delay"),
    ],
)
def test_a_debounce_that_makes_no_sense_is_refused(world: Dev, options: tuple[str, ...], told: str):
    done = world.perdure("trigger", "greet", *options)

    assert done.code == Exit.USAGE
    assert told in done.err
