"""Queues over HTTP: shown as the official client asks for them, paused, limited; what can't be is told."""

from typing import Any

import httpx
import pytest

from perdure.server import tokens
from tests.server.api import Api

QUEUES = "/api/v1/queues"


async def connect(api: Api, *queues: dict[str, Any]) -> None:
    """Connect a worker with task `echo`, whose queue is its own, and these queues."""
    task = {"id": "echo", "filePath": "t.py", "line": 1, "name": "echo", "queue": {"name": "task/echo"}}
    hello = {
        "name": "w", "host": "h", "pid": 1, "pythonVersion": "3.11.7", "perdureVersion": "0.1.0",
        "concurrency": 10, "codeHash": "1", "tasks": [task], "queues": list(queues),
    }  # fmt: skip
    answer = await api.post("/worker/v1/connect", hello)
    assert answer.status_code == 200, answer.text


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


async def test_a_queue_is_shown_with_nulls_where_it_has_no_limit(api: Api):
    await connect(api)
    await api.trigger()

    shown = (await api.get(f"{QUEUES}/echo", params={"type": "task"})).json()

    assert shown.pop("id").startswith("queue_")
    assert shown == {
        "name": "echo",
        "type": "task",
        "running": 0,
        "queued": 1,
        "paused": False,
        "concurrencyLimit": None,
        "concurrency": {
            "current": None,
            "base": None,
            "override": None,
            "overriddenAt": None,
            "overriddenBy": None,
        },
        "totalLimit": None,
        "rateLimit": None,
        "pausedAt": None,
    }


async def test_a_queue_is_found_by_id_by_name_and_by_a_name_with_a_slash(api: Api):
    await connect(api, {"name": "a/b"}, {"name": "mail"})

    slashed = (await api.get(f"{QUEUES}/a%252Fb", params={"type": "custom"})).json()
    by_id = (await api.get(f"{QUEUES}/{slashed['id']}")).json()
    by_name = (await api.get(f"{QUEUES}/mail")).json()

    assert (slashed["name"], by_id["name"], by_name["name"]) == ("a/b", "a/b", "mail")


async def test_queues_are_listed_by_page(api: Api):
    await connect(api, {"name": "a"}, {"name": "b"})

    first = (await api.get(QUEUES, params={"perPage": 2})).json()
    second = (await api.get(QUEUES, params={"page": 2, "perPage": 2})).json()

    assert [queue["name"] for queue in first["data"] + second["data"]] == ["a", "b", "echo"]
    assert first["pagination"] == {"currentPage": 1, "totalPages": 2, "count": 3}


async def test_a_queue_is_paused_and_resumed(api: Api):
    await connect(api, {"name": "mail"})

    paused = (await api.post(f"{QUEUES}/mail/pause", {"type": "custom", "action": "pause"})).json()
    resumed = (await api.post(f"{QUEUES}/mail/pause", {"type": "custom", "action": "resume"})).json()

    assert (paused["paused"], resumed["paused"], resumed["pausedAt"]) == (True, False, None)
    assert paused["pausedAt"] is not None


async def test_a_limit_is_overridden_and_reset(api: Api):
    await connect(api, {"name": "mail", "concurrencyLimit": 5})

    body = {"type": "custom", "concurrencyLimit": 0}
    changed = (await api.post(f"{QUEUES}/mail/concurrency/override", body)).json()
    reset = (await api.post(f"{QUEUES}/mail/concurrency/reset", {"type": "custom"})).json()

    given = changed["concurrency"]
    assert (changed["concurrencyLimit"], given["current"], given["base"], given["override"]) == (0, 0, 5, 0)
    assert given["overriddenAt"] is not None
    assert (reset["concurrencyLimit"], reset["concurrency"]["override"]) == (5, None)


async def test_limits_and_rates_of_the_code_are_shown_and_so_are_the_keys_that_wait(api: Api):
    rate = {"limit": 100, "periodMs": 60000, "perKey": True}
    await connect(api, {"name": "mail", "totalLimit": 9, "rateLimit": rate})
    for key in ("ada", "ada", "bob"):
        await api.trigger(queue={"name": "mail"}, concurrencyKey=key)

    shown = (await api.get(f"{QUEUES}/mail/keys", params={"limit": 1})).json()

    assert (shown["queue"]["totalLimit"], shown["queue"]["rateLimit"]) == (9, {**rate, "burst": 1})
    assert [(key["key"], key["queued"], key["running"]) for key in shown["keys"]] == [("ada", 2, 0)]
    assert shown["oldestAt"] == shown["keys"][0]["oldestAt"]


