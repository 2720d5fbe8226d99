"""The plugin, as a new user meets it: a fresh project, a test, and `pytest`."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import variables

pytestmark = pytest.mark.slow
SECONDS = 120

TASKS = """
from perdure import task, wait

from .steps import slow_step


@task
async def greet(name: str) -> str:
    await slow_step()
    return f"Hello, {name}"
"""

STEPS = """
from perdure import wait


async def slow_step() -> None:
    await wait.for_(days=1)
"""

HOOKS = """
from perdure import hooks, metadata


@hooks.on_start_attempt
def note():
    metadata.set("began", True)
"""

PLAIN = """
from perdure import task, wait
from perdure.testing import Harness
from tasks.hello import greet


def test_a_task_of_the_project(perdure):
    run = perdure.run(greet, "Ann")

    assert run.output == "Hello, Ann"
    assert [one.is_parked for one in run.waits] == [True]
    assert run.metadata == {"began": True}


async def rests() -> str:
    await wait.for_(hours=1)
    return "rested"


class Bed:
    async def sleep(self) -> str:
        return await rests()


@task
async def here() -> str:
    bed = Bed()
    return await bed.sleep()


def test_a_task_of_the_test_file(perdure: Harness):
    run = perdure.run(here)

    assert run.output == "rested"
    assert [one.is_parked for one in run.waits] == [True]
"""

FAILING = """
from perdure import logger, task, wait


@task
async def waits() -> None:
    logger.info("just before")
    await wait.for_token(await wait.create_token())


def test_stuck(perdure):
    perdure.run(waits)


def test_wrong(perdure):
    run = perdure.start(waits)
    assert run.status == "COMPLETED"
"""

IN_ASYNCIO = """
import pytest
from tasks.hello import greet

{mark}
async def test_in_a_loop(perdure):
    run = await perdure.run(greet, "Ann")
    assert run.output == "Hello, Ann"


{mark}
async def test_forgotten(perdure):
    perdure.advance("1d")
"""

NO_PROJECT = """
import sys


def test_nothing_of_perdure_is_loaded_but_the_plugin():
    loaded = [name for name in sys.modules if name.startswith("perdure")]
    packages = ["perdure", "perdure.core", "perdure.core.lazy", "perdure.testing"]
    assert sorted(loaded) == [*packages, "perdure.testing.plugin"]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "perdure.toml").touch()
    files = {"hello.py": TASKS, "steps.py": STEPS, "init.py": HOOKS}
    (tmp_path / "tasks").mkdir()
    for name, text in files.items():
        (tmp_path / "tasks" / name).write_text(text)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "conftest.py").write_text("from tasks.hello import greet\n")
    return tmp_path


def run_pytest(folder: Path, *arguments: str, **tests: str) -> subprocess.CompletedProcess[str]:
    for name, text in tests.items():
        (folder / f"{name}.py").write_text(text)
    return subprocess.run(
        [Path(sys.executable).with_name("pytest"), "-q", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env=variables(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


def test_a_plain_test_needs_no_other_plugin(project: Path):
    without = ("-p", "no:asyncio", "-p", "no:anyio", "-W", "error")

    done = run_pytest(project / "tests", *without, test_plain=PLAIN)

    assert done.returncode == 0, done.stdout + done.stderr


def test_a_failure_shows_the_runs_and_no_line_of_ours(project: Path):
    done = run_pytest(project / "tests", "-p", "no:asyncio", test_failing=FAILING)

    assert "2 failed" in done.stdout, done.stdout + done.stderr
    assert "RunStuck: Run run_" in done.stdout
    assert done.stdout.count("Perdure runs") == 2
    assert "info    just before" in done.stdout
    assert "<Run waits WAITING, waits for token waitpoint_" in done.stdout
    assert "perdure/testing/" not in done.stdout


@pytest.mark.parametrize("mark", ["asyncio", "anyio"])
def test_async_tests_work_with_the_plugins_for_them(project: Path, mark: str):
    text = IN_ASYNCIO.format(mark=f"@pytest.mark.{mark}")
    other = "anyio" if mark == "asyncio" else "asyncio"

    done = run_pytest(project / "tests", "-p", f"no:{other}", "-k", "asyncio or not trio", test_async=text)

    assert "2 passed" in done.stdout, done.stdout + done.stderr
    assert "1 error" in done.stdout
    assert "perdure.advance('1d') was not awaited" in done.stdout


def test_a_project_without_perdure_pays_for_nothing(tmp_path: Path):
    done = run_pytest(tmp_path, "-p", "no:asyncio", "-p", "no:anyio", test_nothing=NO_PROJECT)

    assert done.returncode == 0, done.stdout + done.stderr


def test_a_setting_and_a_marker_say_how_a_test_is_set_up(project: Path):
    (project / "pytest.ini").write_text("[pytest]\nperdure_cross = false\n")
    text = """
import pytest
from tasks.hello import greet


def test_as_set(perdure):
    assert not perdure.run(greet, "Ann").waits[0].is_parked


@pytest.mark.perdure(cross=True)
def test_as_marked(perdure):
    assert perdure.run(greet, "Ann").waits[0].is_parked
"""

    done = run_pytest(project, "--strict-markers", "-p", "no:asyncio", test_settings=text)

    assert done.returncode == 0, done.stdout + done.stderr


def test_a_setting_that_is_wrong_is_told(project: Path):
    (project / "perdure.toml").write_text('dir = "jobs"\n')

    done = run_pytest(project / "tests", test_plain=PLAIN)

    assert done.returncode == 4
    assert "Setting dir can't be used" in done.stderr
    assert "INTERNALERROR" not in done.stderr
