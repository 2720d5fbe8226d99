"""Runs that wait, with a real server, real workers and both databases."""

import asyncio
import os
import signal
from pathlib import Path

import httpx

from perdure.core.lifecycle import Status
from perdure.worker.supervisor import Supervisor
from tests.worker.driver import PATIENCE
from tests.worker.world import KEY, World


async def nothing_held(supervisor: Supervisor) -> None:
    """Wait until a worker holds no run: it hears of that from another process."""
    async with asyncio.timeout(PATIENCE):
        while supervisor.held:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def words(effects: Path) -> list[str]:
    return effects.read_text().split()


async def test_a_run_waits_for_a_time_and_holds_no_process(world: World, effects: Path):
    async with world.worker() as supervisor:
        run = await world.trigger("nap", {"seconds": 1, "file": str(effects)})
        await world.until(run, Status.WAITING)
        await nothing_held(supervisor)
        ended = await world.end(run)

    assert (ended.status, ended.output) == (Status.COMPLETED, "kept 1")
    assert words(effects) == ["before", "after"]


async def test_a_parent_waits_for_its_children_one_by_one(world: World, effects: Path):
    async with world.worker(concurrency=1):
        ended = await world.run("sum", {"file": str(effects)})

    assert (ended.status, ended.output) == (Status.COMPLETED, 13)
    assert words(effects) == ["begun"]


async def test_two_children_are_waited_for_at_once(world: World):
    async with world.worker(concurrency=1):
        ended = await world.run("both")

    assert (ended.status, ended.output) == (Status.COMPLETED, [2, 4])


async def test_a_parent_is_told_why_its_child_failed(world: World):
    async with world.worker():
        ended = await world.run("child-fails")

    assert ended.output.startswith("RunFailed")
    assert "AbortRun: no luck" in ended.output


async def test_the_loser_of_a_race_is_canceled_with_its_run(world: World):
    async with world.worker():
        ended = await world.run("first")
        assert (ended.status, ended.output) == (Status.COMPLETED, None), ended.error
        (child,) = ended.related_runs.children

        assert (await world.end(child.id)).status == Status.CANCELED


async def test_a_retry_begins_at_the_checkpoint_and_triggers_nothing_twice(world: World, effects: Path):
    async with world.worker():
        ended = await world.run("retry", {"file": str(effects)}, max_attempts=2)

    assert (ended.status, ended.output) == (Status.COMPLETED, 4)
    assert words(effects) == ["fetched", "try-1", "try-2"]
    assert len(ended.related_runs.children) == 1


async def test_a_parked_run_goes_on_in_another_worker_after_its_own_was_killed(world: World, effects: Path):
    with world.worker_process() as process:
        run = await world.trigger("nap", {"seconds": 2, "file": str(effects)})
        await world.until(run, Status.WAITING)
        process.kill()
    async with world.worker():
        ended = await world.end(run)

    assert (ended.status, ended.output) == (Status.COMPLETED, "kept 1")
    assert words(effects) == ["before", "after"]


async def test_what_cant_be_stored_waits_in_memory_and_says_so(world: World, effects: Path):
    async with world.worker(concurrency=1):
        run = await world.trigger("pinned", {"seconds": 1, "file": str(effects)})
        await world.until(run, Status.WAITING)
        other = await world.run("add", {"a": 1, "b": 2})  # the slot is free
        states = await world.client.runs.snapshots(run)
        ended = await world.end(run)

        assert states.pinned is not None
        assert states.pinned.startswith("local 'lock' of tasks.waiting.pinned can't be stored")
        assert [wait.kind for wait in states.waits] == ["time"]

        assert other.output == 3
        assert ended.status == Status.COMPLETED
        assert "'lock'" in await world.log_of(run)
    assert words(effects) == ["before", "after"]


async def test_a_run_pinned_in_a_worker_that_stops_goes_on_from_its_last_state(world: World, effects: Path):
    async with world.worker():
        run = await world.trigger("pinned", {"seconds": 1, "file": str(effects)})
        await world.until(run, Status.WAITING)
    async with world.worker():
        ended = await world.end(run)

    assert ended.status == Status.COMPLETED
    assert words(effects) == ["before", "before", "after"]


async def test_a_run_whose_process_dies_while_it_is_pinned_goes_on_from_its_last_state(
    world: World, effects: Path
):
    async with world.worker():
        run = await world.trigger("pinned-later", {"file": str(effects)})
        await world.until(run, Status.WAITING)
        os.kill(int(words(effects)[-1]), signal.SIGKILL)
        ended = await world.end(run)

    assert (ended.status, ended.output) == (Status.COMPLETED, "done")
    begun, first, second = words(effects)
    assert (begun, first == second) == ("begun", False)


