"""The proof: the official npm client, unchanged, against a server process and a Python worker.

`official_client/cases.mjs` does what a program written for the official platform does; each test here
looks at what one of its cases told.  All cases run in one Node process, once for each kind of database.
"""

import pytest

from tests.support.official_client import Told

pytestmark = pytest.mark.slow

CASES = "cases.mjs"


def test_a_run_goes_all_the_way(told: Told):
    case = told("a_run_goes_all_the_way")

    run = case["run"]
    assert case["handle"]["id"] == run["id"]
    assert case["handle"]["isCached"] is False
    assert case["handle"]["publicAccessToken"].count(".") == 2
    assert (run["status"], run["isSuccess"], run["attemptCount"]) == ("COMPLETED", True, 1)
    assert run["payload"] == {"text": "hello", "at": "1970-01-01T00:00:00.000Z"}
    assert run["output"]["got"]["text"] == "hello"
    assert run["output"]["got"]["at"].startswith("1970-01-01T00:00:00")
    assert case["finishedIsDate"]
    assert case["startedIsDate"]


def test_all_options_of_a_trigger_are_taken(told: Told):
    case = told("all_options")

    run = case["run"]
    expected = {
        "status": "DELAYED",
        "tags": ["x", "y"],
        "ttl": "10m",
        "metadata": {"m": 1},
        "region": "us-east-1",
        "payload": {"a": 1, "d": "1970-01-01T00:00:00.000Z"},
    }
    assert {name: run[name] for name in expected} == expected
    assert run["idempotencyKey"].startswith("all-options-")


def test_any_payload_comes_back_as_it_was(told: Told):
    case = told("payloads")

    assert case["outputs"] == case["values"]
    assert case["none"] == {"status": "COMPLETED", "hasPayload": False}


def test_a_task_id_may_have_a_slash_and_a_space(told: Told):
    assert told("a_task_id_with_a_slash") == {"task": "ns/he llo", "status": "COMPLETED"}


def test_bursts_are_debounced(told: Told):
    case = told("bursts_are_debounced")

    for mode, last in (("leading", 1), ("trailing", 3)):
        burst = case[mode]
        assert set(burst["ids"]) == {burst["run"]["id"]}
        assert burst["run"]["status"] == "COMPLETED"
        assert (burst["run"]["payload"], burst["run"]["tags"]) == (last, [f"t{last}"])
    assert case["tooShort"]["status"] == 400
    assert "a second or more" in case["tooShort"]["message"]


def test_poll_ends_when_a_run_fails_and_its_error_is_there(told: Told):
    run = told("a_run_that_fails")["run"]

    assert (run["status"], run["isFailed"], run["isCompleted"]) == ("FAILED", True, True)
    assert run["error"]["name"] == "ValueError"
    assert "no luck with {'text': 'no'}" in run["error"]["message"]
    assert "all.py" in run["error"]["stackTrace"]


def test_a_run_is_retried_until_it_succeeds(told: Told):
    run = told("a_run_that_is_retried")["run"]

    assert (run["status"], run["output"], run["attemptCount"]) == ("COMPLETED", 2, 2)


def test_a_list_pages_by_itself_and_back(told: Told):
    case = told("list_with_filters")

    newest_first = [case["other"], *reversed(case["made"])]
    assert case["all"] == newest_first
    assert case["firstPage"] == newest_first[:2]
    assert case["secondPage"] == newest_first[2:4]
    assert case["backAgain"] == newest_first[:2]
    assert case["hasNext"]
    assert case["one"]["env"]["name"] == "dev"


def test_a_list_takes_every_filter(told: Told):
    case = told("list_with_filters")

    assert case["byTask"] == case["byQueue"] == [case["other"]]
    assert case["byTaskQueue"] == 5
    assert case["byTasks"] == case["byStatus"] == case["isNotTest"] == case["since"] == case["period"] == 6
    assert case["byOtherStatus"] == case["isTest"] == case["until"] == 0


