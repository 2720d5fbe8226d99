"""Schedules over HTTP: the official shapes, and what is refused."""

from typing import Any

import pytest

from tests.server.api import Api

SCHEDULES = "/api/v1/schedules"
BODY = {"task": "echo", "cron": "0 9 * * 1-5", "deduplicationKey": "k"}


@pytest.fixture
async def ready(api: Api) -> Api:
    """A server with a worker of the task `echo`."""
    await api.worker("echo")
    return api


async def made(api: Api, **wanted: Any) -> dict[str, Any]:
    api.clock.forward(0.001)
    answer = await api.post(SCHEDULES, {**BODY, **wanted})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_schedule_looks_as_the_official_one(ready: Api):
    told = await made(ready, timezone="Europe/Paris", externalId="user:7")

    assert told.pop("id").startswith("sched_")
    assert told == {
        "type": "IMPERATIVE",
        "task": "echo",
        "active": True,
        "deduplicationKey": "k",
        "externalId": "user:7",
        "generator": {
            "type": "CRON",
            "expression": "0 9 * * 1-5",
            "description": "At 09:00 on Monday through Friday",
        },
        "timezone": "Europe/Paris",
        "nextRun": "2026-01-01T08:00:00Z",
        "nextRunEffectiveAt": "2026-01-01T08:00:00Z",
        "environments": [{"id": ready.environment.id, "type": "DEVELOPMENT"}],
        "missed": "skip",
        "maxCatchUp": 100,
        "overlap": "allow",
        "held": 0,
    }


async def test_a_schedule_is_changed_by_its_key_or_its_id(ready: Api):
    first = await made(ready)
    by_key = await made(ready, cron="0 10 * * *", window="30m")
    answer = await ready.call("PUT", f"{SCHEDULES}/{first['id']}", {"task": "echo", "cron": "0 11 * * *"})
    cleared = await ready.call("PUT", f"{SCHEDULES}/{first['id']}", {"window": None})

    assert (by_key["id"], by_key["window"]) == (first["id"], "30m")
    assert answer.json()["generator"]["expression"] == "0 11 * * *"
    assert answer.json()["window"] == "30m"
    assert "window" not in cleared.json()


async def test_off_and_on_and_gone(ready: Api):
    path = f"{SCHEDULES}/{(await made(ready))['id']}"
    off = (await ready.post(f"{path}/deactivate")).json()
    on = (await ready.post(f"{path}/activate")).json()
    gone = await ready.call("DELETE", path)

    assert (off["active"], "nextRun" in off) == (False, False)
    assert (on["active"], on["nextRun"]) == (True, "2026-01-01T09:00:00Z")
    assert (gone.status_code, gone.json()) == (200, {"id": path.rpartition("/")[2]})
    assert (await ready.get(path)).status_code == 404


async def test_lists_have_pages(ready: Api):
    ids = [(await made(ready, deduplicationKey=str(number)))["id"] for number in range(3)]
    first = (await ready.get(SCHEDULES, params={"perPage": "2"})).json()
    second = (await ready.get(SCHEDULES, params={"perPage": "2", "page": "2"})).json()

    assert [one["id"] for one in [*first["data"], *second["data"]]] == ids[::-1]
    assert second["pagination"] == {"currentPage": 2, "totalPages": 2, "count": 3}


async def test_a_run_tells_its_schedule(ready: Api):
    schedule = await made(ready, externalId="user:7")
    run = (await ready.post(f"{SCHEDULES}/{schedule['id']}/run")).json()["id"]
    told = await ready.run(run)
    listed = (await ready.get("/api/v1/runs", params={"filter[schedule]": schedule["id"]})).json()
    await ready.call("DELETE", f"{SCHEDULES}/{schedule['id']}")
    later = await ready.run(run)

    assert told["schedule"] == {
        "id": schedule["id"],
        "externalId": "user:7",
        "deduplicationKey": "k",
        "generator": schedule["generator"],
    }
    assert told["payload"]["timestamp"] == "2026-01-01T00:00:00.001Z"
    assert [one["id"] for one in listed["data"]] == [run]
    assert later["schedule"]["id"] == schedule["id"]


