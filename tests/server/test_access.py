"""Who may call what."""

import re
from typing import Any

import httpx
import pytest

from perdure.wire.endpoint import Audience, Endpoint
from perdure.wire.endpoints import ENDPOINTS
from perdure.wire.realtime import EVENTS
from tests.server.api import Api, sign

FORBIDDEN = {
    "error": "Unauthorized",
    "code": "unauthorized",
    "param": "access_token",
    "type": "authorization",
}

LOCKED = [endpoint for endpoint in ENDPOINTS if endpoint.audience is not Audience.OPEN]
PUBLIC = [endpoint for endpoint in ENDPOINTS if endpoint.audience is Audience.PUBLIC]
ENDING = [endpoint for endpoint in PUBLIC if endpoint.answers != EVENTS]
"""Those that answer and end; the tests of realtime and of streams say who may watch."""
SECRET = [endpoint for endpoint in ENDPOINTS if endpoint.audience in (Audience.SECRET, Audience.WORKER)]


def named(endpoint: Endpoint) -> str:
    return endpoint.name


QUERIES = {"watchTags": "?tags=user:7"}

BODIES: dict[str, dict[str, Any]] = {
    "addBatchItems": {"index": 0, "task": "echo"},
    "createBatch": {"runCount": 1},
    "triggerBatch": {"items": [{"task": "echo"}]},
    "triggerBatchV1": {"items": [{"task": "echo"}]},
    "triggerTaskBatch": {"items": [{}]},
}
"""What endpoints take; the others take an object with a task identifier."""


def url(endpoint: Endpoint, **known: str) -> str:
    names = re.findall(r"{(\w+)}", endpoint.path)
    return endpoint.url(**{name: known.get(name, "echo") for name in names})


async def ask(api: Api, endpoint: Endpoint, token: str) -> httpx.Response:
    """Call an endpoint as it is meant to be called, about a run or a batch that is there."""
    run = await api.trigger(delay="1h")
    batch = (await api.post("/api/v3/batches", {"runCount": 1})).json()["id"]
    path = url(endpoint, run=run, batch=batch) + QUERIES.get(endpoint.name, "")
    body = BODIES.get(endpoint.name, {"taskIdentifier": "echo"}) if endpoint.method == "POST" else None
    headers = {"content-type": endpoint.media_type}
    return await api.call(endpoint.method, path, body, token=token, headers=headers)


@pytest.mark.parametrize("endpoint", LOCKED, ids=named)
async def test_without_a_key_nothing_is_told(api: Api, endpoint: Endpoint):
    answer = await api.call(endpoint.method, url(endpoint), token="")

    assert answer.status_code == 401
    assert answer.json()["error"] == "Invalid or Missing API key"


@pytest.mark.parametrize("endpoint", LOCKED, ids=named)
async def test_with_a_wrong_key_nothing_is_told(api: Api, endpoint: Endpoint):
    answer = await api.call(endpoint.method, url(endpoint), token="tr_dev_ffffffffffffffffffffffff")

    assert answer.status_code == 401
    assert answer.json()["error"] == "Invalid API key"


@pytest.mark.parametrize(
    "credentials", ["Basic dXNlcjpwYXNz", "Bearer", "Bearer  ", "bearer pk_dev_x", "tr_dev_x"]
)
async def test_what_is_no_bearer_key_is_refused(api: Api, credentials: str):
    answer = await api.get("/api/v1/whoami", token="", headers={"authorization": credentials})

    assert answer.status_code == 401


@pytest.mark.parametrize("endpoint", SECRET, ids=named)
async def test_a_token_never_opens_what_takes_a_secret_key(api: Api, endpoint: Endpoint):
    answer = await api.call(endpoint.method, url(endpoint), token=sign(api, "admin"))

    assert answer.status_code == 401


@pytest.mark.parametrize("endpoint", PUBLIC, ids=named)
async def test_a_token_without_the_scope_is_forbidden(api: Api, endpoint: Endpoint):
    answer = await ask(api, endpoint, sign(api, "read:waitpoints:x"))

    assert answer.status_code == 403
    assert answer.json().items() >= FORBIDDEN.items()


@pytest.mark.parametrize("endpoint", ENDING, ids=named)
async def test_an_admin_token_may_do_all_that_tokens_may(api: Api, endpoint: Endpoint):
    await api.trigger(idempotencyKey="echo", delay="1h")

    answer = await ask(api, endpoint, sign(api, "admin"))

    # The run and the batch have not ended, there is no such waitpoint, queue or span: it may be told so.
    is_missing = endpoint.name in ("runResult", "batchResults", "completeToken", "retrieveQueue", "runSpan")
    assert answer.status_code == (404 if is_missing else endpoint.status), answer.text


@pytest.mark.parametrize(
    "scope", ["read:runs:{run}", "read:runs", "read:tasks:echo", "read:tags:user:7", "read:all"]
)
async def test_a_run_is_read_by_its_id_its_task_or_its_tag(api: Api, scope: str):
    run = await api.trigger(tags=["user:7"])

    answer = await api.get(f"/api/v3/runs/{run}", token=sign(api, scope.format(run=run)))

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "scope", ["read:runs:run_other", "read:tasks:other", "read:tags:user", "write:runs", "read"]
)
async def test_another_scope_does_not_read_it(api: Api, scope: str):
    run = await api.trigger(tags=["user:7"])

    answer = await api.get(f"/api/v3/runs/{run}", token=sign(api, scope))

    assert answer.status_code == 403


