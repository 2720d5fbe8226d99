"""The official npm client's tokens, unchanged: a server process, and Python tasks that wait for them."""

import pytest

from tests.support.official_client import Told

pytestmark = pytest.mark.slow

CASES = "tokens.mjs"


def test_a_task_waits_for_a_token_of_the_client_and_the_first_answer_counts(told: Told):
    case = told("a_token_that_a_task_waits_for")

    token, before, after = case["token"], case["before"], case["after"]
    assert token["id"].startswith("waitpoint_")
    assert token["isCached"] is False
    assert token["publicAccessToken"].count(".") == 2
    assert f"/api/v1/waitpoints/tokens/{token['id']}/callback/" in token["url"]
    assert (before["status"], before["url"], len(before["tags"])) == ("WAITING", token["url"], 1)
    assert before["timeoutAt"] > before["createdAt"]
    assert "output" not in before
    waiting = case["waiting"]
    assert (waiting["status"], waiting["isWaiting"], waiting["isCompleted"]) == ("WAITING", True, False)
    assert case["completed"] == case["again"] == {"success": True}
    assert (case["run"]["status"], case["run"]["output"]) == ("COMPLETED", "approved by node")
    assert (after["status"], after["output"]) == ("COMPLETED", {"approved": True, "by": "node"})
    assert "error" not in after


def test_the_client_finds_and_completes_the_token_of_a_task(told: Told):
    case = told("a_token_that_a_task_makes")

    assert (case["run"]["output"], case["waiting"]) == ("True by a list", [])


def test_a_browser_completes_the_one_token_it_was_given(told: Told):
    case = told("a_token_in_a_browser")

    assert (case["other"]["kind"], case["other"]["status"]) == ("PermissionDeniedError", 403)
    assert case["list"]["kind"] == "AuthenticationError"
    assert case["completed"] == {"success": True}
    assert case["run"]["output"] == "approved by a browser"


def test_whoever_has_the_url_of_a_token_completes_it(told: Told):
    case = told("a_token_by_its_url")

    assert (case["status"], case["told"]) == (200, {"success": True})
    assert case["run"]["output"] == "approved by a web hook"


def test_a_token_that_nobody_answers_is_an_error_for_the_task_and_for_the_client(told: Told):
    case = told("a_token_nobody_answers")

    assert (case["run"]["status"], case["run"]["error"]["name"]) == ("FAILED", "WaitTimeout")
    assert case["status"] == "TIMED_OUT"
    assert case["message"].startswith("Waitpoint timed out at ")
    assert "output" not in case


def test_tokens_are_listed_by_pages_with_every_filter(told: Told):
    case = told("list_of_tokens")

    newest_first = case["made"][::-1]
    assert case["all"] == case["paged"] == newest_first
    assert case["firstPage"] == newest_first[:2]
    assert case["waiting"] == newest_first[:2]
    assert case["completed"] == newest_first[2:]
    assert case["byTag"] == [case["made"][1]]
    assert case["createdIsDate"]
    assert case["one"]["status"] == "WAITING"
    assert case["first"]["id"] == case["second"]["id"]
    assert (case["first"]["isCached"], case["second"]["isCached"]) == (False, True)
    assert case["byKey"] == [case["first"]["id"]]


@pytest.mark.parametrize(
    ("name", "kind", "status", "told_of"),
    [
        ("unknown", "NotFoundError", 404, "waitpoint_nope"),
        ("unknownShown", "NotFoundError", 404, "waitpoint_nope"),
        ("noTime", "BadRequestError", 400, "timeout"),
        ("past", "BadRequestError", 400, "timeout"),
    ],
)
def test_an_error_about_a_token_is_told(told: Told, name: str, kind: str, status: int, told_of: str):
    error = told("token_errors")[name]

    assert (error["kind"], error["status"]) == (kind, status)
    assert told_of in error["message"]


def test_only_a_task_waits_for_a_token(told: Told):
    assert "can only be used from inside a task" in told("token_errors")["outside"]["message"]
