"""kill -9: what was acknowledged is there, and nothing is there by half."""

import os
import subprocess
import sys
from pathlib import Path

from perdure.store.connect import open_database
from perdure.store.database import Tx
from tests.store.conftest import SCHEMA

ROOT = Path(__file__).parents[2]


def written_until_killed(url: str, acknowledged: int) -> set[str]:
    """Let another process write; kill it after so many acknowledgements; return those it printed."""
    writer = subprocess.Popen(
        [sys.executable, "-m", "tests.store.keep_writing", url],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    with writer.stdout as lines:
        seen = [lines.readline() for _ in range(acknowledged)]
        writer.kill()
        writer.wait()
        seen += [line for line in lines if line.endswith("\n")]
    return {line.strip() for line in seen}


async def test_what_was_acknowledged_survives_a_kill(shelf_url: str):
    async def ids(tx: Tx) -> set[str]:
        return {row["id"] for row in await tx.all("items")}

    acknowledged = written_until_killed(shelf_url, acknowledged=200)

    async with await open_database(shelf_url, SCHEMA) as shelf:
        stored = await shelf.read(ids)
    lefts = {id.removesuffix("-left") for id in stored if id.endswith("-left")}
    rights = {id.removesuffix("-right") for id in stored if id.endswith("-right")}
    assert len(acknowledged) >= 200
    assert acknowledged <= lefts
    assert lefts == rights
