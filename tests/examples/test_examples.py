"""What a newcomer tries first does what it says."""

import asyncio
import re
import subprocess
import sys
import urllib.request
from pathlib import Path
from textwrap import indent

import pytest

from perdure import AsyncClient
from tests.cli.command import dev
from tests.support.processes import variables
from tests.support.waiting import until

ROOT = Path(__file__).parents[2]
DEMO_S = 150
README_S = 60
KEY = "tr_dev_0123456789abcdef0123"

OTHER_TASKS = """

@task
async def ship(order: str) -> str:
    return f"parcel of {order}"


@task
async def bill(order: str, amount: float) -> str:
    return f"{amount} for {order}"
"""

WEB_APPLICATION = """
import asyncio
from tasks.orders import process_order

async def main():
{code}
asyncio.run(main())
"""


@pytest.mark.slow
def test_the_demo_runs_real_tasks_and_tells_what_became_of_them():
    done = subprocess.run(
        [sys.executable, "examples/weather/demo.py"],
        cwd=ROOT,
        env=variables(COLUMNS="120"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEMO_S,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    told = re.search(
        r"(\d+) of (\d+) runs succeeded; (\d+) of them at a second try, 1 after a delay", done.stdout
    )
    assert told is not None, done.stdout
    succeeded, runs, retried = map(int, told.groups())
    assert succeeded == runs >= 200
    assert retried >= 1
    assert "./dev up" in done.stdout


@pytest.mark.slow
def test_the_tests_of_an_example_pass():
    done = subprocess.run(
        [Path(sys.executable).with_name("pytest"), "-q", "-p", "no:cacheprovider", "tests"],
        cwd=ROOT / "examples/approval",
        env=variables(),
        capture_output=True,
        text=True,
        timeout=README_S,
    )

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
async def test_the_code_of_the_readme_runs_as_it_stands(tmp_path: Path):
    declared, used = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    in_a_second, times = re.subn("hours=24", "seconds=1", declared)
    assert times == 1
    (tmp_path / "perdure.toml").write_text('project = "shop"\n')
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "orders.py").write_text(in_a_second + OTHER_TASKS, "utf-8")
    (tmp_path / "web.py").write_text(WEB_APPLICATION.format(code=indent(used, "    ")), "utf-8")

    settings = {"PERDURE_SECRET_KEY": KEY}
    with dev(tmp_path, "--no-reload", **settings) as running:
        web = await asyncio.create_subprocess_exec(
            sys.executable,
            "web.py",
            cwd=tmp_path,
            env=variables(PERDURE_API_URL=running.url, **settings),
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            async with AsyncClient(running.url, KEY) as client:
                await asyncio.to_thread(approve, await callback_url(client))
            told, _ = await asyncio.wait_for(web.communicate(), README_S)
        finally:
            if web.returncode is None:
                web.kill()
                await web.wait()

    assert (web.returncode, told.decode()) == (0, "parcel of o1, 9.9 for o1\n")


async def callback_url(client: AsyncClient) -> str:
    """Return the address that the run prints, when it has."""
    found: list[str] = []

    async def is_printed() -> bool:
        async for run in client.runs.list():
            async for event in client.runs.events(run.id):
                found.extend(re.findall(r"curl (\S+) -d true", event.message))
        return bool(found)

    await until(is_printed, "the run tells how to approve")
    return found[0]


def approve(url: str) -> None:
    """Do what `curl URL -d true` does."""
    urllib.request.urlopen(url, data=b"true", timeout=README_S).close()