def test_cancel_ends_a_delayed_run_and_may_be_repeated(told: Told):
    case = told("cancel")

    assert case["canceled"] == case["again"] == {"id": case["id"]}
    assert (case["run"]["status"], case["run"]["isCancelled"]) == ("CANCELED", True)


def test_cancel_ends_a_run_that_executes(told: Told):
    assert told("cancel_while_it_executes")["run"]["status"] == "CANCELED"


def test_a_replay_repeats_a_run(told: Told):
    case = told("replay")

    first, replayed = case["first"], case["replayed"]
    assert first["id"] != replayed["id"]
    for name in ("status", "taskIdentifier", "payload", "output", "tags"):
        assert replayed[name] == first[name]


def test_a_replay_takes_another_payload(told: Told):
    replayed = told("replay_with_another_payload")["replayed"]

    assert (replayed["payload"], replayed["output"]) == ({"n": 2}, {"got": {"n": 2}})
    assert (replayed["tags"], replayed["metadata"]) == (["new"], {"by": "me"})


def test_a_delayed_run_is_rescheduled_by_duration_or_moment(told: Told):
    case = told("reschedule")

    assert case["later"]["id"] == case["moment"]["id"] == case["id"]
    assert case["later"]["status"] == case["moment"]["status"] == "DELAYED"
    assert case["later"]["delayedUntil"] > case["moment"]["delayedUntil"]


def test_an_idempotency_key_makes_one_run_until_it_is_reset(told: Told):
    case = told("idempotency")

    assert case["second"]["id"] == case["first"]["id"]
    assert (case["first"]["isCached"], case["second"]["isCached"]) == (False, True)
    assert case["elsewhere"]["id"] != case["first"]["id"]
    assert len(case["reset"]["id"]) == 64
    assert case["third"]["id"] != case["first"]["id"]
    assert case["shownKey"].startswith("key-")


def test_resetting_an_unknown_key_is_told(told: Told):
    case = told("reset_of_an_unknown_key")

    assert (case["kind"], case["status"]) == ("NotFoundError", 404)
    assert case["message"].startswith("No runs found with idempotency key: ")


def test_a_public_token_opens_what_its_scopes_say(told: Told):
    case = told("public_token")

    assert case["seen"] == case["byTag"] == case["mine"]
    for refused in ("other", "write", "list"):
        assert (case[refused]["kind"], case[refused]["status"]) == ("PermissionDeniedError", 403)
    assert case["secretOnly"]["kind"] == "AuthenticationError"


def test_the_token_of_a_handle_reads_its_run(told: Told):
    case = told("token_of_a_handle")

    assert case["seen"] == case["id"]


def test_a_trigger_token_is_used_once_unless_it_says_otherwise(told: Told):
    case = told("trigger_token_is_used_once")

    assert case["first"]["id"]
    assert (case["second"]["kind"], case["second"]["status"]) == ("UnprocessableEntityError", 422)
    assert "one-time use token" in case["second"]["message"]
    assert case["otherTask"]["kind"] == "PermissionDeniedError"
    assert case["many"][0]["id"] != case["many"][1]["id"]


@pytest.mark.parametrize(
    ("name", "kind", "status", "told_of"),
    [
        ("notFound", "NotFoundError", 404, "run_nope"),
        ("wrongKey", "AuthenticationError", 401, "Invalid API key"),
        ("badToken", "AuthenticationError", 401, "Invalid API key"),
        ("badStatus", "BadRequestError", 400, "NONSENSE"),
        ("badDelay", "BadRequestError", 400, "soon"),
        ("badMachine", "BadRequestError", 400, "options.machine"),
        ("tooManyTags", "BadRequestError", 400, "options.tags"),
        ("cancelUnknown", "NotFoundError", 404, "run_nope"),
        ("replayUnknown", "NotFoundError", 404, "run_nope"),
        ("rescheduleDone", "UnprocessableEntityError", 422, "COMPLETED"),
    ],
)
def test_an_error_is_of_the_clients_own_class(told: Told, name: str, kind: str, status: int, told_of: str):
    error = told("errors")[name]

    assert (error["kind"], error["status"], error["isApiError"]) == (kind, status, True)
    assert told_of in error["message"]
