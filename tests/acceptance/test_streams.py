"""Streams, inputs and subscriptions, with a real server, real workers and both databases."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from perdure import RunEnded, configure, runs, stream
from perdure.client import AsyncClient
from perdure.core.lifecycle import Status
from perdure.sdk.handle import clients
from perdure.wire.runs import Run
from tests.support import processes
from tests.worker.driver import PATIENCE
from tests.worker.world import KEY, World

TASKS = Path(__file__).with_name("streaming.py")

tokens = stream[str]("tokens")
steps = stream[dict[str, int]]("steps")


@pytest.fixture
async def world(tmp_path: Path, database_url: str) -> AsyncIterator[World]:
    (tmp_path / "perdure.toml").write_text('project = "streams"\n')
    (tmp_path / "tasks").mkdir()
    shutil.copy(TASKS, tmp_path / "tasks" / "streaming.py")
    settings = {"PERDURE_SECRET_KEY": KEY, "PERDURE_DATABASE_URL": database_url}
    with processes.server(tmp_path, **settings) as server:
        async with AsyncClient(server.url, KEY) as client:
            before = clients.use(None, None)
            configure(server.url, KEY)
            yield World(server, client, tmp_path)
            await clients.asynchronous.close()
            clients.use(*before)


async def texts(run: str) -> list[str]:
    return [chunk async for chunk in tokens.read(run)]


async def test_a_generated_text_is_read_while_it_is_written_and_afterwards(world: World):
    text = "every word of a text is told as soon as it is there"
    async with world.worker():
        run = await world.trigger("say", {"text": text})
        live = await asyncio.wait_for(texts(run), PATIENCE)
        ended = await world.end(run)

    assert "".join(live).split() == text.split()
    assert ended.output == len(text.split())
    assert await texts(run) == live
    assert [chunk async for chunk in tokens.read(run, start=10)] == live[10:]
    assert await asyncio.to_thread(lambda: list(tokens.read_sync(run))) == live


async def test_a_stream_goes_on_after_a_wait(world: World):
    async with world.worker():
        run = await world.trigger("say-in-parts", {"seconds": 0.5})
        seen = await asyncio.wait_for(texts(run), PATIENCE)

    assert seen == ["one ", "two ", "three "]
    assert [chunk async for chunk in steps.read(run)] == [{"done": 1}]


async def test_a_plain_task_streams(world: World):
    async with world.worker():
        ended = await world.run("say-blocking", {"text": "a b c"})

    assert (ended.output, await texts(ended.id)) == (3, ["a ", "b ", "c "])


async def test_a_try_that_follows_an_error_adds_to_the_stream_and_can_be_told_apart(world: World):
    async with world.worker():
        run = await world.trigger("say-twice", max_attempts=2)
        await world.end(run)

    records = [record async for record in tokens.records(run)]
    last = [chunk async for chunk in tokens.read(run, start="attempt")]
    assert [(record.data, record.attempt) for record in records] == [("try 1", 1), ("try 2", 2)]
    assert last == ["try 2"]


async def test_many_chunks_are_few_rows_and_all_are_there(world: World):
    async with world.worker():
        ended = await world.run("many", {"count": 20_000})

    found = [chunk["n"] async for chunk in steps.read(ended.id)]
    assert found == list(range(20_000))


async def test_a_child_writes_a_stream_of_its_parent(world: World):
    async with world.worker():
        ended = await world.run("has-child")

    assert await texts(ended.id) == ["from a child"]


async def test_a_run_waits_for_what_is_sent_and_holds_nothing(world: World):
    async with world.worker() as supervisor:
        run = await world.trigger("ask")
        await world.until(run, Status.WAITING)
        async with asyncio.timeout(PATIENCE):
            while supervisor.held:  # noqa: ASYNC110 -- of another process
                await asyncio.sleep(0.01)
        await world.client.streams.send(run, "approval", {"approved": True, "by": "Ada"})
        ended = await world.end(run)
        blocking = await world.trigger("ask-blocking")
        await world.client.streams.send(blocking, "approval", {"approved": True, "by": "Bob"})
        other = await world.end(blocking)

    assert ended.output == "True by Ada"
    assert other.output == "by Bob"
    with pytest.raises(RunEnded):
        await world.client.streams.send(run, "approval", {"approved": False, "by": "nobody"})


async def test_a_wait_for_an_input_ends_with_its_time(world: World):
    async with world.worker():
        ended = await world.run("ask", {"timeout": 0.2})

    assert ended.error is not None
    assert (ended.status, ended.error.name) == (Status.FAILED, "WaitTimeout")


async def test_messages_are_taken_in_order_in_every_way(world: World):
    async with world.worker():
        run = await world.trigger("chat")
        for message in ("a", "b", "c"):
            await world.client.streams.send(run, "messages", message)
        ended = await world.end(run)

    assert ended.output == ["a", "b", "c"]


async def test_a_try_that_begins_at_the_top_takes_the_same_messages_again(world: World, tmp_path: Path):
    file = tmp_path / "taken"
    async with world.worker():
        run = await world.trigger("take-again", {"file": str(file)}, max_attempts=2)
        for message in ("a", "b"):
            await world.client.streams.send(run, "messages", message)
        ended = await world.end(run)

    assert ended.output == ["a", "b"]
    assert file.read_text() == "a b\na b\n"


async def test_a_run_is_watched_from_its_trigger_to_its_end(world: World):
    async def watch(found: list[Run], run: str) -> None:
        async for one in runs.subscribe(run):
            found.append(one)

    found: list[Run] = []
    async with world.worker():
        run = await world.trigger("say-in-parts", {"seconds": 0.3})
        await asyncio.wait_for(watch(found, run), PATIENCE)

    assert found[-1].status is Status.COMPLETED
    assert found[-1].output == "said"
    assert Status.WAITING in [one.status for one in found]
    assert {"waits": True} in [one.metadata for one in found]
    assert len({one.updated_at for one in found}) == len(found)


async def test_a_task_watches_the_run_it_triggers(world: World):
    async with world.worker():
        ended = await world.run("watch-child")

    assert ended.output[-1] == "COMPLETED"


async def test_a_batch_is_watched_until_all_its_runs_have_ended(world: World):
    async with world.worker():
        items = [{"task": "say", "payload": {"text": text}} for text in ("a", "b b", "c c c")]
        (batch,) = await world.client.batches.trigger(items)
        last: dict[str, Run] = {}
        async with asyncio.timeout(PATIENCE):
            async for run in runs.subscribe_batch(batch.id):
                last[run.id] = run

    assert sorted(run.output for run in last.values()) == [1, 2, 3]


async def test_a_blocking_client_watches_and_a_tag_is_watched(world: World):
    async def first_of_tag() -> Run:
        async for run in runs.subscribe_tags("user:1"):
            return run
        raise AssertionError

    waiting = asyncio.create_task(first_of_tag())
    async with world.worker():
        run = await world.trigger("say", {"text": "a"}, tags=["user:1"])
        seen = await asyncio.to_thread(lambda: [one.status for one in runs.subscribe_sync(run)])
        first = await asyncio.wait_for(waiting, PATIENCE)

    assert seen[-1] is Status.COMPLETED
    assert first.id == run


async def test_who_watches_hears_all_when_the_server_is_started_again(world: World, database_url: str):
    run = await world.trigger("say", {"text": "a"})
    found: list[Run] = []

    async def watch() -> None:
        async for one in runs.subscribe(run):
            found.append(one)

    watching = asyncio.create_task(watch())
    async with asyncio.timeout(PATIENCE):
        while not found:  # noqa: ASYNC110 -- of another process
            await asyncio.sleep(0.01)
    assert await asyncio.to_thread(world.server.stop) == 0
    settings = {"PERDURE_SECRET_KEY": KEY, "PERDURE_DATABASE_URL": database_url}
    with processes.server(world.project, PERDURE_PORT=world.port, **settings):
        await world.client.runs.cancel(run)
        await asyncio.wait_for(watching, PATIENCE)

    assert found[-1].status is Status.CANCELED
    assert "completing response" not in (world.project / "server.log").read_text()
