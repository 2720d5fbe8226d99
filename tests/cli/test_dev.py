"""The process tree of `perdure dev`."""

import json
import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from perdure.cli.exits import Exit
from tests.cli.command import PATIENCE, Dev, dev, perdure
from tests.cli.conftest import copy_project

pytestmark = pytest.mark.slow

KEY = "tr_dev_0123456789abcdef0123"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    with dev(copy_project(tmp_path_factory.mktemp("dev"))) as found:
        yield found


def greeting(world: Dev, **settings: str) -> object:
    done = world.perdure("trigger", "greet", "--wait", "--timeout", "60", "--json", **settings)
    assert done.code == 0, done.err
    return json.loads(done.out)["output"]


def test_the_key_is_shown_and_kept_for_its_owner_alone(world: Dev):
    file = world.folder / ".perdure" / "dev.key"

    assert file.read_text().strip() in "".join(world.command.said)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "*" in (world.folder / ".perdure" / ".gitignore").read_text().splitlines()


def test_runs_are_shown_as_they_happen(world: Dev):
    run = world.perdure("trigger", "refuse", "-p", '{"order": "o1"}', "--json").json["id"]

    world.command.until("refuse", run, "started")
    world.command.until(run, "failed", "attempt 2 of 2 in 10 ms: ValueError: no order o1")
    world.command.until(run, "attempt 2")
    assert world.command.until(run, "failed").endswith("ValueError: no order o1\n")


def test_a_save_loads_the_new_code_and_runs_under_way_finish_with_theirs(world: Dev):
    file, pipe = world.folder / "tasks" / "shop.py", world.folder / "pipe"
    before = file.read_text()
    os.mkfifo(pipe)
    end = os.open(pipe, os.O_RDWR)  # with a reader's end too, so that it does not wait for one
    old = world.perdure("trigger", "listen", "-p", json.dumps({"pipe": str(pipe)}), "--json").json["id"]
    world.command.until(old, "started")

    file.write_text(before.replace("Hello", "Salut"))
    world.command.until("tasks/shop.py changed")
    world.command.until("Ready")
    os.write(end, b"Ann")
    os.close(end)

    world.command.until(old, "completed")
    assert world.perdure("runs", "get", old, "--json").json["output"] == "Hello, Ann!"
    assert greeting(world) == "Salut, world!"
    file.write_text(before)
    world.command.until("Ready")


def test_a_file_that_does_not_import_is_shown_and_the_rest_works(world: Dev):
    broken = world.folder / "tasks" / "broken.py"

    broken.write_text("import perdure\nraise RuntimeError('not today')\n")

    world.command.until("tasks/broken.py:2", "RuntimeError: not today")
    world.command.until("Ready")
    assert greeting(world) == "Hello, world!"
    broken.unlink()
    world.command.until("Ready")


def test_settings_that_do_not_load_wait_for_the_next_save(world: Dev):
    settings = world.folder / "perdure.toml"
    before = settings.read_text()

    settings.write_text("dris = []\n")

    world.command.until("did you mean dirs?")
    world.command.until("it starts again when you save a file")
    settings.write_text(before)
    world.command.until("Ready")


def test_a_worker_that_is_killed_is_started_again(world: Dev):
    world.command.child("worker").kill()

    world.command.until("The worker was killed (SIGKILL)")
    world.command.until("Ready")
    assert greeting(world) == "Hello, world!"


def test_a_server_that_is_killed_is_started_again_at_the_same_address(world: Dev):
    world.command.child("server").kill()

    world.command.until("The server was killed (SIGKILL)")
    world.command.until("The server answers again")
    assert greeting(world) == "Hello, world!"


def test_a_given_key_becomes_that_of_the_environment(project: Path):
    with dev(project, "--no-reload", PERDURE_SECRET_KEY=KEY) as world:
        assert KEY in "".join(world.command.said)
        assert greeting(world, PERDURE_SECRET_KEY=KEY) == "Hello, world!"
        assert greeting(world) == "Hello, world!"  # another terminal finds it in the project


def test_a_key_of_another_environment_is_refused(project: Path):
    done = perdure("dev", folder=project, PERDURE_SECRET_KEY="tr_prod_0123456789abcdef0123")

    assert done.code == Exit.USAGE
    assert "tr_dev_" in done.err


def test_a_killed_dev_leaves_no_process_behind(project: Path):
    with dev(project) as world:
        greeting(world)
        family = world.command.family()

        world.command.send(signal.SIGKILL)

        assert len(family) >= 3
        assert psutil.wait_procs(family, timeout=PATIENCE)[1] == []


def test_ctrl_c_lets_runs_finish_and_the_second_one_does_not(project: Path):
    with dev(project, "--no-reload") as world:
        run = world.perdure("trigger", "rest", "--json").json["id"]
        world.command.until(run, "started")
        family = world.command.family()

        world.command.send(signal.SIGINT)
        world.command.until("Ctrl-C again stops at once")
        world.command.send(signal.SIGINT)
        world.command.until(run, "released")

        assert world.command.end() == 0
        assert psutil.wait_procs(family, timeout=PATIENCE)[1] == []