async def test_the_environment_is_shown_limited_and_paused(api: Api):
    await connect(api)
    await api.trigger()
    path = "/api/v1/environment"

    shown = (await api.get(path)).json()
    body = {"concurrencyLimit": 4, "burstFactor": 1.5}
    limited = (await api.post(f"{path}/concurrency", body)).json()
    paused = (await api.post(f"{path}/pause", {"action": "pause"})).json()
    resumed = (await api.post(f"{path}/pause", {"action": "resume"})).json()
    free = (await api.post(f"{path}/concurrency", {"concurrencyLimit": None})).json()

    assert (shown["concurrencyLimit"], shown["burstFactor"], shown["queued"]) == (None, 1.0, 1)
    assert (limited["concurrencyLimit"], limited["burstFactor"]) == (4, 1.5)
    assert (paused["paused"], resumed["paused"]) == (True, False)
    assert (free["concurrencyLimit"], free["burstFactor"]) == (None, 1.5)


async def test_an_unknown_queue_is_told_with_the_nearest_name(api: Api):
    await connect(api, {"name": "mail"})

    for answer in (
        await api.get(f"{QUEUES}/mial", params={"type": "custom"}),
        await api.post(f"{QUEUES}/mial/pause", {"type": "custom", "action": "pause"}),
        await api.post(f"{QUEUES}/mial/concurrency/override", {"type": "custom", "concurrencyLimit": 1}),
        await api.post(f"{QUEUES}/mial/concurrency/reset", {"type": "custom"}),
    ):
        assert told(answer) == (404, "There is no queue mial; did you mean mail?")


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("mail/concurrency/override", {"concurrencyLimit": -1}, "concurrencyLimit"),
        ("mail/concurrency/override", {"concurrencyLimit": 100_001}, "concurrencyLimit"),
        ("mail/concurrency/override", {}, "concurrencyLimit"),
        ("mail/pause", {"action": "stop"}, "'pause' or 'resume'"),
        ("mail/pause", {"action": "pause", "type": "other"}, "'id', 'task' or 'custom'"),
    ],
)
async def test_a_request_that_can_not_be_is_refused(api: Api, path: str, body: Any, message: str):
    await connect(api, {"name": "mail"})
    status, error = told(await api.post(f"{QUEUES}/{path}", body))

    assert status == 400
    assert message in error


async def test_a_concurrency_key_has_a_greatest_length(api: Api):
    await connect(api)
    options = {"concurrencyKey": "x" * 513}

    status, error = told(await api.post("/api/v1/tasks/echo/trigger", {"options": options}))

    assert status == 400
    assert "options.concurrencyKey" in error
    assert "512" in error


async def test_a_public_token_reads_the_queue_it_names_and_changes_none(api: Api):
    await connect(api, {"name": "mail"}, {"name": "other"})
    environment = api.environment
    now = api.clock.now()
    token = tokens.sign(environment.id, environment.key, ["read:queues:mail"], now=now, seconds=60)

    seen = await api.get(f"{QUEUES}/mail", token=token)
    other = await api.get(f"{QUEUES}/other", token=token)
    change = await api.post(f"{QUEUES}/mail/pause", {"action": "pause"}, token=token)

    assert (seen.status_code, other.status_code, change.status_code) == (200, 403, 401)


async def test_the_ttl_of_the_environment_is_set_while_the_server_runs(api: Api):
    path = "/api/v1/environment"

    given = (await api.call("PUT", f"{path}/ttl", {"ttl": "1h30m"})).json()
    assert (given["defaultTtl"], given["defaultTtlOverride"]) == ("1h30m", "1h30m")
    assert (await api.run(await api.trigger()))["ttl"] == "1h30m"

    never = (await api.call("PUT", f"{path}/ttl", {"ttl": 0})).json()
    assert (never["defaultTtl"], never["defaultTtlOverride"]) == (None, "0s")
    reset = (await api.call("PUT", f"{path}/ttl", {"ttl": None})).json()
    assert reset["defaultTtlOverride"] is None

    for wrong in ({"ttl": "soon"}, {"ttl": -1}, {}):
        assert (await api.call("PUT", f"{path}/ttl", wrong)).status_code == 400
