"""Batches over HTTP: two steps, tokens, and bad input by name."""

import json
from collections.abc import AsyncIterator, Iterable
from typing import Any

import httpx
import jwt
import pytest

from tests.server.api import Api, sign

BATCHES = "/api/v3/batches"
TOO_MANY = list("abcdefghijk")
LINES = {"content-type": "application/x-ndjson"}


def item(index: int, **fields: Any) -> dict[str, Any]:
    return {"index": index, "task": "echo", "payload": {"n": index}, **fields}


def lines(items: Iterable[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in items)


async def create(api: Api, count: int, **fields: Any) -> str:
    answer = await api.post(BATCHES, {"runCount": count, **fields})
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


async def send(api: Api, batch: str, body: bytes, **more: Any) -> httpx.Response:
    return await api.post(f"{BATCHES}/{batch}/items", body, headers=LINES, **more)


async def batch_of(api: Api, *items: dict[str, Any]) -> str:
    batch = await create(api, len(items))
    answer = await send(api, batch, lines(items))
    assert answer.json()["sealed"], answer.text
    return batch


async def shown(api: Api, batch: str) -> dict[str, Any]:
    answer = await api.get(f"/api/v2/batches/{batch}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_batch_is_made_filled_run_and_read(api: Api):
    worker = await api.worker()
    answer = await api.post(BATCHES, {"runCount": 2, "taskIdentifiers": ["echo"]})
    batch = answer.json()["id"]
    assert answer.status_code == 202
    assert answer.json() == {"id": batch, "runCount": 2, "isCached": False, "received": 0}
    claims = jwt.decode(answer.headers["x-trigger-jwt"], options={"verify_signature": False})
    assert claims["scopes"] == [f"read:batch:{batch}"]
    assert (await shown(api, batch))["status"] == "PENDING"

    answer = await send(api, batch, lines([item(0), item(1)]))
    assert answer.json() == {
        "id": batch,
        "itemsAccepted": 2,
        "itemsDeduplicated": 0,
        "sealed": True,
        "enqueuedCount": 2,
        "expectedCount": 2,
    }
    seen = await shown(api, batch)
    assert (seen["status"], seen["runCount"], len(seen["runs"])) == ("PROCESSING", 2, 2)
    assert seen["processing"]["errors"] == []
    assert "idempotencyKey" not in seen
    assert (await api.get(f"/api/v1/batches/{batch}/results")).status_code == 404

    await worker.complete('"first"')
    await worker.fail(type="BUILT_IN_ERROR", name="ValueError", message="no luck")
    await api.engine.batch_watch.run_once()
    assert (await shown(api, batch))["status"] == "COMPLETED"
    results = (await api.get(f"/api/v1/batches/{batch}/results")).json()
    first, second = results["items"]
    assert first == {
        "ok": True,
        "index": 0,
        "id": seen["runs"][0],
        "taskIdentifier": "echo",
        "status": "COMPLETED",
        "output": '"first"',
        "outputType": "application/json",
    }
    assert (second["ok"], second["index"], second["error"]["message"]) == (False, 1, "no luck")
    assert results["pagination"] == {}


async def test_runs_are_listed_by_their_batch(api: Api):
    batch = await batch_of(api, item(0), item(1))

    answer = await api.get("/api/v1/runs", params={"filter[batch]": batch})
    assert {run["id"] for run in answer.json()["data"]} == set((await shown(api, batch))["runs"])


async def test_a_stream_that_was_cut_is_sent_again(api: Api):
    batch = await create(api, 3)

    first = (await send(api, batch, lines([item(0), item(1)]))).json()
    assert (first["itemsAccepted"], first["sealed"]) == (2, False)
    again = (await send(api, batch, lines(map(item, range(3))))).json()
    assert (again["itemsAccepted"], again["itemsDeduplicated"], again["sealed"]) == (1, 2, True)
    late = (await send(api, batch, lines(map(item, range(3))))).json()
    assert (late["itemsAccepted"], late["itemsDeduplicated"], late["sealed"]) == (0, 0, True)
    assert len((await shown(api, batch))["runs"]) == 3


async def test_a_stream_without_a_length_is_stored_in_groups_as_it_comes(api: Api):
    batch = await create(api, 1000)
    stored = []

    async def body() -> AsyncIterator[bytes]:
        for index in range(1000):
            if index in (500, 501):
                stored.append(len((await shown(api, batch))["runs"]))
            yield lines([item(index)])

    answer = await api.http.post(
        f"{BATCHES}/{batch}/items",
        content=body(),
        headers={**LINES, "authorization": f"Bearer {api.environment.key}"},
    )
    assert answer.json()["itemsAccepted"] == 1000
    assert stored[-1] in (0, 500)
    assert len((await shown(api, batch))["runs"]) == 1000


async def test_an_empty_stream_says_what_is_missing(api: Api):
    batch = await create(api, 1)

    answer = await send(api, batch, b"")
    assert (answer.json()["sealed"], answer.json()["expectedCount"]) == (False, 1)


@pytest.mark.parametrize(
    ("line", "status", "message"),
    [
        (b'{"index":1,"task":', 400, "Item 1 is no JSON: Invalid JSON: EOF while parsing"),
        (b"[", 400, "Line 2 is no JSON"),
        (lines([{"index": 1}]), 422, "Item 1 can't be triggered: task: Field required"),
        (
            lines([{"index": -1, "task": "a"}]),
            422,
            "Line 2 can't be triggered: index: Input should",
        ),
        (
            lines([item(1, options={"tags": TOO_MANY})]),
            422,
            "Item 1 can't be triggered: options.tags",
        ),
        (lines([item(1, options={"maxAttempts": 0})]), 422, "Item 1 can't be triggered: options.maxAttempts"),
        (lines([item(7)]), 422, "Item 7 is one too many: the batch was made for 2, with indexes from 0 to 1"),
    ],
)
async def test_a_malformed_item_is_named_and_the_group_is_not_stored(
    api: Api, line: bytes, status: int, message: str
):
    batch = await create(api, 2)

    answer = await send(api, batch, lines([item(0)]) + line)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"].startswith(message), answer.text
    assert (await shown(api, batch))["runs"] == []


async def test_an_item_whose_option_means_nothing_is_a_failed_item(api: Api):
    batch = await create(api, 2)

    answer = await send(api, batch, lines([item(0, options={"delay": "soon"}), item(1)]))
    assert answer.json()["sealed"]
    seen = await shown(api, batch)
    (error,) = seen["processing"]["errors"]
    assert (error["index"], error["taskIdentifier"], error["errorCode"]) == (0, "echo", "bad_option")
    assert "Option delay can't be 'soon'" in error["error"]
    assert len(seen["runs"]) == 1


async def test_an_item_that_is_too_large_is_a_failed_item(api: Api):
    batch = await create(api, 2)
    large = lines([item(0, payload="x" * 3_200_000)])

    answer = await send(api, batch, large + lines([item(1)]))
    assert answer.status_code == 200, answer.text
    (error,) = (await shown(api, batch))["processing"]["errors"]
    assert (error["index"], error["errorCode"]) == (0, "PAYLOAD_TOO_LARGE")
    assert "the limit is 3145728" in error["error"]


async def test_a_large_item_that_does_not_say_its_index_first_is_refused(api: Api):
    batch = await create(api, 1)
    line = b'{"payload":"' + b"x" * 3_200_000 + b'","index":0,"task":"echo"}'

    answer = await send(api, batch, line)
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("Line 1 is 3200")


async def test_items_must_be_lines_of_json(api: Api):
    batch = await create(api, 1)

    answer = await api.post(f"{BATCHES}/{batch}/items", item(0))
    assert answer.status_code == 415
    assert answer.json()["error"] == (
        "The body is 'application/json'; send application/x-ndjson: one JSON object on each line."
    )


@pytest.mark.parametrize("count", [0, -1, 1001, "many"])
async def test_a_count_that_cannot_be_is_refused(api: Api, count: Any):
    answer = await api.post(BATCHES, {"runCount": count})

    assert answer.status_code == 400
    assert answer.json()["error"].startswith("Validation error: runCount: Input should be")


async def test_batches_that_are_not_there(api: Api, prod_key: str):
    batch = await create(api, 1)

    assert (await send(api, "batch_x", lines([item(0)]))).status_code == 422
    assert (await api.get("/api/v2/batches/batch_x")).status_code == 404
    assert (await api.get("/api/v1/batches/batch_x/results")).status_code == 404
    assert (await api.get(f"/api/v2/batches/{batch}", token=prod_key)).status_code == 404


async def test_a_batch_that_was_given_up_takes_no_items(api: Api):
    batch = await create(api, 2)
    await send(api, batch, lines([item(0)]))
    api.clock.forward("30m")
    await api.engine.timers.run_once()

    assert (await shown(api, batch))["status"] == "ABORTED"
    for answer in (
        await send(api, batch, lines([item(1)])),
        await api.get(f"/api/v1/batches/{batch}/results"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (422, "batch_closed")


async def test_a_key_gives_the_same_batch_and_says_when_nothing_is_left_to_send(api: Api):
    body = {"runCount": 1, "idempotencyKey": "k" * 64, "idempotencyKeyOptions": {"key": "k", "scope": "run"}}
    first = (await api.post(BATCHES, body)).json()
    again = (await api.post(BATCHES, body)).json()
    assert (again["id"], again["isCached"], again["idempotencyKey"]) == (first["id"], False, "k")

    await send(api, first["id"], lines([item(0)]))
    last = (await api.post(BATCHES, body)).json()
    assert (last["id"], last["isCached"], last["received"]) == (first["id"], True, 1)


async def test_a_request_that_is_repeated_makes_one_batch(api: Api):
    headers = {"x-trigger-request-idempotency-key": "r1"}
    made = [(await api.post(BATCHES, {"runCount": 1}, headers=headers)).json()["id"] for _ in range(2)]

    assert made[0] == made[1]


async def test_a_token_needs_every_task(api: Api):
    token = sign(api, "batchTrigger:tasks:echo")

    assert (
        await api.post(BATCHES, {"runCount": 1, "taskIdentifiers": ["echo"]}, token=token)
    ).status_code == 202
    for tasks in (["echo", "other"], None):
        answer = await api.post(BATCHES, {"runCount": 1, "taskIdentifiers": tasks}, token=token)
        assert answer.status_code == 403, answer.text
    whole = sign(api, "batchTrigger:tasks")
    assert (await api.post(BATCHES, {"runCount": 1}, token=whole)).status_code == 202


async def test_a_token_fills_only_what_it_may(api: Api):
    batch = await create(api, 3)

    of_task = sign(api, "batchTrigger:tasks:echo")
    assert (await send(api, batch, lines([item(0)]), token=of_task)).status_code == 200
    assert (await send(api, batch, lines([item(1, task="other")]), token=of_task)).status_code == 403
    of_batch = sign(api, f"write:batch:{batch}")
    assert (await send(api, batch, lines([item(1, task="other")]), token=of_batch)).status_code == 200
    assert (await send(api, batch, lines([item(2)]), token=sign(api, "read:runs"))).status_code == 403


async def test_a_browser_is_given_a_token_that_fills_the_batch(api: Api):
    token = sign(api, "batchTrigger:tasks:echo")
    answer = await api.post(
        BATCHES,
        {"runCount": 1, "taskIdentifiers": ["echo"]},
        token=token,
        headers={"x-trigger-client": "browser", "origin": "https://shop.example"},
    )
    given, batch = answer.headers["x-trigger-jwt"], answer.json()["id"]
    assert "x-trigger-jwt" in answer.headers["access-control-expose-headers"]

    assert (await send(api, batch, lines([item(0)]), token=given)).json()["sealed"]
    assert (await api.get(f"/api/v2/batches/{batch}", token=given)).status_code == 200
    (run,) = (await shown(api, batch))["runs"]
    assert (await api.get(f"/api/v3/runs/{run}", token=given)).status_code == 200
    assert (await api.get("/api/v2/batches/batch_other", token=given)).status_code == 403


async def test_a_one_time_token_makes_one_batch(api: Api):
    token = sign(api, "batchTrigger:tasks:echo", otu=True)
    body = {"runCount": 1, "taskIdentifiers": ["echo"]}

    assert (await api.post(BATCHES, body, token=token)).status_code == 202
    assert (await api.post(BATCHES, body, token=token)).status_code == 422


async def test_a_token_needs_the_parent_too(api: Api):
    run = await api.trigger()
    token = sign(api, "batchTrigger:tasks:echo")
    body = {"runCount": 1, "taskIdentifiers": ["echo"], "parentRunId": run}

    assert (await api.post(BATCHES, body, token=token)).status_code == 403
    both = sign(api, "batchTrigger:tasks:echo", f"write:runs:{run}")
    assert (await api.post(BATCHES, body, token=both)).status_code == 202


async def test_runs_tell_how_they_were_triggered(api: Api):
    parent = await api.trigger()
    batch = await create(api, 1, parentRunId=parent, resumeParentOnCompletion=True)
    await send(api, batch, lines([item(0)]))

    run = await api.run((await shown(api, batch))["runs"][0])
    assert (run["triggerFunction"], run["batchId"]) == ("batchTriggerAndWait", batch)
    assert run["relatedRuns"]["parent"]["id"] == parent


async def test_cancel_ends_what_has_not_ended(api: Api):
    batch = await batch_of(api, item(0), item(1))

    answer = await api.post(f"/api/v2/batches/{batch}/cancel")
    assert answer.json() == {"id": batch, "canceled": 2}
    await api.engine.batch_watch.run_once()
    assert (await shown(api, batch))["status"] == "COMPLETED"


async def test_results_come_in_pages(api: Api):
    worker = await api.worker()
    batch = await batch_of(api, *map(item, range(3)))
    for _ in range(3):
        await worker.complete()
    await api.engine.batch_watch.run_once()

    path = f"/api/v1/batches/{batch}/results"
    first = (await api.get(path, params={"page[size]": 2})).json()
    assert [one["index"] for one in first["items"]] == [0, 1]
    rest = (await api.get(path, params={"page[size]": 2, "page[after]": first["pagination"]["next"]})).json()
    assert [one["index"] for one in rest["items"]] == [2]
    assert "next" not in rest["pagination"]


async def test_an_item_that_became_no_run_has_a_result_that_says_so(api: Api):
    batch = await batch_of(api, item(0, options={"delay": "soon"}))
    await api.engine.batch_watch.run_once()

    (result,) = (await api.get(f"/api/v1/batches/{batch}/results")).json()["items"]
    assert (result["ok"], result["id"], result["error"]["code"]) == (
        False,
        "",
        "BATCH_ITEM_COULD_NOT_TRIGGER",
    )
    assert "delay" in result["error"]["message"]


async def test_batches_in_one_request_as_older_clients_send_them(api: Api):
    items = [{"task": "echo", "payload": {"n": n}, "options": {"tags": ["t"]}} for n in range(2)]

    answer = await api.post("/api/v2/tasks/batch", {"items": items})
    assert (answer.status_code, answer.json()["runCount"]) == (202, 2)
    seen = await shown(api, answer.json()["id"])
    assert [(await api.run(run))["payload"] for run in seen["runs"]] == [{"n": 0}, {"n": 1}]

    answer = await api.post("/api/v1/tasks/batch", {"items": items})
    runs = answer.json()["runs"]
    assert [run["taskIdentifier"] for run in runs] == ["echo", "echo"]
    assert (await api.run(runs[0]["id"]))["batchId"] == answer.json()["id"]

    answer = await api.post("/api/v1/tasks/ns%2Fecho/batch", {"items": [{"payload": 1}]})
    (run,) = answer.json()["runs"]
    assert (await api.run(run))["taskIdentifier"] == "ns/echo"
    assert (await api.run(run))["batchId"] == answer.json()["batchId"]


async def test_a_batch_in_one_request_has_a_limit(api: Api):
    for path in ("/api/v2/tasks/batch", "/api/v1/tasks/batch", "/api/v1/tasks/echo/batch"):
        for items in ([], [{"task": "echo"}] * 501):
            answer = await api.post(path, {"items": items})
            assert answer.status_code == 400
            assert answer.json()["error"].startswith("Validation error: items: List should have at")
