"""The official npm client's batches, unchanged, against a server process and a Python worker."""

import pytest

from tests.support.official_client import Told

pytestmark = pytest.mark.slow

CASES = "batches.mjs"


def test_runs_of_one_task(told: Told):
    case = told("tasks_batch_trigger")

    assert case["handle"]["runCount"] == 3
    assert case["handle"]["publicAccessToken"].count(".") == 2
    assert case["found"]["status"] == "COMPLETED"
    assert case["found"]["processing"]["errors"] == []
    got = [output["got"] for output in case["outputs"]]
    assert got[:2] == [{"n": 0}, "text"]
    assert got[2]["at"].startswith("1970-01-01T00:00:00")
    assert case["tags"] == ["second"]


def test_runs_of_several_tasks_by_id(told: Told):
    case = told("batch_trigger_by_id")

    batch = case["found"]["id"]
    assert case["found"]["status"] == "COMPLETED"
    assert case["runs"] == [
        ["echo", "COMPLETED", batch, "batchTrigger"],
        ["ns/he llo", "COMPLETED", batch, "batchTrigger"],
        ["broken", "FAILED", batch, "batchTrigger"],
    ]


def test_runs_of_several_tasks_by_task(told: Told):
    assert told("batch_trigger_by_task")["outputs"] == [{"got": {"n": 1}}, {"got": {"n": 2}}]


def test_items_from_an_async_iterator(told: Told):
    case = told("a_stream")

    assert case["runCount"] == 7
    assert [output["got"]["n"] for output in case["outputs"]] == list(range(7))


def test_a_thousand_items_and_no_more(told: Told):
    assert told("many") == {"runCount": 1000, "runs": 1000, "status": "PROCESSING", "last": {"n": 999}}
    assert "less than or equal to 1000" in told("too_many")["message"]


def test_a_key_gives_the_first_batch(told: Told):
    case = told("a_key_of_a_batch")

    assert case["same"]
    assert case["found"]["idempotencyKey"].startswith("batch-")
    assert len(case["found"]["runs"]) == 2


def test_a_key_twice_in_one_batch_is_one_run(told: Told):
    first, second, third = told("a_key_of_an_item")

    assert first == second != third


def test_an_item_that_can_not_be_leaves_the_others(told: Told):
    found = told("an_item_that_can_not_be")

    assert (found["status"], len(found["runs"])) == ("PARTIAL_FAILED", 1)
    (error,) = found["processing"]["errors"]
    assert (error["index"], error["taskIdentifier"]) == (1, "echo")
    assert "soon" in error["error"]


def test_a_malformed_item_is_named(told: Told):
    assert "Item 0 can't be triggered: options.machine" in told("a_malformed_item")["message"]


def test_tokens_that_batches_need_and_give(told: Told):
    case = told("public_tokens")

    assert case["id"] == case["found"]
    assert case["run"]
    assert "Unauthorized" in case["otherTask"]["message"]


def test_a_batch_that_is_not_there(told: Told):
    case = told("no_such_batch")

    assert (case["kind"], case["status"]) == ("NotFoundError", 404)
