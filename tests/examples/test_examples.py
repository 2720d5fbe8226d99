"""What a newcomer tries first does what it says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import dev
from tests.support.processes import variables

ROOT = Path(__file__).parents[2]
DEMO_S = 150
README_S = 60


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
def test_the_code_of_the_readme_runs_as_it_stands(tmp_path: Path):
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    (tmp_path / "perdure.toml").write_text('project = "shop"\n')
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "orders.py").write_text(code, "utf-8")

    with dev(tmp_path, "--no-reload") as running:
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                "import asyncio; from tasks.orders import checkout; asyncio.run(checkout())",
            ],
            cwd=tmp_path,
            env=variables(PERDURE_API_URL=running.url),
            capture_output=True,
            text=True,
            timeout=README_S,
        )

    assert done.returncode == 0, done.stderr
    assert done.stdout == "o1: 9.90 charged\n"
