"""The streaming example, as its README tells, read by `curl`."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import processes
from tests.worker.world import KEY

EXAMPLE = Path(__file__).parents[2] / "examples" / "streaming"
LIMIT_S = 60


@pytest.fixture
def server(tmp_path: Path) -> Iterator[processes.Server]:
    with (
        processes.server(tmp_path, PERDURE_SECRET_KEY=KEY) as server,
        processes.worker(EXAMPLE, server, key=KEY, log=tmp_path / "worker.log"),
    ):
        yield server


def told(server: processes.Server) -> dict[str, str]:
    """Run the example's script; return what it prints, by name."""
    done = subprocess.run(
        [sys.executable, str(EXAMPLE / "tell.py"), "--pause", "0.01"],
        env=processes.variables(PERDURE_API_URL=server.url, PERDURE_SECRET_KEY=KEY),
        capture_output=True,
        text=True,
        check=True,
        timeout=LIMIT_S,
    )
    return dict(line.split(": ", 1) for line in done.stdout.splitlines())


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_curl_prints_the_story(server: processes.Server):
    lines = told(server)
    done = subprocess.run(
        ["sh", "-c", lines["curl"]], capture_output=True, text=True, check=True, timeout=LIMIT_S
    )

    assert done.stdout.rstrip().endswith(".")
    assert len(done.stdout.split()) > 8
