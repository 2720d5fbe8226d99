"""`perdure runs trace` and `perdure logs`, against one `perdure dev`."""

import json
import threading
import time
from collections.abc import Iterator

import pytest

from perdure.cli.exits import Exit
from tests.cli.command import Dev, dev, running
from tests.cli.conftest import copy_project


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    with dev(copy_project(tmp_path_factory.mktemp("traces")), "--no-reload") as found:
        yield found


@pytest.fixture(scope="module")
def run(world: Dev) -> str:
    """A run that has ended, and whose log is there."""
    id = world.perdure("trigger", "greet", "--wait", "--json").json["id"]
    until(world, "runs", "logs", id, text="greeting")
    return id


def until(world: Dev, *command: str, text: str) -> str:
    """Repeat a command until it says something: log lines come after the end of their run."""
    deadline = time.monotonic() + 30
    while True:
        done = world.perdure(*command)
        if text in done.out or time.monotonic() > deadline:
            return done.out


def test_a_trace_is_a_tree_with_bars(world: Dev, run: str):
    told = until(world, "runs", "trace", run, text="says hello")

    lines = told.splitlines()
    assert lines[0].startswith("trace ")
    assert lines[1].startswith("greet ")
    assert run in lines[1]
    assert any(line.startswith("├ queued") and "░" in line for line in lines)
    assert any(line.startswith("└ attempt 1") and "█" in line for line in lines)
    assert any("└ says hello" in line and "tasks/shop.py:" in line for line in lines)
    assert any("└ greeting" in line for line in lines)
    assert "greeting" not in world.perdure("runs", "trace", run, "--no-logs").out


def test_a_trace_is_told_as_json(world: Dev, run: str):
    found = world.perdure("runs", "trace", run, "--json").json

    assert found["rootSpan"]["data"]["taskSlug"] == "greet"
    assert world.perdure("runs", "trace", "run_none").code == Exit.NOT_FOUND


def test_logs_of_all_runs_are_searched(world: Dev, run: str):
    found = world.perdure("logs", "GREET", "--task", "greet", "--level", "info", "--json")

    assert [json.loads(line)["runId"] for line in found.out.splitlines()] == [run]
    assert "greeting" in world.perdure("logs", "--run", run).out
    assert world.perdure("logs", "nowhere").out == ""
    assert world.perdure("logs", "--level", "loud").code == Exit.USAGE


def test_logs_are_shown_as_they_come(world: Dev, run: str):
    heard = threading.Event()

    def go_on() -> None:  # following begins at a moment that only the server knows
        while not heard.is_set():
            world.perdure("trigger", "greet", "--wait")

    triggering = threading.Thread(target=go_on)
    with running("logs", "--follow", "--json", folder=world.folder, PERDURE_API_URL=world.url) as following:
        triggering.start()
        try:
            told = json.loads(following.until("greeting"))
        finally:
            heard.set()
            triggering.join()
    assert (told["task"], told["level"]) == ("greet", "info")
