"""Runs as they change, by events and by the official clients' long poll."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from perdure.engine.engine import Engine
from tests.server.api import Api, sign
from tests.server.watching import Watching, watching


@pytest.fixture(autouse=True)
async def feed(engine: Engine) -> AsyncIterator[None]:
    """The one service that these tests need."""
    engine.feed.start()
    yield
    await engine.feed.stop()


async def until(found: Watching, status: str) -> dict[str, Any]:
    """Return the first event of a run that has a status."""
    while (event := await found.event()) is not None:
        if event.name == "run" and event.data["status"] == status:
            return event.data
    raise AssertionError(f"no run was {status}")


async def test_a_run_is_told_at_once_and_at_each_change_until_it_has_ended(api: Api):
    worker = await api.worker()
    run = await api.trigger(payload={"a": 1})
    async with watching(api, f"/realtime/v1/runs/{run}") as found:
        first = await found.event()
        await worker.complete('{"b":2}')
        others = await found.all()

    assert first is not None
    assert (first.name, first.data["id"], first.data["payload"]) == ("run", run, {"a": 1})
    assert (others[-2].data["status"], others[-2].data["output"]) == ("COMPLETED", {"b": 2})
    assert others[-1].name == "end"
    assert found.is_complete


async def test_a_run_that_has_ended_is_told_once(api: Api):
    worker = await api.worker()
    run = await api.trigger()
    await worker.complete()
    async with watching(api, f"/realtime/v1/runs/{run}") as found:
        events = await found.all()

    assert [event.name for event in events] == ["run", "end"]


async def test_changes_of_metadata_and_tags_are_told(api: Api):
    run = await api.trigger()
    async with watching(api, f"/realtime/v1/runs/{run}") as found:
        await found.event()
        await api.call("PUT", f"/api/v1/runs/{run}/metadata", {"metadata": {"step": 1}})
        second = await found.event()
        await api.post(f"/api/v1/runs/{run}/tags", {"tags": ["new one"]})
        third = await found.event()

    assert second is not None
    assert third is not None
    assert second.data["metadata"] == {"step": 1}
    assert third.data["tags"] == ["new one"]


async def test_a_lost_hint_loses_no_change(api: Api, engine: Engine):
    run = await api.trigger()
    async with watching(api, f"/realtime/v1/runs/{run}") as found:
        await found.event()
        engine.resources.db.hints.muted = True
        await api.call("PUT", f"/api/v1/runs/{run}/metadata", {"metadata": {"step": 1}})
        await engine.feed.run_once()
        second = await found.event()

    assert second is not None
    assert second.data["metadata"] == {"step": 1}


async def test_who_comes_back_hears_only_what_has_changed_meanwhile(api: Api):
    run = await api.trigger()
    path = f"/realtime/v1/runs/{run}"
    async with watching(api, path) as found:
        first = await found.event()
    assert first is not None
    assert first.id is not None
    async with watching(api, path, last_event_id=first.id) as found:
        await found.comment()
        await api.call("PUT", f"/api/v1/runs/{run}/metadata", {"metadata": {"step": 1}})
        second = await found.event()
    async with watching(api, path, last_event_id=first.id) as found:
        again = await found.event()

    assert second is not None
    assert again is not None
    assert second.data["metadata"] == again.data["metadata"] == {"step": 1}


async def test_who_comes_back_to_another_server_misses_nothing(api: Api, engine: Engine):
    run = await api.trigger()
    path = f"/realtime/v1/runs/{run}"
    async with watching(api, path) as found:
        first = await found.event()
    assert first is not None
    assert first.id is not None
    offset = first.id.partition("|")[0]
    async with watching(api, path, last_event_id=f"{offset}|1.1") as found:
        await found.comment()
        await api.call("PUT", f"/api/v1/runs/{run}/metadata", {"metadata": {"step": 1}})
        second = await found.event()

    assert second is not None
    assert second.data["metadata"] == {"step": 1}


async def test_the_runs_of_tags_are_told_and_new_ones_too(api: Api):
    old = await api.trigger(tags=["user:1", "blue"])
    await api.trigger(tags=["user:1"])
    async with watching(api, "/realtime/v1/runs?tags=user:1,blue") as found:
        first = await found.event()
        new = await api.trigger(tags=["blue", "user:1"])
        second = await found.event()
        await api.call("PUT", f"/api/v1/runs/{old}/metadata", {"metadata": {"step": 1}})
        third = await found.event()

    assert [event and event.data["id"] for event in (first, second, third)] == [old, new, old]


async def test_a_tag_feed_tells_of_runs_made_since_a_moment(api: Api):
    await api.trigger(tags="t")
    api.clock.forward("2h")
    recent = await api.trigger(tags="t")
    async with watching(api, "/realtime/v1/runs?tags=t&createdAt=1h") as found:
        first = await found.event()

    assert first is not None
    assert first.data["id"] == recent


async def test_a_batch_is_over_when_its_runs_are(api: Api):
    worker = await api.worker()
    made = await api.post("/api/v3/batches", {"runCount": 2})
    batch = made.json()["id"]
    lines = [{"index": index, "task": "echo", "payload": "1", "options": {}} for index in range(2)]
    body = "".join(json.dumps(line) + "\n" for line in lines).encode()
    async with watching(api, f"/realtime/v1/batches/{batch}") as found:
        await api.post(
            f"/api/v3/batches/{batch}/items", body, headers={"content-type": "application/x-ndjson"}
        )
        await worker.complete()
        await worker.complete()
        events = await found.all()

    last = {event.data["id"]: event.data["status"] for event in events[:-1]}
    assert list(last.values()) == ["COMPLETED"] * 2
    assert events[-1].name == "end"


async def test_columns_are_left_out_if_asked_but_not_those_that_are_needed(api: Api):
    run = await api.trigger(payload={"a": 1})
    async with watching(api, f"/realtime/v1/runs/{run}?skipColumns=payload,status") as found:
        first = await found.event()
    token = sign(api, f"read:runs:{run}", realtime={"skipColumns": ["tags"]})
    async with watching(api, f"/realtime/v1/runs/{run}?skipColumns=payload", token=token) as found:
        second = await found.event()

    assert first is not None
    assert second is not None
    assert "payload" not in first.data
    assert "status" in first.data
    assert ("payload" in second.data, "tags" in second.data) == (True, False)


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("/realtime/v1/runs/{run}", "read:runs:run_other"),
        ("/realtime/v1/runs?tags=mine", "read:tags:other"),
        ("/realtime/v1/batches/batch_x", "read:batch:batch_y"),
        ("/realtime/v1/streams/{run}/tokens", "read:runs:run_other"),
        ("/realtime/v1/streams/{run}/input/approval", "write:inputStreams:{run}"),
    ],
)
async def test_a_token_without_the_scope_is_refused_before_any_data(api: Api, path: str, scope: str):
    run = await api.trigger(tags="mine")
    token = sign(api, scope.format(run=run))
    answer = await api.get(path.format(run=run), token=token, headers={"accept": "text/event-stream"})

    assert (answer.status_code, answer.json()["code"]) == (403, "unauthorized")


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("/realtime/v1/runs/{run}", "read:runs:{run}"),
        ("/realtime/v1/runs/{run}", "read:tags:mine"),
        ("/realtime/v1/runs?tags=mine,yours", "read:tags:mine"),
        ("/realtime/v1/runs?tags=mine", "read:runs"),
        ("/realtime/v1/streams/{run}/tokens", "read:runs:{run}"),
    ],
)
async def test_a_token_with_the_scope_watches_by_header_or_by_query(api: Api, path: str, scope: str):
    run = await api.trigger(tags=["mine", "yours"])
    token = sign(api, scope.format(run=run))
    path = path.format(run=run)
    async with watching(api, path, token=token) as by_header:
        pass
    async with watching(api, f"{path}{'&' if '?' in path else '?'}token={token}", token="") as by_query:
        pass

    assert (by_header.status, by_query.status) == (200, 200)


async def test_a_token_whose_time_is_over_is_refused_and_a_key_is_never_taken_from_a_query(api: Api):
    run = await api.trigger()
    late = sign(api, f"read:runs:{run}", exp=api.clock.now() // 1000 - 1)
    by_token = await api.get(f"/realtime/v1/runs/{run}", token=late)
    by_key = await api.get(f"/realtime/v1/runs/{run}?token={api.environment.key}", token="")

    assert (by_token.status_code, by_token.json()["error"]) == (401, "Public Access Token is invalid")
    assert by_key.status_code == 401


async def test_what_is_not_there_is_told(api: Api):
    for path in ("/realtime/v1/runs/run_x", "/realtime/v1/batches/batch_x", "/realtime/v1/streams/run_x/s"):
        answer = await api.get(path, headers={"accept": "text/event-stream"})
        assert answer.status_code == 404, path


async def test_bytes_come_at_once_and_nothing_may_hold_them_back(api: Api):
    run = await api.trigger()
    async with watching(api, f"/realtime/v1/runs/{run}") as found:
        comment = await found.comment()

    assert comment == ": hello"
    assert found.headers["x-accel-buffering"] == "no"
    assert "no-transform" in found.headers["cache-control"]
    assert found.headers["content-type"].startswith("text/event-stream")
    assert "content-length" not in found.headers


async def test_who_does_not_read_is_dropped_and_told_and_others_go_on(api: Api):
    api.app.services.watching.patience_s = 0.05
    run = await api.trigger()
    is_read = asyncio.Event()
    path = f"/realtime/v1/runs/{run}"
    async with watching(api, path, is_read=is_read) as stuck, watching(api, path) as other:
        await other.event()
        async with asyncio.timeout(20):
            while "perdure_watchers_dropped_total 1.0" not in (await api.http.get("/metrics")).text:  # noqa: ASYNC110
                await asyncio.sleep(0)
        await api.call("PUT", f"/api/v1/runs/{run}/metadata", {"metadata": {"step": 1}})
        told = await other.event()
        is_read.set()
        last = await stuck.event()

    assert told is not None
    assert last is not None
    assert told.data["metadata"] == {"step": 1}
    assert (last.name, last.data["code"]) == ("error", "too_slow")
    assert not stuck.is_complete


async def test_one_look_serves_all_who_watch_the_same(api: Api, engine: Engine):
    run = await api.trigger()
    async with (
        watching(api, f"/realtime/v1/runs/{run}") as one,
        watching(api, f"/realtime/v1/runs/{run}") as two,
    ):
        await one.event()
        await two.event()

        assert engine.feed.count == 2
        assert len(engine.feed._topics) == 1


async def test_more_than_may_are_refused(api: Api, engine: Engine):
    run = await api.trigger()
    object.__setattr__(engine.resources.settings, "max_watchers", 1)
    async with watching(api, f"/realtime/v1/runs/{run}"):
        answer = await api.get(f"/realtime/v1/runs/{run}", headers={"accept": "text/event-stream"})

    object.__setattr__(engine.resources.settings, "max_watchers", 20_000)
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_watch")


async def poll(api: Api, path: str, before: Any = None, *, live: bool = False) -> Any:
    """Ask as the official client does, `before` being its last answer."""
    query = "log=full&offset=-1"
    if before is not None:
        head = before.headers
        query = f"handle={head['electric-handle']}&log=full&offset={head['electric-offset']}"
        query += f"&live=true&cursor={head['electric-cursor']}" if live else ""
    return await api.get(f"{path}{'&' if '?' in path else '?'}{query}")


async def test_the_official_client_gets_a_snapshot_and_then_what_changes(api: Api):
    api.app.services.watching.live_s = 0.05
    await api.worker()
    run = await api.trigger(payload={"a": 1}, tags="t")
    first = await poll(api, f"/realtime/v1/runs/{run}")
    idle = await poll(api, f"/realtime/v1/runs/{run}", first, live=True)
    api.app.services.watching.live_s = 20
    waiting = asyncio.create_task(poll(api, f"/realtime/v1/runs/{run}", idle, live=True))
    await api.call("PUT", f"/api/v1/runs/{run}/metadata", {"metadata": {"step": 1}})
    changed = await waiting
    again = await poll(api, f"/realtime/v1/runs/{run}", idle, live=True)

    row, control = first.json()
    assert control == {"headers": {"control": "up-to-date"}}
    assert (row["value"]["friendlyId"], row["value"]["status"]) == (run, "PENDING")
    assert (row["value"]["payload"], row["value"]["runTags"]) == ('{"a":1}', ["t"])
    assert "Z" not in row["value"]["createdAt"]
    assert idle.json() == [control]
    assert changed.json()[0]["value"]["metadata"] == '{"step":1}'
    assert changed.json()[-1] == control
    assert again.json() == changed.json()
    for answer in (first, idle, changed):
        assert {"electric-offset", "electric-handle", "electric-schema", "electric-up-to-date"} <= set(
            answer.headers
        )


async def test_a_poll_of_another_server_misses_no_change_of_many(api: Api):
    api.app.services.watching.live_s = 0.05
    runs = [await api.trigger(tags="t") for _ in range(3)]
    first = await poll(api, "/realtime/v1/runs?tags=t")
    first.headers["electric-cursor"] = ""
    idle = await poll(api, "/realtime/v1/runs?tags=t", first, live=True)
    await api.call("PUT", f"/api/v1/runs/{runs[0]}/metadata", {"metadata": {"step": 1}})
    changed = await poll(api, "/realtime/v1/runs?tags=t", first, live=True)

    assert len(first.json()) == 4
    assert len(idle.json()) == 1
    assert runs[0] in [row["value"]["id"] for row in changed.json()[:-1]]
