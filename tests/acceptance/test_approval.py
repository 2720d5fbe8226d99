"""The example of an order that waits for a person, with its workers killed at each of its waits."""

import re
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from perdure.client import AsyncClient
from perdure.core.lifecycle import Status
from tests.support import processes
from tests.worker.world import KEY, World

EXAMPLE = Path(__file__).parents[2] / "examples" / "approval"
LEDGER = "ledger.txt"


@pytest.fixture
async def world(tmp_path: Path, database_url: str) -> AsyncIterator[World]:
    project = tmp_path / "approval"
    shutil.copytree(EXAMPLE, project, ignore=shutil.ignore_patterns(LEDGER, ".perdure", "__pycache__"))
    settings = {"PERDURE_SECRET_KEY": KEY, "PERDURE_DATABASE_URL": database_url}
    with processes.server(tmp_path, **settings) as server:
        async with AsyncClient(server.url, KEY) as client:
            yield World(server, client, project)


async def the_url_in_the_log_of(world: World, run: str) -> str:
    """Wait until the manager is asked, and return where to answer."""
    async for event in world.client.runs.events(run, follow=True):
        if found := re.search(r"curl (\S+)", event.message):
            return found[1]
    raise AssertionError("nobody was asked")


@pytest.mark.slow
async def test_each_effect_happens_once_though_each_worker_is_killed_at_a_wait(world: World):
    run = await world.trigger("process-order", {"id": "o1", "amount": 99.5})
    with world.worker_process():
        await world.until(run, Status.WAITING)
    with world.worker_process():
        url = await the_url_in_the_log_of(world, run)
        await world.until(run, Status.WAITING)
    async with httpx.AsyncClient() as http:
        answer = await http.post(
            url,
            content='{"approved": true, "by": "Ada"}',
            headers={"content-type": "application/x-www-form-urlencoded"},  # as curl -d sends it
        )
    assert answer.status_code == 200, answer.text
    with world.worker_process():
        ended = await world.end(run)

    assert ended.output == {
        "order": "o1",
        "approved_by": "Ada",
        "parcel": "parcel of o1",
        "invoice": "invoice of o1: 99.50",
    }
    ledger = world.project / LEDGER
    assert Counter(line.split()[1] for line in ledger.read_text().splitlines()) == Counter(
        ["begun", "shipped", "billed"]
    )
