"""Batches of a real worker that is killed: while it sends the items, and while it waits for the runs."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from perdure.core.lifecycle import Status
from perdure.wire.runs import ListedRun
from tests.acceptance.batching import ITEMS
from tests.support.waiting import until
from tests.worker.world import World, opened

pytestmark = pytest.mark.slow

TASKS = Path(__file__).parent / "batching.py"


@pytest.fixture
async def world(tmp_path: Path, database_url: str) -> AsyncIterator[World]:
    async with opened(tmp_path, database_url, TASKS, PERDURE_LEASE_SECONDS="2") as world:
        yield world


async def children(world: World, run: str) -> list[ListedRun]:
    return [one async for one in world.client.runs.list(parent=run)]


async def test_a_parent_that_is_killed_while_it_waits_goes_on_elsewhere(world: World, tmp_path: Path):
    gate = tmp_path / "gate"
    with world.worker_process() as first:
        run = await world.trigger("squares", {"count": 12, "gate": str(gate)})
        await world.until(run, Status.WAITING)
        first.kill()
    gate.touch()
    with world.worker_process():
        ended = await world.end(run)

    assert (ended.status, ended.output) == (Status.COMPLETED, [n * n for n in range(12)])
    assert len(await children(world, run)) == 12


async def test_a_parent_that_is_killed_while_it_sends_makes_no_run_twice(world: World, tmp_path: Path):
    gate, go_on = tmp_path / "gate", tmp_path / "go-on"
    gate.touch()
    with world.worker_process() as first:
        run = await world.trigger("slow-stream", {"gate": str(gate), "go_on": str(go_on)})

        async def half_is_there() -> bool:
            return len(await children(world, run)) == ITEMS // 2

        await until(half_is_there, "half of the items are triggered")
        first.kill()
    go_on.touch()
    with world.worker_process():
        ended = await world.end(run)

    assert (ended.status, ended.output) == (Status.COMPLETED, [n * n for n in range(ITEMS)])
    found = await children(world, run)
    assert len(found) == ITEMS
    assert sorted(child.id for child in found) == sorted({child.id for child in found})
