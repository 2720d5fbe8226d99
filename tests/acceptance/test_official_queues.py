"""The official npm client's queues, unchanged, against a server process and a Python worker."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support import official_client

pytestmark = pytest.mark.slow

Told = Callable[[str], Any]


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def everything(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What each case told, on one kind of database."""
    return official_client.told_by("queues.mjs", request, tmp_path_factory.mktemp(request.param))


@pytest.fixture
def told(everything: dict[str, Any]) -> Told:
    """Return what a case told."""

    def look(case: str) -> Any:
        assert "value" in everything[case], everything[case]["error"]
        return everything[case]["value"]

    return look


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
        ("negative", 400, "concurrencyLimit"),
    ],
)
def test_an_error_is_told(told: Told, name: str, status: int, told_of: str):
    error = told("errors")[name]

    assert (error["isApiError"], error["status"]) == (True, status)
    assert told_of in error["message"]
