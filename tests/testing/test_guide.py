"""What the guide shows works as it stands, in a new project, with the plugins that are there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import variables

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"```python\n# (\S+)\n(.*?)```", re.DOTALL)
SECONDS = 120
SETTINGS = """
[pytest]
filterwarnings = error
asyncio_default_fixture_loop_scope = function
"""


@pytest.mark.slow
def test_the_guides_examples_pass(tmp_path: Path):
    text = (ROOT / "docs/guides/testing.md").read_text("utf-8")
    blocks = BLOCK.findall(text)
    assert len(blocks) == text.count("```python")
    (tmp_path / "perdure.toml").touch()
    (tmp_path / "pytest.ini").write_text(SETTINGS)
    for name, code in blocks:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(code, "utf-8")

    done = subprocess.run(
        [Path(sys.executable).with_name("pytest"), "-q"],
        cwd=tmp_path,
        env=variables(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "11 passed" in done.stdout
