"""`perdure explain`: where the runs of a project can park."""

import json
from pathlib import Path

import pytest

from perdure.cli.exits import Exit
from tests.cli.command import Done, perdure

SHOP = """
import asyncio
import threading

import helpers
from perdure import checkpoint, gather, task, wait

print("imported")


@task
async def ship(order: str) -> str:
    await wait.for_(hours=2)
    return order


async def approve(order: str) -> bool:
    token = await wait.create_token()
    return await wait.for_token(token, bool)


@task
async def good(order: str, client) -> None:
    async def inner() -> None:
        await checkpoint("priced")

    await inner()
    await gather(ship.trigger_and_wait(order), approve(order))
    await ship(order)
    await asyncio.sleep(1)
    await client.get("/")
"""

BAD = """
import asyncio
import threading

import helpers
from perdure import task, wait
from tasks.shop import ship


@task
async def library() -> None:
    await asyncio.gather(ship.trigger_and_wait("a"), ship.trigger_and_wait("b"))
    await asyncio.wait_for(wait.for_(hours=1), 60)


@task
async def held() -> None:
    with open("file") as file:
        await wait.for_(hours=1)
    await wait.for_(hours=2)
    lock = threading.Lock()
    await wait.for_(hours=3)


class Helper:
    async def outside(self) -> None:
        await helpers.fetch()
"""

HELPERS = """
from perdure import wait


async def fetch() -> None:
    await wait.for_(hours=1)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "perdure.toml").write_text('project = "shop"\n')
    (tmp_path / "helpers.py").write_text(HELPERS)
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "shop.py").write_text(SHOP)
    (tmp_path / "tasks" / "bad.py").write_text(BAD)
    return tmp_path


def states(done: Done) -> dict[str, list[str]]:
    """Return the state of each await, by function."""
    found: dict[str, list[str]] = {}
    for file in done.json:
        for one in file["awaits"]:
            found.setdefault(one["function"], []).append(one["state"])
    return found


def test_each_await_is_told_function_by_function(folder: Path):
    done = perdure("explain", "tasks/shop.py", "--json", folder=folder)

    assert done.code == Exit.OK
    assert states(done) == {
        "ship": ["parks"],
        "approve": ["runs", "parks"],
        "good": ["parks", "parks", "parks", "runs", "depends"],
        "good.inner": ["parks"],
    }
    assert "imported" in done.err


def test_what_can_not_park_says_why(folder: Path):
    done = perdure("explain", "tasks/bad.py", "helpers.py", "--json", folder=folder)

    reasons = [one.get("reason", "") for file in done.json for one in file["awaits"]]
    assert done.code == Exit.FAILED
    assert states(done) == {
        "library": ["pinned", "pinned"],
        "held": ["pinned", "parks", "pinned"],
        "Helper.outside": ["pinned"],
        "fetch": ["pinned"],
    }
    for reason, part in zip(
        reasons,
        [
            "use perdure.gather",
            "asyncio.wait_for is not",
            "an open file",
            "",
            "a lock",
            "helpers.fetch",
            "dirs",
        ],
        strict=True,
    ):
        assert part in reason


def test_a_folder_is_told_for_people(folder: Path):
    done = perdure("explain", ".", folder=folder)

    assert done.code == Exit.FAILED
    assert 'tasks/shop.py  good.inner\n  25  parks    await checkpoint("priced")\n' in done.out
    assert done.out.endswith("7 parks, 2 runs, 1 depends, 6 pinned\n")


def test_a_file_without_a_project_stands_alone(tmp_path: Path):
    (tmp_path / "alone.py").write_text(HELPERS)

    done = perdure("explain", str(tmp_path / "alone.py"), folder=tmp_path)
    assert (done.code, "parks    await wait.for_(hours=1)" in done.out) == (Exit.OK, True)


def test_a_file_that_does_not_import_is_told(folder: Path):
    (folder / "tasks" / "broken.py").write_text("import nowhere_at_all\n")

    done = perdure("explain", "tasks", "--json", folder=folder)
    (broken,) = [file for file in json.loads(done.out) if file["file"] == "tasks/broken.py"]
    assert done.code == Exit.FAILED
    assert "nowhere_at_all" in broken["problem"]


@pytest.mark.parametrize(
    ("name", "code", "told"),
    [
        ("nowhere.py", Exit.NOT_FOUND, "There is no file nowhere.py"),
        ("perdure.toml", Exit.USAGE, "perdure.toml is no Python file: name a .py file, or a folder of them"),
    ],
)
def test_what_is_no_file_of_python_is_refused(folder: Path, name: str, code: Exit, told: str):
    done = perdure("explain", name, folder=folder)

    assert (done.code, told in done.err) == (code, True)