async def test_a_list_is_read_with_a_scope_for_each_task_it_filters_by(api: Api):
    token = sign(api, "read:tasks:a", "read:tasks:b")

    async def status(query: str) -> int:
        return (await api.get(f"/api/v1/runs{query}", token=token)).status_code

    assert await status("?filter%5BtaskIdentifier%5D=a%2Cb") == 200
    assert await status("?filter%5BtaskIdentifier%5D=a%2Cc") == 403
    assert await status("") == 403


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": "tr_dev_ffffffffffffffffffffffffffffffff"},
        {"sub": "env_nope"},
        {"iss": "https://example.com"},
        {"aud": "https://example.com"},
        {"exp": 1},
    ],
)
async def test_a_token_that_is_not_ours_is_invalid(api: Api, wrong: dict[str, Any]):
    answer = await api.get("/api/v1/runs", token=sign(api, "read:runs", **wrong))

    assert answer.status_code == 401
    assert answer.json()["error"] == "Public Access Token is invalid"


async def test_a_token_ends_with_its_time(api: Api):
    token = sign(api, "read:runs")
    assert (await api.get("/api/v1/runs", token=token)).status_code == 200

    api.clock.forward("15m")

    assert (await api.get("/api/v1/runs", token=token)).status_code == 401


async def test_a_token_that_names_a_parent_must_be_able_to_write_it(api: Api):
    parent = await api.trigger()
    body = {"options": {"parentRunId": parent}}
    path = "/api/v1/tasks/echo/trigger"

    refused = await api.post(path, body, token=sign(api, "trigger:tasks:echo"))
    taken = await api.post(path, body, token=sign(api, "trigger:tasks:echo", f"write:runs:{parent}"))

    assert (refused.status_code, taken.status_code) == (403, 200)


async def test_a_one_time_token_triggers_once(api: Api):
    token = sign(api, "trigger:tasks:echo", "trigger:tasks:other", otu=True)

    first = await api.post("/api/v1/tasks/echo/trigger", {}, token=token)
    second = await api.post("/api/v1/tasks/other/trigger", {}, token=token)

    assert first.status_code == 200
    assert second.status_code == 422
    assert second.json()["error"] == (
        "Cannot trigger other with a one-time use token as it has already been used."
    )


async def test_a_one_time_token_survives_a_request_that_was_sent_twice(api: Api):
    token = sign(api, "trigger:tasks:echo", otu=True)
    headers = {"x-trigger-request-idempotency-key": "4b2d"}

    first = await api.post("/api/v1/tasks/echo/trigger", {}, token=token, headers=headers)
    second = await api.post("/api/v1/tasks/echo/trigger", {}, token=token, headers=headers)

    assert first.json()["id"] == second.json()["id"]


async def test_a_one_time_token_is_not_spent_by_a_refused_trigger(api: Api):
    token = sign(api, "trigger:tasks:echo", otu=True)

    refused = await api.post("/api/v1/tasks/echo/trigger", {"options": {"delay": "soon"}}, token=token)
    taken = await api.post("/api/v1/tasks/echo/trigger", {}, token=token)

    assert (refused.status_code, taken.status_code) == (400, 200)


async def test_environments_do_not_see_each_other(api: Api, prod_key: str):
    run = await api.trigger(idempotencyKey="k", delay="1h")
    paths = {
        "GET": (f"/api/v3/runs/{run}", f"/api/v1/runs/{run}/result", f"/api/v1/runs/{run}/events"),
        "POST": (f"/api/v2/runs/{run}/cancel", f"/api/v1/runs/{run}/replay"),
    }

    for method, places in paths.items():
        for path in places:
            assert (await api.call(method, path, token=prod_key)).status_code == 404, path
    for path, body in {
        f"/api/v1/runs/{run}/reschedule": {"delay": "2h"},
        f"/api/v1/runs/{run}/tags": {"tags": ["t"]},
        "/api/v1/idempotencyKeys/k/reset": {"taskIdentifier": "echo"},
    }.items():
        assert (await api.post(path, body, token=prod_key)).status_code == 404, path
    assert (await api.get("/api/v1/runs", token=prod_key)).json()["data"] == []
    assert (await api.run(run))["status"] == "DELAYED"


async def test_a_worker_gets_the_runs_of_its_own_environment_only(api: Api, prod_key: str):
    worker = await api.worker("echo")
    await api.post("/api/v1/tasks/echo/trigger", {}, token=prod_key)

    assert (await worker.poll())["runs"] == []
    other = await api.post("/worker/v1/poll", {"workerId": worker.id, "slots": 1, "wait": 0}, token=prod_key)
    assert other.status_code == 404


async def test_claims_and_identity_name_the_environment(api: Api):
    claims = await api.post("/api/v1/auth/jwt/claims")
    identity = (await api.get("/api/v1/whoami")).json()

    assert claims.json() == {"sub": api.environment.id, "pub": True}
    assert (identity["slug"], identity["type"], identity["project"]) == ("dev", "dev", "tests")
    assert identity["time"].startswith("2026-01-01T00:00:00")
