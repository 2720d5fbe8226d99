"""POST /api/v1/tasks/{task}/trigger."""

import json

import jwt
import pytest

from tests.server.api import Api

TRIGGER = "/api/v1/tasks/echo/trigger"


async def test_a_trigger_answers_with_the_run_and_a_token_to_read_it(api: Api):
    answer = await api.post(TRIGGER, {"payload": {"a": 1}})

    run = answer.json()["id"]
    assert answer.status_code == 200
    assert answer.json() == {"id": run, "isCached": False}
    token = answer.headers["x-trigger-jwt"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["sub"] == api.environment.id
    assert claims["scopes"] == [f"read:runs:{run}", f"write:inputStreams:{run}"]
    assert claims["exp"] - claims["iat"] == 3600
    assert (await api.get(f"/api/v3/runs/{run}", token=token)).status_code == 200


async def test_the_task_id_is_one_encoded_segment(api: Api):
    answer = await api.post("/api/v1/tasks/ns%2Fhe%20llo/trigger", {})

    assert (await api.run(answer.json()["id"]))["taskIdentifier"] == "ns/he llo"


async def test_options_are_kept(api: Api):
    run = await api.run(
        await api.trigger(
            payload={"n": 1},
            queue={"name": "mine"},
            concurrencyKey=7,
            delay="1h",
            ttl="90m",
            tags=["a", "b"],
            maxAttempts=3,
            maxDuration=60,
            metadata={"m": {"deep": None}},
            machine="small-2x",
            priority=5,
            region="eu",
            test=True,
            idempotencyKey="f" * 64,
            idempotencyKeyOptions={"key": "mine", "scope": "global"},
            somethingNewer="ignored",
        )
    )

    shown = {
        "status": "DELAYED",
        "queue": "mine",
        "concurrencyKey": "7",
        "ttl": "1h30m",
        "tags": ["a", "b"],
        "maxAttempts": 3,
        "metadata": {"m": {"deep": None}},
        "machine": "small-2x",
        "priority": 5,
        "region": "eu",
        "isTest": True,
        "idempotencyKey": "mine",
        "payload": {"n": 1},
        "isQueued": True,
        "isCompleted": False,
    }
    assert {name: run[name] for name in shown} == shown
    assert run["delayedUntil"].startswith("2026-01-01T01:00:00")
    assert "finishedAt" not in run


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ({"payload": "x", "options": {"payloadType": "text/plain"}}, "x"),
        (
            {
                "payload": '{"json":{"d":"1970"},"meta":{"values":{"d":["Date"]}}}',
                "options": {"payloadType": "application/super+json"},
            },
            {"d": "1970"},
        ),
        ({"payload": [1, None, {"ü": "😀"}]}, [1, None, {"ü": "😀"}]),
        ({"payload": "\0 and \\u0000"}, "\0 and \\u0000"),
        ({"payload": 12345678901234567890123}, 12345678901234567890123),
        ({"payload": 0.1}, 0.1),
        ({"payload": False}, False),
        ({"payload": ""}, ""),
    ],
)
async def test_a_payload_comes_back_as_it_was(api: Api, body: dict, shown: object):
    answer = await api.post(TRIGGER, body)

    assert (await api.run(answer.json()["id"]))["payload"] == shown


async def test_no_payload_is_no_payload(api: Api):
    answer = await api.post(TRIGGER, {"options": {"payloadType": "application/json", "payloadSize": 0}})

    assert "payload" not in await api.run(answer.json()["id"])


async def test_the_same_request_twice_makes_one_run(api: Api):
    headers = {"x-trigger-request-idempotency-key": "4b2d"}
    first = await api.post(TRIGGER, {"payload": 1}, headers=headers)
    second = await api.post(TRIGGER, {"payload": 1}, headers=headers)

    assert second.json() == {"id": first.json()["id"], "isCached": False}


async def test_the_same_key_gives_the_same_run(api: Api):
    body = {"payload": 1, "options": {"idempotencyKey": "k"}}
    first = await api.post(TRIGGER, body)
    second = await api.post(TRIGGER, body)

    assert second.json() == {"id": first.json()["id"], "isCached": True}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "Request body is empty"),
        (b"{", "Invalid JSON"),
        (b"\xff\xfe", "Invalid JSON"),
        (b'{"payload":"\\ud800"}', "Invalid JSON"),
        (b"[]", "Validation error"),
        (json.dumps({"options": {"maxAttempts": 0}}).encode(), "options.maxAttempts"),
        (json.dumps({"options": {"machine": "huge"}}).encode(), "options.machine"),
        (json.dumps({"options": {"tags": ["t"] * 11}}).encode(), "options.tags"),
        (json.dumps({"options": {"tags": ["t" * 129]}}).encode(), "options.tags"),
        (json.dumps({"options": {"idempotencyKey": "k" * 2049}}).encode(), "options.idempotencyKey"),
        (json.dumps({"options": {"queue": {"name": ""}}}).encode(), "options.queue.name"),
        (json.dumps({"options": {"delay": "soon"}}).encode(), "delay"),
        (json.dumps({"options": {"ttl": "-5"}}).encode(), "ttl"),
        (json.dumps({"options": {"priority": 1e300}}).encode(), "priority"),
        (json.dumps({"payload": {"a": 1}, "options": {"payloadType": "text/plain"}}).encode(), "payload"),
        (json.dumps({"options": {"metadata": [1]}}).encode(), "metadata"),
        (json.dumps({"options": {"tags": ["\0"]}}).encode(), "tags"),
        (json.dumps({"options": {"region": "\0"}}).encode(), "region"),
        (json.dumps({"options": {"parentRunId": "run_nope"}}).encode(), "parent"),
        (json.dumps({"options": {"lockToVersion": "20200101.1"}}).encode(), "version"),
    ],
)
async def test_what_can_not_be_understood_is_named(api: Api, body: bytes, told: str):
    answer = await api.post(TRIGGER, body)

    assert answer.status_code in (400, 422)
    assert told in answer.json()["error"]
    assert (await api.get("/api/v1/runs")).json()["data"] == []


async def test_a_task_id_that_no_run_can_have_is_refused(api: Api):
    assert (await api.post(f"/api/v1/tasks/{'x' * 129}/trigger", {})).status_code == 400


async def test_a_body_over_the_limit_is_refused(api: Api):
    answer = await api.post(TRIGGER, {"payload": "x" * 3 * 1024 * 1024})

    assert answer.status_code == 413
    assert answer.json()["code"] == "too_large"
    assert answer.json()["error"].startswith("Request body too large: it is 31457")
    assert "the limit is 3145728. Keep large data elsewhere" in answer.json()["error"]


async def test_a_chunked_body_over_the_limit_is_refused_too(api: Api):
    async def chunks():
        for _ in range(40):
            yield b"x" * 100_000

    answer = await api.http.post(
        TRIGGER, content=chunks(), headers={"authorization": f"Bearer {api.environment.key}"}
    )

    assert answer.status_code == 413


async def test_a_chunked_body_within_the_limit_is_read(api: Api):
    async def chunks():
        yield b'{"payl'
        yield b'oad": 1}'

    answer = await api.http.post(
        TRIGGER, content=chunks(), headers={"authorization": f"Bearer {api.environment.key}"}
    )

    assert (await api.run(answer.json()["id"]))["payload"] == 1
