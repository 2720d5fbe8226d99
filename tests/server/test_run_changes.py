"""Changes of runs over HTTP: what can be done to one, and what is refused."""

import asyncio
from typing import Any
from urllib.parse import quote

from tests.server.api import Api

BUILT_IN = {"type": "BUILT_IN_ERROR", "name": "ValueError", "message": "no luck", "stackTrace": "at line 1"}


async def listed(api: Api, **filters: Any) -> list[str]:
    """List runs by filters; `page_size` stands for `page[size]`, the rest for `filter[…]`."""
    query = "&".join(f"{quote(name)}={quote(str(value))}" for name, value in filters.items())
    answer = await api.get(f"/api/v1/runs?{query}")
    assert answer.status_code == 200, answer.text
    return [run["id"] for run in answer.json()["data"]]


async def test_a_delayed_run_is_rescheduled(api: Api):
    run = await api.trigger(delay="1h")
    path = f"/api/v1/runs/{run}/reschedule"

    later = await api.post(path, {"delay": "2h"})
    moment = await api.post(path, {"delay": "2026-01-01T00:10:00.000Z"})

    assert later.json()["delayedUntil"].startswith("2026-01-01T02:00:00")
    assert moment.json()["delayedUntil"].startswith("2026-01-01T00:10:00")
    assert (await api.post(path, {"delay": "soon"})).status_code == 400
    await api.post(f"/api/v2/runs/{run}/cancel")
    assert (await api.post(path, {"delay": "2h"})).status_code == 422


async def test_a_result_is_there_when_the_run_has_ended(api: Api):
    worker = await api.worker("echo")
    run, failing = await api.trigger(), await api.trigger()
    path = "/api/v1/runs/{}/result"
    assert (await api.get(path.format(run))).status_code == 404

    await worker.complete('{"json":1}')
    await worker.fail(**BUILT_IN)

    good = (await api.get(path.format(run))).json()
    assert (good["ok"], good["id"], good["output"], good["outputType"]) == (
        True,
        run,
        '{"json":1}',
        "application/json",
    )
    bad = (await api.get(path.format(failing))).json()
    assert (bad["ok"], bad["error"]["message"], bad["status"]) == (False, "no luck", "FAILED")
    assert "output" not in bad


async def test_a_result_is_waited_for(api: Api):
    worker = await api.worker("echo")
    run = await api.trigger()

    waiting = asyncio.create_task(api.get(f"/api/v1/runs/{run}/result?wait=30"))
    await worker.complete('"done"')

    assert (await waiting).json()["output"] == '"done"'


async def test_a_poll_is_answered_when_a_run_comes(api: Api):
    worker = await api.worker("echo")

    waiting = asyncio.create_task(worker.poll(wait=30))
    run = await api.trigger()

    assert [held["runId"] for held in (await waiting)["runs"]] == [run]


async def test_a_stopping_server_ends_long_polls(api: Api):
    worker = await api.worker("echo")
    run = await api.trigger("other")
    waiting = asyncio.create_task(api.get(f"/api/v1/runs/{run}/result?wait=60"))
    polling = asyncio.create_task(
        api.post("/worker/v1/poll", {"workerId": worker.id, "slots": 1, "wait": 60})
    )
    await asyncio.sleep(0)

    api.app.close()

    for answer in (await waiting, await polling):
        assert answer.status_code == 503
        assert answer.json()["code"] == "server_stopping"


async def test_events_tell_the_life_of_a_run(api: Api):
    worker = await api.worker("echo")
    run = await api.trigger()
    held = await worker.claim()
    await worker.report(held, "started")
    line = {
        "runId": run,
        "attempt": 1,
        "time": "2026-01-01T00:00:01Z",
        "level": "info",
        "message": "half way",
        "source": "stdout",
    }
    assert (await api.post("/worker/v1/logs", {"workerId": worker.id, "lines": [line]})).status_code == 200
    api.clock.forward("2s")
    await worker.report(held, "succeeded")
    assert not (await api.get(f"/api/v1/runs/{run}/events")).json()["done"]  # log lines may still come
    api.clock.forward("1s")

    told = (await api.get(f"/api/v1/runs/{run}/events")).json()

    kinds = [event["kind"] for event in told["events"]]
    assert kinds[0] == "triggered"
    assert kinds[-1] == "succeed"
    assert {"claim", "start", "log"} <= set(kinds)
    assert told["done"]
    (log,) = [event for event in told["events"] if event["kind"] == "log"]
    assert (log["message"], log["source"], log["attempt"]) == ("half way", "stdout", 1)


async def test_tags_are_added_up_to_ten(api: Api):
    run = await api.trigger(tags=["a"])
    path = f"/api/v1/runs/{run}/tags"

    assert (await api.post(path, {"tags": "b"})).status_code == 200
    assert (await api.post(path, {"tags": ["c", "a"]})).status_code == 200
    assert (await api.run(run))["tags"] == ["a", "b", "c"]
    assert (await api.post(path, {"tags": [f"t{i}" for i in range(8)]})).status_code == 422
    assert (await api.post("/api/v1/runs/run_nope/tags", {"tags": "b"})).status_code == 404


async def test_metadata_is_changed_in_place(api: Api):
    root = await api.trigger(metadata={"n": 1})
    run = await api.trigger(metadata={"n": 1, "list": [1]}, parentRunId=root)
    path = f"/api/v1/runs/{run}/metadata"
    operations = [
        {"type": "increment", "key": "n", "value": 2},
        {"type": "append", "key": "list", "value": 2},
        {"type": "set", "key": "$.deep.er", "value": "x"},
    ]

    answer = await api.call("PUT", path, {"operations": operations, "rootOperations": operations[:1]})

    expected = {"n": 3, "list": [1, 2], "deep": {"er": "x"}}
    assert answer.json() == {"metadata": expected}
    assert (await api.get(path)).json() == {"metadata": expected}
    assert (await api.run(root))["metadata"] == {"n": 3}
    assert (await api.call("PUT", path, {"metadata": {"new": 1}})).json() == {"metadata": {"new": 1}}


async def test_metadata_over_its_limit_is_refused(api: Api):
    run = await api.trigger()

    answer = await api.call("PUT", f"/api/v1/runs/{run}/metadata", {"metadata": {"x": "y" * 300_000}})

    assert answer.status_code == 413


async def test_a_reset_key_makes_a_new_run(api: Api):
    body = {"options": {"idempotencyKey": "a/b c", "delay": "1h"}}
    first = (await api.post("/api/v1/tasks/echo/trigger", body)).json()
    path = "/api/v1/idempotencyKeys/a%2Fb%20c/reset"

    answer = await api.post(path, {"taskIdentifier": "echo"})

    assert (answer.status_code, answer.json()) == (200, {"id": "a/b c"})
    second = (await api.post("/api/v1/tasks/echo/trigger", body)).json()
    assert second["id"] != first["id"]
    assert not second["isCached"]
    assert (await api.post(path, {"taskIdentifier": "other"})).status_code == 404
    assert (await api.post(path, {})).status_code == 400
