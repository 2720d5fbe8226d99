"""The official npm client's subscriptions and streams, unchanged: a server process, and Python tasks."""

import pytest

from tests.support.official_client import Told

pytestmark = pytest.mark.slow

CASES = "realtime.mjs"

WORDS = ["one", "two", "three"]


def test_a_run_is_watched_to_its_end(told: Told):
    case = told("a_run_from_its_trigger_to_its_end")

    assert "WAITING" in case["statuses"]
    assert case["statuses"][-1] == "COMPLETED"
    assert (case["last"]["output"], case["last"]["payload"]) == ("by node", {"words": WORDS})
    assert (case["last"]["tags"], case["last"]["metadata"]) == (["a b"], {"waits": True})
    assert case["isDate"]


def test_columns_are_left_out(told: Told):
    case = told("a_run_without_some_columns")

    assert case == {**case, "payload": None, "metadata": None, "task": "streams"}


def test_runs_of_a_tag_are_watched_and_new_ones_come(told: Told):
    case = told("runs_of_a_tag")

    assert case["seen"][0] == case["first"]
    assert case["seen"][-1] == case["second"]


def test_runs_of_a_batch_are_watched(told: Told):
    assert told("runs_of_a_batch")["outputs"] == ["by batch", "by batch"]


def test_a_stream_comes_with_its_run(told: Told):
    assert told("a_stream_with_its_run")["chunks"] == [["tokens", word] for word in WORDS]


def test_a_stream_is_read_from_any_place_after_the_end_too(told: Told):
    case = told("a_stream_by_itself")

    assert (case["read"], case["rest"], case["fetched"]) == (WORDS, WORDS[1:], WORDS)


def test_a_public_token_watches_reads_and_sends_to_its_run_alone(told: Told):
    case = told("with_a_public_token_only")

    assert case["refused"]["status"] == 403
    assert (case["output"], case["read"]) == ("by a browser", WORDS)
    assert case["ended"]["status"] == 400