async def test_timezones_need_no_key(api: Api):
    every = await api.get("/api/v1/timezones", token="")
    others = await api.get("/api/v1/timezones", token="", params={"excludeUtc": "true"})

    assert every.json()["timezones"][0] == "UTC"
    assert "Europe/Paris" in every.json()["timezones"]
    assert others.json()["timezones"] == every.json()["timezones"][1:]


@pytest.mark.parametrize(
    ("wanted", "status", "told"),
    [
        ({"cron": "0 25 * * *"}, 422, "its hour is 25, and takes 0 to 23"),
        ({"cron": "@daily"}, 422, "A valid one is '0 0 * * *'"),
        ({"timezone": "Europe/Pari"}, 422, "did you mean Europe/Paris"),
        ({"task": "ecko"}, 422, "did you mean echo?"),
        ({"window": "2d"}, 400, "Option window can't be '2d'"),
        ({"maxCatchUp": 0}, 400, "maxCatchUp: Input should be greater than or equal to 1"),
        ({"maxCatchUp": 1001}, 400, "maxCatchUp: Input should be less than or equal to 1000"),
        ({"overlap": "maybe"}, 400, "overlap: Input should be 'allow', 'skip', 'queue' or 'cancel_old'"),
        ({"missed": "all"}, 400, "missed: Input should be 'skip' or 'catch_up'"),
        ({"deduplicationKey": "k" * 513}, 400, "deduplicationKey: String should have at most 512 characters"),
        ({"deduplicationKey": None}, 400, "deduplicationKey: Input should be a valid string"),
        ({"cron": None}, 400, "cron: Input should be a valid string"),
    ],
)
async def test_what_can_not_be_is_refused(ready: Api, wanted: dict[str, Any], status: int, told: str):
    answer = await ready.post(SCHEDULES, {**BODY, **wanted})

    assert answer.status_code == status
    assert told in answer.json()["error"]
    assert (await ready.get(SCHEDULES)).json()["data"] == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("PUT", ""),
        ("DELETE", ""),
        ("POST", "/activate"),
        ("POST", "/deactivate"),
        ("POST", "/run"),
    ],
)
async def test_what_is_not_there_is_told(api: Api, method: str, path: str):
    answer = await api.call(method, f"{SCHEDULES}/sched_1{path}", {} if method == "PUT" else None)

    assert answer.status_code == 404
    assert answer.json()["error"].startswith("There is no schedule sched_1")


async def test_a_declared_schedule_is_changed_in_code_but_turned_off_here(api: Api):
    await connect(api, "one", schedules=[{"cron": "0 9 * * *"}])
    (declared,) = (await api.get(SCHEDULES)).json()["data"]
    path = f"{SCHEDULES}/{declared['id']}"
    changed = await api.call("PUT", path, {"cron": "0 10 * * *"})
    deleted = await api.call("DELETE", path)
    off = await api.post(f"{path}/deactivate")

    assert declared["type"] == "DECLARATIVE"
    assert (changed.status_code, deleted.status_code, off.status_code) == (422, 422, 200)
    assert changed.json() == {
        "error": f"Schedule {declared['id']} is declared in the code of task echo: "
        "change it there; deactivate it here.",
        "code": "declared_in_code",
    }
    assert "remove it there" in deleted.json()["error"]


async def test_code_with_a_bad_schedule_does_not_connect(api: Api):
    answer = await connect(api, "one", schedules=[{"cron": "0 9 * *"}], expect=422)

    assert "it has 4 fields" in answer["error"]


async def connect(api: Api, code: str, *, schedules: list[Any], expect: int = 200) -> dict[str, Any]:
    """Connect a worker whose one task declares these schedules."""
    task = {"id": "echo", "filePath": "a.py", "line": 1, "name": "f", "queue": {"name": "task/echo"}}
    hello = {"name": "w", "host": "h", "pid": 1, "pythonVersion": "3.11", "perdureVersion": "0"}
    more = {"concurrency": 1, "codeHash": code, "tasks": [{**task, "schedules": schedules}]}
    answer = await api.post("/worker/v1/connect", {**hello, **more})
    assert answer.status_code == expect, answer.text
    return answer.json()
