"""Tokens over HTTP: made, shown, completed by key, public token or callback; the first answer counts."""

import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.server.api import Api

TOKENS = "/api/v1/waitpoints/tokens"


async def made(api: Api, **options: Any) -> dict[str, Any]:
    api.clock.forward(0.001)
    answer = await api.post(TOKENS, options)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def shown(api: Api, token: str) -> dict[str, Any]:
    answer = await api.get(f"{TOKENS}/{token}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_token_waits_until_it_is_completed(api: Api):
    token = await made(api, timeout="7d", tags=["a", "b"])
    before = await shown(api, token["id"])
    answer = await api.post(f"{TOKENS}/{token['id']}/complete", {"data": {"ok": True}})
    after = await shown(api, token["id"])

    assert (before["status"], before["tags"], "output" in before) == ("WAITING", ["a", "b"], False)
    assert answer.json() == {"success": True}
    assert (after["status"], json.loads(after["output"]), after["outputIsError"], after["completedBy"]) == (
        "COMPLETED",
        {"ok": True},
        False,
        "key",
    )


async def test_the_first_answer_counts(api: Api):
    token = await made(api)
    await api.post(f"{TOKENS}/{token['id']}/complete", {"data": 1})
    second = await api.post(f"{TOKENS}/{token['id']}/complete", {"data": 2})

    assert (second.status_code, second.json()) == (200, {"success": True})
    assert (await shown(api, token["id"]))["output"] == "1"


async def test_whoever_has_the_callback_url_may_complete_the_token(api: Api):
    token = await made(api)
    path = urlsplit(token["url"]).path
    answer = await api.http.post(path, content=b'["yes"]')

    assert answer.status_code == 200
    assert (await shown(api, token["id"]))["output"] == '["yes"]'
    assert (await shown(api, token["id"]))["completedBy"] == "callback"


async def test_a_callback_that_is_no_json_completes_with_an_empty_object(api: Api):
    token = await made(api)
    await api.http.post(urlsplit(token["url"]).path, content=b"yes=1")

    assert (await shown(api, token["id"]))["output"] == "{}"


async def test_a_callback_with_another_signature_is_refused(api: Api):
    token = await made(api)
    answer = await api.http.post(f"{TOKENS}/{token['id']}/callback/{'0' * 64}", content=b"1")

    assert answer.status_code == 404
    assert (await shown(api, token["id"]))["status"] == "WAITING"


async def test_the_public_token_of_the_answer_completes_this_token_only(api: Api):
    created = await api.post(TOKENS, {})
    other = await made(api)
    bearer = {"authorization": f"Bearer {created.headers['x-trigger-jwt']}"}
    own = f"{TOKENS}/{created.json()['id']}/complete"
    mine = await api.http.post(own, content=b"{}", headers=bearer)
    theirs = await api.http.post(f"{TOKENS}/{other['id']}/complete", content=b"{}", headers=bearer)

    assert (mine.status_code, theirs.status_code) == (200, 403)
    assert (await shown(api, created.json()["id"]))["completedBy"] == "public token"


async def test_an_idempotency_key_gives_the_same_token_until_its_time_is_over(api: Api):
    first = await made(api, idempotencyKey="k", idempotencyKeyTTL="60s")
    second = await made(api, idempotencyKey="k")
    api.clock.forward("61s")
    third = await made(api, idempotencyKey="k")

    assert (first["isCached"], second["isCached"], third["isCached"]) == (False, True, False)
    assert first["id"] == second["id"] != third["id"]


async def test_a_token_times_out(api: Api):
    token = await made(api, timeout="1h")
    api.clock.forward("1h")
    await api.engine.timers.run_once()
    late = await api.post(f"{TOKENS}/{token['id']}/complete", {"data": 1})
    after = await shown(api, token["id"])

    assert (late.status_code, after["status"], after["outputIsError"]) == (200, "TIMED_OUT", True)
    assert json.loads(after["output"])["code"] == "TRIGGER_WAITPOINT_TIMEOUT"


@pytest.mark.parametrize("timeout", ["0s", "soon", "2001-01-01T00:00:00Z"])
async def test_a_timeout_that_can_not_be_is_refused_by_name(api: Api, timeout: str):
    answer = await api.post(TOKENS, {"timeout": timeout})

    assert answer.status_code == 400
    assert "timeout" in answer.json()["error"]


async def test_tokens_are_listed_by_status_tag_and_key_in_pages(api: Api):
    ids = [(await made(api, tags=[f"t{n % 2}"], idempotencyKey=f"k{n}"))["id"] for n in range(5)]
    await api.post(f"{TOKENS}/{ids[0]}/complete", {})

    async def listed(query: str) -> list[str]:
        answer = await api.get(f"{TOKENS}?{query}")
        assert answer.status_code == 200, answer.text
        return [token["id"] for token in answer.json()["data"]]

    first = (await api.get(f"{TOKENS}?page[size]=2")).json()
    second = await api.get(f"{TOKENS}?page[size]=2&page[after]={first['pagination']['next']}")
    assert [t["id"] for t in first["data"] + second.json()["data"]] == ids[:0:-1]
    assert await listed("filter[status]=COMPLETED") == [ids[0]]
    assert await listed("filter[tags]=t1") == [ids[3], ids[1]]
    assert await listed("filter[idempotencyKey]=k2") == [ids[2]]


async def test_a_token_of_another_environment_is_not_there(api: Api, prod_key: str):
    token = await made(api)
    bearer = {"authorization": f"Bearer {prod_key}"}
    shown = await api.http.get(f"{TOKENS}/{token['id']}", headers=bearer)
    completed = await api.http.post(f"{TOKENS}/{token['id']}/complete", content=b"{}", headers=bearer)

    assert (shown.status_code, completed.status_code) == (404, 404)
