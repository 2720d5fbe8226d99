"""The official npm client's schedules, unchanged, against a server process and a Python worker."""

import pytest

from tests.support.official_client import Told

pytestmark = pytest.mark.slow

CASES = "schedules.mjs"


def test_a_schedule_is_made_and_read(told: Told):
    case = told("create")

    made = case["made"]
    assert made["id"].startswith("sched_")
    assert (made["type"], made["task"], made["active"]) == ("IMPERATIVE", "echo", True)
    assert (made["timezone"], made["externalId"], made["window"]) == ("Europe/Paris", "user:7", "30m")
    assert made["generator"] == {
        "type": "CRON",
        "expression": "0 9 * * 1-5",
        "description": "At 09:00 on Monday through Friday",
    }
    assert [one["type"] for one in made["environments"]] == ["DEVELOPMENT"]
    assert case["nextIsDate"]
    assert told("retrieve")["found"] == told("retrieve")["made"]


def test_the_same_key_changes_it(told: Told):
    case = told("create_again")

    assert case["second"]["id"] == case["first"]["id"]
    assert case["second"]["generator"]["expression"] == "0 0 L * *"


def test_it_is_changed_by_its_id(told: Told):
    case = told("update")

    changed = case["changed"]
    assert changed["id"] == case["made"]["id"]
    assert (changed["task"], changed["timezone"], changed["externalId"]) == ("other", "Asia/Tokyo", "a")
    assert changed["generator"]["expression"] == "30 10 * * *"


def test_it_is_turned_off_and_on(told: Told):
    case = told("off_and_on")

    assert (case["off"]["active"], case["on"]["active"]) == (False, True)
    assert "nextRun" not in case["off"]


def test_it_is_deleted(told: Told):
    case = told("del")

    assert case["gone"] == {"id": case["made"]["id"]}
    assert case["after"]["status"] == 404


def test_a_list_pages_by_itself(told: Told):
    case = told("list")

    newest_first = case["made"][::-1]
    assert case["firstPage"] == newest_first[:2]
    assert case["hasNext"]
    assert case["all"][:3] == newest_first


def test_timezones_are_listed_without_a_key(told: Told):
    assert told("timezones") == {"first": "UTC", "hasParis": True, "hasUtc": False}


def test_a_run_has_dates_and_tells_its_schedule(told: Told):
    case = told("run")

    run, schedule = case["run"], case["made"]
    got = run["output"]["got"]
    assert run["status"] == "COMPLETED"
    assert run["schedule"] == {
        "id": schedule["id"],
        "externalId": "user:7",
        "deduplicationKey": schedule["deduplicationKey"],
        "generator": schedule["generator"],
    }
    assert (got["scheduleId"], got["type"], got["timezone"]) == (schedule["id"], "IMPERATIVE", "UTC")
    assert len(got["upcoming"]) == 5
    assert case["listed"] == [run["id"]]


def test_what_can_not_be_is_told(told: Told):
    case = told("errors")

    assert [case[name]["status"] for name in ("cron", "zone", "task", "unknown")] == [422, 422, 422, 404]
    assert "its minute is 61" in case["cron"]["message"]
    assert "did you mean Europe/Paris" in case["zone"]["message"]
    assert "did you mean echo?" in case["task"]["message"]
