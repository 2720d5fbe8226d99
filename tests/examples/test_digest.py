"""The example of schedules does what its page says."""

import shutil
from pathlib import Path

import pytest

from tests.cli.command import dev

EXAMPLE = Path(__file__).parents[2] / "examples" / "digest"


@pytest.mark.slow
def test_readers_have_schedules_of_their_own(tmp_path: Path):
    folder = Path(shutil.copytree(EXAMPLE, tmp_path / "digest", ignore=shutil.ignore_patterns("__pycache__")))
    payload = '{"reader": "ann", "hour": 7, "timezone": "Asia/Tokyo"}'
    with dev(folder, "--no-reload") as world:
        first = world.perdure("trigger", "subscribe", "--payload", payload, "--wait", "--json").json
        again = world.perdure("trigger", "subscribe", "--payload", payload, "--wait", "--json").json
        listed = world.perdure("schedules", "list", "--json").json
        sent = world.perdure("schedules", "run", first["output"], "--wait", "--json").json

    assert again["output"] == first["output"]
    assert [(one["task"], one["timezone"]) for one in listed] == [
        ("send-digest", "Asia/Tokyo"),
        ("collect", "UTC"),
    ]
    assert sent["output"].startswith("Good morning, ann: the news of ")
