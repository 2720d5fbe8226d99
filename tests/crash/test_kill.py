"""`kill -9` in the middle of 200 runs: nothing is lost, and nothing that had been reported is done again."""

import asyncio
from contextlib import ExitStack

import pytest

from perdure.core.lifecycle import Status
from tests.crash.world import AT_ONCE, PASSING, RUNS, World, kill

BEFORE = 120

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("victims", [("worker",), ("server",), ("server", "worker")], ids="+".join)
async def test_all_runs_complete_after_a_kill_and_a_restart(world: World, victims: tuple[str, ...]):
    programs = {"server": world.server, "worker": world.worker}
    with ExitStack() as stack:
        running = {name: stack.enter_context(start()) for name, start in programs.items()}
        async with world.client() as client:
            ids = await asyncio.gather(*(world.trigger(client, number) for number in range(BEFORE)))
            await world.until_in_the_middle(client)
            completed = set(await world.ids(client, status=Status.COMPLETED))
            begun = set(world.effects())

            later = [asyncio.create_task(world.trigger(client, n)) for n in range(BEFORE, RUNS)]
            await asyncio.wait(later, return_when=asyncio.FIRST_COMPLETED)
            kill(*(running[name] for name in victims))
            acknowledged = [trigger.result() for trigger in later if trigger.done()]
            world.open_gate()
            for name in victims:
                stack.enter_context(programs[name]())

            ids += await asyncio.gather(*later)
            await world.until_all_are_completed(client)
            kept = await world.ids(client)

    assert acknowledged
    assert sorted(kept) == sorted(ids)  # each trigger, acknowledged or repeated, made one run

    effects = world.effects()
    reported = {number for number in range(RUNS) if ids[number] in completed}
    under_way = begun - reported
    assert (len(reported), len(under_way)) == (PASSING, AT_ONCE)
    assert {number for number in range(RUNS) if effects[number] == 1} >= set(range(RUNS)) - under_way
    assert {effects[number] for number in under_way} <= ({2} if "worker" in victims else {1, 2})
