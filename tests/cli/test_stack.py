"""Where a run that waits stands, and running it again from there, against one `perdure dev`."""

import time
from collections.abc import Iterator

import pytest

from perdure.cli.exits import Exit
from tests.cli.command import PATIENCE, Dev, dev
from tests.cli.conftest import copy_project


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    with dev(copy_project(tmp_path_factory.mktemp("stack")), "--no-reload") as found:
        yield found


def waiting(world: Dev, *arguments: str) -> str:
    """Trigger a run, and return its id when it waits."""
    run = world.perdure("trigger", *arguments, "--json").json["id"]
    until = time.monotonic() + PATIENCE
    while world.perdure("runs", "get", run, "--json").json["status"] != "WAITING":
        assert time.monotonic() < until
    return run


@pytest.fixture(scope="module")
def sold(world: Dev) -> str:
    """A run that is parked."""
    return waiting(world, "sell", "--payload", '{"amount": 4}')


def test_the_stack_of_a_parked_run_is_shown(world: Dev, sold: str):
    done = world.perdure("runs", "stack", sold)

    assert done.code == Exit.OK, done.err
    head, sell, ask, checkpoints, hint = done.out.rstrip("\n").split("\n\n")
    assert head == f"{sold}  sell  waiting"
    assert sell.splitlines() == [
        "tasks/waits.py:16  sell",
        "    14  total = amount * 2",
        '    15  await checkpoint("priced", {"total": total})',
        "  ▸ 16  return await ask(total)",
        "  amount  4",
        "  total   8",
    ]
    assert ask.splitlines()[0] == "tasks/waits.py:9  ask"
    assert ask.splitlines()[-1].startswith("  waits for token waitpoint_")
    assert "in 59 min" in ask.splitlines()[-1]
    assert checkpoints.splitlines()[0] == "Checkpoints"
    assert checkpoints.splitlines()[1].split() == [
        "1",
        "priced",
        *checkpoints.split()[3:5],
        '{"total":',
        "8}",
    ]
    assert hint.endswith(f"perdure runs replay {sold} --from priced")


def test_the_stack_as_json_has_all_of_it(world: Dev, sold: str):
    told = world.perdure("runs", "stack", sold, "--json").json

    assert (told["id"], told["status"], told["isParked"]) == (sold, "WAITING", True)
    assert [state["number"] for state in told["snapshots"]] == [2, 1]
    assert [frame["waits"] for frame in told["snapshots"][0]["frames"]] == [[], [told["waits"][0]["subject"]]]


def test_a_file_that_has_changed_is_not_shown_around_the_line(world: Dev, sold: str):
    file = world.folder / "tasks" / "waits.py"
    text = file.read_text()
    file.write_text("\n\n" + text)
    try:
        done = world.perdure("runs", "stack", sold)
    finally:
        file.write_text(text)

    assert "▸ 16  return await ask(total)\n  amount" in done.out


def test_a_run_that_waits_in_memory_says_which_local_is_in_the_way(world: Dev):
    done = world.perdure("runs", "stack", waiting(world, "hold"))

    assert (
        "It is not parked, but waits in the memory of its worker: tasks.waits.hold can't be stored"
        in done.out
    )
    assert "the context manager of a with" in done.out
    assert "It waits until" in done.out
    assert "It has stored no state yet." in done.out


def test_a_run_that_is_not_parked_says_what_it_does_and_which_states_there_are(world: Dev):
    ended = world.perdure("trigger", "price", "--payload", '{"amount": 4}', "--wait", "--json").json["id"]
    delayed = world.perdure("trigger", "price", "--delay", "1h", "--json").json["id"]
    resting = world.perdure("trigger", "rest", "--json").json["id"]
    queued = world.perdure("trigger", "nobody-knows", "--json").json["id"]

    assert "It is not parked: it is completed" in (shown := world.perdure("runs", "stack", ended).out)
    assert "1  priced" in shown
    assert "it is delayed until" in world.perdure("runs", "stack", delayed).out
    assert "it waits for a worker that has its task" in world.perdure("runs", "stack", queued).out
    assert "It has stored no state yet." in world.perdure("runs", "stack", resting).out


def test_a_replay_begins_in_the_middle_with_other_locals(world: Dev):
    run = world.perdure("trigger", "price", "--payload", '{"amount": 4}', "--wait", "--json").json["id"]
    replay = ("runs", "replay", run, "--wait", "--json", "--from", "priced")

    assert world.perdure(*replay).json["output"] == 8
    assert world.perdure(*replay, "--set", "total=5").json["output"] == 5
    assert world.perdure(*replay, "--set", 'price.total="five"').json["output"] == "five"


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--from", "pricd"], Exit.NOT_FOUND, "there are 2 (a wait), priced; did you mean priced?"),
        (["--from", "last", "--set", "totl=1"], Exit.USAGE, "there are total, amount; did you mean total?"),
        (["--from", "last", "--set", "total=Ada"], Exit.USAGE, """as in --set 'total="Ada"'"""),
        (["--from", "last", "--set", "total"], Exit.USAGE, "--set takes NAME=JSON, as in --set total=5"),
        (["--set", "total=1"], Exit.USAGE, "say which with --from KEY"),
    ],
)
def test_a_replay_that_can_not_begin_says_what_there_is(
    world: Dev, sold: str, arguments: list[str], code: Exit, told: str
):
    done = world.perdure("runs", "replay", sold, *arguments)

    assert (done.code, told in done.err) == (code, True), done.err
