"""Waits that can't be: each is told to the run by name, with the next step."""

import asyncio

import pytest

from perdure.core.errors import NotFound
from tests.worker.world import World

BAD = {
    "past": (
        "WaitOver",
        "The moment to wait until is past: 2020-01-01T00:00:00+00:00. Leave out raise_if_past to go on",
    ),
    "no-time": (
        "BadOption",
        "Option timeout can't be '0ms'; it takes a duration over 0, or a moment to come.",
    ),
    "no-token": ("NotFound", "There is no token waitpoint_nope."),
    "too-large": (
        "SnapshotTooLarge",
        "the limit is 10,485,760. The largest locals are heap of tasks.waiting.too_large (",
    ),
    "unstorable": (
        "CheckpointRefused",
        "Checkpoint 'half' can't be stored: local 'lock' of tasks.waiting.unstorable",
    ),
}


async def test_a_run_is_told_what_it_can_not_wait_for(world: World):
    async with world.worker():
        ended = await asyncio.gather(*map(world.run, BAD))

    told = {task: run.error for task, run in zip(BAD, ended, strict=True)}
    for task, (name, message) in BAD.items():
        error = told[task]
        assert error is not None
        assert error.name == name, error
        assert message in error.message


async def test_nobody_completes_a_token_that_is_not_there(world: World):
    with pytest.raises(NotFound, match=r"no .*token waitpoint_nope"):
        await world.client.tokens.complete("waitpoint_nope", {})


async def test_a_run_does_not_wait_for_itself(world: World):
    async with world.worker():
        ended = await world.run("itself", idempotency_key="itself")

    assert ended.error is not None
    assert ended.error.name == "RecursiveWait"
    assert ended.error.message.startswith(f"Run {ended.id} can't wait for {ended.id}, which is itself")
