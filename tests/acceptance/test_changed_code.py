"""Parked runs whose code is changed before they go on, with a real server and real workers."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from perdure.client import AsyncClient
from perdure.core.lifecycle import Status
from tests.support import processes
from tests.worker.world import World

TASKS = """
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))
import library

from perdure import task


@task(id="strict")
async def strict(token: str) -> str:
    return await library.approve(token)


@task(id="patient", on_code_change="restart")
async def patient(token: str) -> str:
    return await library.approve(token)
"""

# A library of the user's own, outside of the project: a change of it makes no new version.
LIBRARY = """
from perdure import wait
from perdure.resumable import resumable


@resumable
async def approve(token: str) -> str:
    answer = await wait.for_token(token)
    return f"OLD {answer}"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "library.py").write_text(LIBRARY)
    project = tmp_path / "project"
    (project / "tasks").mkdir(parents=True)
    (project / "perdure.toml").write_text('project = "changes"\n')
    (project / "tasks" / "shop.py").write_text(TASKS)
    return project


@pytest.fixture(params=["dev", "prod"])
async def world(folder: Path, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    key = f"tr_{request.param}_0123456789abcdef0123456789abcdef"
    with processes.server(folder, PERDURE_SECRET_KEY=key) as server:
        async with AsyncClient(server.url, key) as client:
            yield World(server, client, folder, key)


async def test_a_parked_run_whose_code_was_changed_begins_again_or_fails(world: World):
    tokens = [(await world.client.tokens.create()).id for _ in range(2)]
    async with world.worker():
        runs = [
            await world.trigger(task, {"token": token})
            for task, token in zip(("strict", "patient"), tokens, strict=True)
        ]
        for run in runs:
            await world.until(run, Status.WAITING)
    library = world.project.parent / "library.py"
    library.write_text(LIBRARY.replace("OLD", "what is new:"))
    for token in tokens:
        await world.client.tokens.complete(token, "yes")
    async with world.worker():
        strict, patient = [await world.end(run) for run in runs]

    assert (patient.status, patient.output) == (Status.COMPLETED, "what is new: yes")
    log = await world.log_of(patient.id)
    assert "library.approve has changed since the snapshot was taken" in log
    assert "It begins again at the top." in log
    if "_dev_" in world.key:
        assert strict.output == patient.output
    else:
        assert strict.status == Status.FAILED
        assert strict.error is not None
        assert "library.approve has changed since the snapshot was taken" in strict.error.message
        assert 'on_code_change="restart"' in strict.error.message