async def test_a_run_parks_in_an_executor_that_was_spawned(world: World, effects: Path):
    async with world.worker(start="spawn") as supervisor:
        run = await world.trigger("nap", {"seconds": 1, "file": str(effects)})
        await world.until(run, Status.WAITING)
        await nothing_held(supervisor)
        ended = await world.end(run)

    assert (ended.status, ended.output) == (Status.COMPLETED, "kept 1")
    assert words(effects) == ["before", "after"]


async def test_runs_in_a_shared_process_park_one_by_one(world: World):
    async with world.worker() as supervisor:
        tokens = [(await world.client.tokens.create()).id for _ in range(2)]
        runs = [await world.trigger("share", {"token": token}) for token in tokens]
        for run in runs:
            await world.until(run, Status.WAITING)
        await nothing_held(supervisor)
        ended = []
        for run, token in zip(runs, tokens, strict=True):
            await world.client.tokens.complete(token)
            ended.append(await world.end(run))

    assert len({process for one in ended for process in one.output}) == 1


async def test_a_wait_inside_the_gather_of_asyncio_is_pinned_and_works(world: World):
    async with world.worker():
        run = await world.trigger("library")
        ended = await world.end(run)

        assert (ended.status, ended.output) == (Status.COMPLETED, [10, "slept"])
        assert "in memory" in await world.log_of(run)


async def test_a_token_is_answered_by_its_url_by_a_browser_or_by_key_and_the_first_counts(
    world: World, effects: Path
):
    async with world.worker(), httpx.AsyncClient() as http:
        for way in ("url", "public", "key"):
            file = effects.with_name(way)
            run = await world.trigger("ask", {"file": str(file)})
            await world.until(run, Status.WAITING)
            token, url, public = words(file)
            if way == "url":
                answer = await http.post(url, json={"yes": True})
            else:
                key = public if way == "public" else KEY
                answer = await http.post(
                    f"{world.server.url}/api/v1/waitpoints/tokens/{token}/complete",
                    json={"data": {"yes": True}},
                    headers={"authorization": f"Bearer {key}"},
                )
            assert answer.status_code == 200, answer.text
            await world.client.tokens.complete(token, {"yes": False})

            assert (await world.end(run)).output is True


async def test_data_that_does_not_fit_fails_the_run_that_waits(world: World, effects: Path):
    async with world.worker():
        run = await world.trigger("ask", {"file": str(effects)})
        await world.until(run, Status.WAITING)
        token = words(effects)[0]
        await world.client.tokens.complete(token, {"yes": "perhaps"})
        ended = await world.end(run)
        answered = await world.client.tokens.retrieve(token)

    assert ended.status == Status.FAILED
    assert ended.error is not None
    assert f"Token {token} was completed with data that does not fit Answer: yes" in ended.error.message
    assert (answered.completed_by, answered.output) == ("key", '{"yes":"perhaps"}')


async def test_a_token_that_nobody_answers_times_out(world: World):
    async with world.worker():
        assert (await world.run("ask-in-vain")).output == "nobody came"


async def test_an_approval(world: World, effects: Path):
    async with world.worker():
        run = await world.trigger("approve", {"file": str(effects)})
        await world.until(run, Status.WAITING)
        await world.client.tokens.complete(words(effects)[0], {"approved": True, "by": "Ada"})

        assert (await world.end(run)).output == "True by Ada"


async def test_a_plain_function_asks_for_an_approval(world: World, effects: Path):
    async with world.worker():
        run = await world.trigger("approve-sync", {"file": str(effects)})
        await world.until(run, Status.WAITING)
        await world.client.tokens.complete(words(effects)[0], {"approved": False, "by": "Bob"})

        assert (await world.end(run)).output == "False by Bob"


async def test_a_plain_function_waits_in_its_process_and_takes_no_slot(world: World, effects: Path):
    async with world.worker(concurrency=1):
        ended = await world.run("sync", {"file": str(effects)})

    assert (ended.status, ended.output) == (Status.COMPLETED, 42)
    assert words(effects) == ["before", "after"]


async def test_a_plain_function_that_waits_can_be_canceled(world: World):
    async with world.worker() as supervisor:
        run = await world.trigger("sync-forever")
        await world.until(run, Status.WAITING)
        await world.client.runs.cancel(run)
        await nothing_held(supervisor)

    assert (await world.client.runs.retrieve(run)).status == Status.CANCELED
