"""The official npm client's queues, unchanged, against a server process and a Python worker."""

import pytest

from tests.support.official_client import Told

pytestmark = pytest.mark.slow

CASES = "queues.mjs"


def test_a_queue_is_found_by_name_with_a_slash_by_id_and_by_task(told: Told):
    case = told("retrieve")

    assert case["byName"]["id"].startswith("queue_")
    assert case["byName"] == case["byId"]
    expected = {"name": "ns/mail", "type": "custom", "paused": False, "concurrencyLimit": 3, "version": "V1"}
    assert {name: case["byName"][name] for name in expected} == expected
    assert case["byName"]["concurrency"] == {
        "current": 3, "base": 3, "override": None, "overriddenAt": None, "overriddenBy": None,
    }  # fmt: skip
    assert (case["own"]["name"], case["own"]["type"], case["own"]["concurrencyLimit"]) == (
        "echo",
        "task",
        None,
    )


def test_a_list_pages_by_itself(told: Told):
    case = told("list")

    assert len(case["first"]) == 2
    assert case["names"][:2] == case["first"]
    assert {"ns/mail", "echo", "other"} <= set(case["names"])


def test_a_queue_is_paused_and_resumed(told: Told):
    case = told("pause")

    assert (case["paused"]["paused"], case["resumed"]["paused"]) == (True, False)
    assert (case["waiting"]["queued"], case["waiting"]["running"]) == (1, 0)


def test_a_limit_is_overridden_and_reset(told: Told):
    case = told("override")

    assert (case["changed"]["concurrencyLimit"], case["reset"]["concurrencyLimit"]) == (7, 3)
    assert case["isDate"]
    given = case["changed"]["concurrency"]
    assert (given["current"], given["base"], given["override"]) == (7, 3, 7)
    assert case["reset"]["concurrency"]["override"] is None


@pytest.mark.parametrize(
    ("name", "status", "told_of"),
    [
        ("unknown", 404, "did you mean"),
        ("unknownId", 404, "queue_nope"),
        ("undefinedQueue", 400, "did you mean ns/mail?"),
        ("namedLimit", 400, "here limits are a queue's"),
        ("negative", 400, "concurrencyLimit"),
    ],
)
def test_an_error_is_told(told: Told, name: str, status: int, told_of: str):
    error = told("errors")[name]

    assert (error["isApiError"], error["status"]) == (True, status)
    assert told_of in error["message"]
