"""Runs that wait in the memory of their worker: they are woken, stored after all, or tried again."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from perdure.core.lifecycle import Status
from tests.support.proxy import Place, Proxy, proxy
from tests.support.waiting import until
from tests.worker.world import World


def words(effects: Path) -> list[str]:
    return effects.read_text().split()


WAKING = Place(
    side="answer", path=re.compile("/worker/v1/poll$"), is_it=lambda _, polled: bool(polled.get("wakes"))
)


@asynccontextmanager
async def by_proxy(world: World) -> AsyncIterator[tuple[World, Proxy]]:
    """Give a world whose workers reach the server by a proxy."""
    async with proxy() as between:
        between.target = int(world.port)
        yield replace(world, server=replace(world.server, url=between.url)), between


@pytest.mark.parametrize("task", ["pinned", "nap-sync"])
async def test_a_run_goes_on_though_the_answer_that_wakes_it_is_lost(world: World, effects: Path, task: str):
    async with by_proxy(world) as (far, between), far.worker(concurrency=1):
        with between.gate(WAKING) as gate:
            run = await world.trigger(task, {"seconds": 0.5, "file": str(effects)})
            await gate.caught()
            between.cut()
        ended = await world.end(run)

    assert ended.status == Status.COMPLETED
    assert words(effects) == ["before", "after"]


async def test_a_run_that_was_busy_otherwise_is_stored_when_it_only_waits(world: World, effects: Path):
    async with world.worker() as supervisor:
        run = await world.trigger("busy", {"seconds": 1.5, "file": str(effects)})
        await world.until(run, Status.WAITING)
        assert "waits in memory" in await world.log_of(run)
        await until(lambda: supervisor.held == 0, "the run is stored")
        await world.client.tokens.complete(words(effects)[0], "yes")
        ended = await world.end(run)

    assert (ended.status, ended.output) == (Status.COMPLETED, ["yes", "rested"])


async def test_a_branch_that_fails_while_another_waits_is_tried_again(world: World):
    async with world.worker():
        ended = await world.run("restless", {"seconds": 1.5}, max_attempts=2)

    assert (ended.status, ended.output, ended.attempt_count) == (Status.COMPLETED, "calm", 2)
