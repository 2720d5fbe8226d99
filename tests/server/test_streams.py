"""Streams over HTTP: written once however often they are sent, read from any place by many; and inputs."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from perdure.engine.engine import Engine
from tests.server.api import Api, sign
from tests.server.watching import watching

V2 = {"x_trigger_realtime_streams_version": "v2"}


@pytest.fixture(autouse=True)
async def feed(engine: Engine) -> AsyncIterator[None]:
    """The one service that these tests need."""
    engine.feed.start()
    yield
    await engine.feed.stop()


@pytest.fixture
async def run(api: Api) -> str:
    return await api.trigger()


def at(run: str, stream: str = "tokens", target: str = "self") -> str:
    return f"/realtime/v1/streams/{run}/{target}/{stream}"


async def write(api: Api, run: str, *chunks: Any, writer: str = "w", first: int = 0, attempt: int = 1) -> Any:
    body = "".join(json.dumps(chunk) + "\n" for chunk in chunks).encode()
    headers = {"x-client-id": writer, "x-resume-from-chunk": str(first), "x-attempt": str(attempt)}
    answer = await api.post(at(run), body, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()["length"]


async def end(api: Api, run: str) -> None:
    assert (await api.post(f"/api/v2/runs/{run}/cancel")).status_code == 200


async def read(api: Api, run: str, query: str = "", stream: str = "tokens", **headers: str) -> list[Any]:
    """Return the chunks of a stream of a run that has ended."""
    async with watching(api, f"/realtime/v1/streams/{run}/{stream}{query}", **headers) as found:
        events = await found.all()
    assert events[-1].name == "end"
    return [event.data for event in events[:-1]]


async def test_what_is_written_is_read_in_order_while_it_is_written_and_later(api: Api, run: str):
    async with watching(api, f"/realtime/v1/streams/{run}/tokens") as found:
        await write(api, run, "a", {"b": 1})
        first, second = await found.event(), await found.event()
        await write(api, run, None, first=2)
        third = await found.event()
        await end(api, run)
        last = await found.event()

    assert [event and event.data for event in (first, second, third)] == ["a", {"b": 1}, None]
    assert last is not None
    assert last.name == "end"
    assert await read(api, run) == ["a", {"b": 1}, None]


async def test_a_reader_goes_on_where_it_stopped(api: Api, run: str):
    await write(api, run, *range(5))
    await write(api, run, *range(5, 8), first=5)
    await end(api, run)
    async with watching(api, f"/realtime/v1/streams/{run}/tokens") as found:
        events = await found.all()
    ids = [event.id for event in events[:-1]]

    assert await read(api, run, last_event_id=ids[2]) == [3, 4, 5, 6, 7]
    assert await read(api, run, last_event_id="5") == [6, 7]
    assert await read(api, run, "?start=7") == [7]
    assert await read(api, run, "?start=latest") == []
    assert await read(api, run, x_trigger_stream_start="latest") == []


async def test_many_chunks_come_in_one_event_if_the_client_can_read_that(api: Api, run: str):
    await write(api, run, "a", "b", "c")
    await end(api, run)
    async with watching(api, f"/realtime/v1/streams/{run}/tokens", last_event_id="0", **V2) as found:
        events = await found.all()
    records = events[0].data["records"]

    assert found.headers["x-stream-version"] == "v2"
    assert (events[0].name, events[0].id) == ("batch", "2")
    assert [(record["seq_num"], json.loads(record["body"])) for record in records] == [
        (1, {"data": "b", "id": "1"}),
        (2, {"data": "c", "id": "2"}),
    ]


async def test_what_a_writer_sends_again_is_stored_once(api: Api, run: str):
    await write(api, run, 1, 2, 3)
    again = await write(api, run, 1, 2, 3)
    more = await write(api, run, 3, 4, first=2)
    other = await write(api, run, 5, writer="v")
    progress = await api.call("HEAD", at(run), headers={"x-client-id": "w"})
    unknown = await api.get(at(run), headers={"x-client-id": "x"})
    await end(api, run)

    assert (again, more, other) == (3, 4, 1)
    assert progress.headers["x-last-chunk-index"] == "3"
    assert unknown.headers["x-last-chunk-index"] == "-1"
    assert await read(api, run) == [1, 2, 3, 4, 5]


async def test_each_chunk_knows_of_which_try_it_is_and_the_last_try_can_be_read_alone(api: Api, run: str):
    await write(api, run, "old", attempt=1)
    await write(api, run, "new", "er", attempt=2, writer="v")
    await end(api, run)
    async with watching(api, f"/realtime/v1/streams/{run}/tokens", **V2) as found:
        events = await found.all()

    assert [event.data["attempt"] for event in events[:-1]] == [1, 2]
    assert await read(api, run, "?start=attempt") == ["new", "er"]


async def test_a_stream_is_read_as_text(api: Api, run: str):
    await write(api, run, "Hello, ", "wörld", {"n": 1})
    await end(api, run)
    async with watching(api, f"/realtime/v1/streams/{run}/tokens", accept="text/plain") as found:
        while await found.frames.get() is not None:
            pass

    assert found.headers["content-type"] == "text/plain; charset=utf-8"
    assert found.text == 'Hello, wörld{"n": 1}\n'


async def test_a_stream_that_has_not_begun_is_waited_for_and_its_run_shows_it(api: Api, run: str):
    async with (
        watching(api, f"/realtime/v1/streams/{run}/tokens") as found,
        watching(api, f"/realtime/v1/runs/{run}") as runs,
    ):
        await runs.event()
        opened = await api.call("PUT", at(run))
        changed = await runs.event()
        row = (await api.get(f"/realtime/v1/runs/{run}?offset=-1")).json()[0]
        await write(api, run, "first")
        first = await found.event()

    assert (opened.status_code, opened.json()) == (202, {"version": "v1"})
    assert changed is not None
    assert first is not None
    assert first.data == "first"
    assert row["value"]["realtimeStreams"] == ["tokens"]


async def test_a_reader_that_asks_to_wait_only_so_long_is_told_when_that_is_over(api: Api, run: str):
    async with watching(api, f"/realtime/v1/streams/{run}/tokens", timeout_seconds="1") as found:
        events = await found.all()
    refused = await api.get(f"/realtime/v1/streams/{run}/tokens", headers={"timeout-seconds": "601"})

    assert [event.name for event in events] == ["end"]
    assert refused.status_code == 400


async def test_parts_are_appended_each_once(api: Api, run: str):
    for _ in range(2):
        answer = await api.post(f"{at(run)}/append", b"a part", headers={"x-part-id": "p1"})
    await api.post(f"{at(run)}/append", b"\xff binary")
    await end(api, run)

    assert answer.json() == {"ok": True}
    assert await read(api, run) == ["a part", "\N{REPLACEMENT CHARACTER} binary"]


async def test_a_stream_of_the_parent_or_root_is_written_there(api: Api, run: str):
    child = await api.trigger(parentRunId=run)
    for target in ("parent", "root"):
        assert (await api.call("PUT", at(child, target=target))).status_code == 202
        await api.post(at(child, target=target), b'"from a child"\n')
    wrong = await api.call("PUT", at(child, target="cousin"))
    await end(api, run)

    assert wrong.status_code == 400
    assert await read(api, run) == ["from a child"] * 2


async def test_what_is_no_json_is_a_text_and_what_is_too_large_is_told(api: Api, run: str):
    await api.post(at(run), b'no json\n\xff\xfe\n"\\u0000"\n')
    large = await api.post(at(run), json.dumps("x" * 2_000_000).encode())
    await end(api, run)

    assert large.status_code == 413
    assert await read(api, run) == ["no json", "\N{REPLACEMENT CHARACTER}" * 2, "\N{REPLACEMENT CHARACTER}"]


async def test_a_run_that_has_ended_begins_no_stream(api: Api, run: str):
    await end(api, run)
    opened = await api.call("PUT", at(run))
    missing = await api.call("PUT", at("run_x"))

    assert (opened.status_code, opened.json()["code"]) == (400, "run_ended")
    assert missing.status_code == 404


async def test_streams_are_of_one_environment(api: Api, run: str, prod_key: str):
    await write(api, run, "secret")
    read = await api.get(f"/realtime/v1/streams/{run}/tokens", token=prod_key)
    written = await api.post(at(run), b'"mine"\n', token=prod_key)

    assert (read.status_code, written.status_code) == (404, 404)


async def test_streams_are_kept_for_28_days_after_the_end_of_their_run(api: Api, engine: Engine, run: str):
    live = await api.trigger()
    await write(api, run, *range(10))
    await write(api, live, 1)
    await end(api, run)
    api.clock.forward("27d")
    await engine.retention.run_once()
    kept = await read(api, run)
    api.clock.forward("2d")
    await engine.retention.run_once()
    gone = await read(api, run)
    await end(api, live)

    assert (kept, gone) == ([*range(10)], [])
    assert await read(api, live) == [1]


# Inputs.


async def wait(api: Api, run: str, key: str | None = None, **more: Any) -> dict[str, Any]:
    body = {"streamId": "approval", **({"idempotencyKey": key} if key else {}), **more}
    answer = await api.post(f"/api/v1/runs/{run}/input-streams/wait", body)
    assert answer.status_code == 200, answer.text
    token = await api.get(f"/api/v1/waitpoints/tokens/{answer.json()['waitpointId']}")
    return answer.json() | token.json()


async def take(api: Api, run: str, key: str, seconds: float = 0) -> Any:
    body = {"streamId": "approval", "key": key, "wait": seconds}
    answer = await api.post(f"/api/v1/runs/{run}/input-streams/take", body)
    assert answer.status_code == 200, answer.text
    return answer.json().get("data") if answer.json()["isThere"] else "nothing"


async def send(api: Api, run: str, data: Any, **more: Any) -> Any:
    return await api.post(f"/realtime/v1/streams/{run}/input/approval", {"data": data}, **more)


async def token_of(api: Api, token: str) -> dict[str, Any]:
    return (await api.get(f"/api/v1/waitpoints/tokens/{token}")).json()


async def test_what_is_sent_completes_the_token_that_a_run_waits_for(api: Api, run: str):
    waiting = await wait(api, run)
    sent = await send(api, run, {"ok": True})
    done = await token_of(api, waiting["waitpointId"])

    assert (waiting["status"], waiting["isCached"]) == ("WAITING", False)
    assert sent.json() == {"ok": True}
    assert (done["status"], json.loads(done["output"])) == ("COMPLETED", {"ok": True})


async def test_what_was_sent_before_is_taken_in_order_each_once(api: Api, run: str):
    for number in range(3):
        await send(api, run, number)
    first = await wait(api, run)

    assert (first["status"], first["output"]) == ("COMPLETED", "0")
    assert await take(api, run, "k1") == 1
    assert (await wait(api, run))["output"] == "2"
    assert await take(api, run, "k2") == "nothing"
    assert await read_input(api, run) == [0, 1, 2]


async def read_input(api: Api, run: str) -> list[Any]:
    found = []
    async with watching(api, f"/realtime/v1/streams/{run}/input/approval") as stream:
        for _ in range(3):
            event = await stream.event()
            assert event is not None
            found.append(event.data)
    return found


async def test_who_asks_again_under_its_key_gets_the_same(api: Api, run: str):
    first = await wait(api, run, "k1")
    again = await wait(api, run, "k1")
    await send(api, run, "a")
    await send(api, run, "b")
    taken = await take(api, run, "k2")

    assert (first["waitpointId"], again["isCached"]) == (again["waitpointId"], True)
    assert (await wait(api, run, "k1"))["output"] == '"a"'
    assert (taken, await take(api, run, "k2")) == ("b", "b")


async def test_a_wait_whose_time_is_over_takes_nothing(api: Api, engine: Engine, run: str):
    late = await wait(api, run, "k1", timeout="1m")
    other = await wait(api, run, "k2")
    api.clock.forward("2m")
    await engine.timers.run_once()
    await send(api, run, "a")
    again = await wait(api, run, "k1")

    assert (await token_of(api, late["waitpointId"]))["status"] == "TIMED_OUT"
    assert (await token_of(api, other["waitpointId"]))["output"] == '"a"'
    assert (again["status"], again["isCached"]) == ("WAITING", False)


async def test_who_takes_waits_for_what_is_sent(api: Api, run: str):
    waiting = asyncio.create_task(take(api, run, "k1", 20))
    await send(api, run, "now")

    assert await waiting == "now"


async def test_who_may_send_and_to_whom(api: Api, run: str):
    good = sign(api, f"write:inputStreams:{run}")
    other = sign(api, "write:inputStreams:run_other")
    refused = await send(api, run, 1, token=other)
    sent = await send(api, run, 1, token=good)
    await end(api, run)
    ended = await send(api, run, 1)

    assert (refused.status_code, sent.status_code) == (403, 200)
    assert (ended.status_code, ended.json()["code"]) == (400, "run_ended")
    assert (await send(api, "run_x", 1)).status_code == 404
