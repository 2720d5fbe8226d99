"""Batches on the command line, against one `perdure dev`."""

import json
from collections.abc import Iterator

import pytest

from perdure.cli.exits import Exit
from tests.cli.command import Dev, dev
from tests.cli.conftest import copy_project


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    with dev(copy_project(tmp_path_factory.mktemp("batches")), "--no-reload") as found:
        yield found


def names(*found: str) -> str:
    return "".join(json.dumps({"name": name}) + "\n" for name in found)


def test_each_line_of_standard_input_is_a_run(world: Dev):
    done = world.perdure("trigger", "greet", "--batch", "-", "--wait", stdin=names("Ann", "Bob"))

    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert [line.split("  ")[2:] for line in lines] == [
        ["completed", '"Hello, Ann!"'],
        ["completed", '"Hello, Bob!"'],
    ]


def test_lines_that_name_their_tasks_may_be_of_several(world: Dev):
    items = [
        {"task": "greet", "payload": {"name": "Cid"}, "options": {"tags": ["a"]}},
        {"task": "refuse", "payload": {"order": "7"}},
    ]
    (world.folder / "items.jsonl").write_text("\n".join(map(json.dumps, items)) + "\n\n")
    done = world.perdure("trigger", "--batch", "items.jsonl", "--wait", "--json")

    assert done.code == Exit.RUN_FAILED
    first, second = map(json.loads, done.out.splitlines())
    assert (first["output"], first["ok"]) == ("Hello, Cid!", True)
    assert (second["ok"], second["error"]["name"], second["index"]) == (False, "ValueError", 1)
    assert done.err == "perdure: 1 of 2 items did not succeed\n"


def test_a_batch_is_shown_and_canceled(world: Dev):
    made = world.perdure(
        "trigger", "greet", "--batch", "-", "--delay", "1h", "--json", stdin=names(*"abc")
    ).json
    assert made["runCount"] == 3
    batch = made["batches"][0]["id"]

    shown = world.perdure("batches", "get", batch)
    assert "processing" in shown.out
    assert "3 delayed" in shown.out
    assert world.perdure("batches", "get", batch, "--json").json["runCount"] == 3
    assert world.perdure("batches", "cancel", batch).out == f"{batch}  3 runs canceled\n"
    results = world.perdure("batches", "results", batch)
    assert results.code == Exit.RUN_FAILED
    assert results.out.count("canceled") >= 3


def test_more_than_a_thousand_lines_become_several_batches(world: Dev):
    (world.folder / "many.jsonl").write_text(names(*map(str, range(1_001))))
    done = world.perdure("trigger", "greet", "--batch", "many.jsonl", "--delay", "1h")

    assert [line.split("  ")[1] for line in done.out.splitlines()] == ["1,000 runs", "1 runs"]


def test_a_batch_that_is_not_over_in_time(world: Dev):
    done = world.perdure(
        "trigger", "greet", "--batch", "-", "--delay", "1h", "--wait", "--timeout", "0.2s", stdin=names("a")
    )

    assert done.code == Exit.RUN_FAILED
    assert "has not ended within '0.2s'; it goes on." in done.err


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "told"),
    [
        (
            ("greet", "--batch", "-"),
            '{"name": "a"}\n{"name":',
            Exit.USAGE,
            "Line 2 is no JSON: Expecting value",
        ),
        (
            ("--batch", "-"),
            '{"name": "a"}',
            Exit.USAGE,
            'Line 1 names no task: write {"task": "…", "payload"',
        ),
        (("--batch", "-"), '{"task": "a", "tags": 1}', Exit.USAGE, "Item 0: There is no option tags"),
        (("greet", "--batch", "-"), "\n", Exit.USAGE, "Standard input has no items"),
        (("greet", "--batch", "no.jsonl"), "", Exit.NOT_FOUND, "There is no file no.jsonl."),
        (("greet", "--batch", "-", "-p", "1"), "", Exit.USAGE, "each line of the file is a payload"),
        ((), "", Exit.USAGE, "which task?"),
    ],
)
def test_bad_input_is_named(world: Dev, arguments: tuple[str, ...], stdin: str, code: Exit, told: str):
    done = world.perdure("trigger", *arguments, stdin=stdin)

    assert done.code == code, done.err
    assert told in done.err


def test_a_batch_that_is_not_there(world: Dev):
    done = world.perdure("batches", "get", "batch_x")

    assert (done.code, done.err) == (Exit.NOT_FOUND, "perdure: There is no batch batch_x.\n")
