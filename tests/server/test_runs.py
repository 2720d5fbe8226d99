"""Runs: look at them, list them, and change them."""

from typing import Any
from urllib.parse import quote

import pytest

from tests.server.api import Api

BUILT_IN = {"type": "BUILT_IN_ERROR", "name": "ValueError", "message": "no luck", "stackTrace": "at line 1"}


async def listed(api: Api, **filters: Any) -> list[str]:
    """List runs by filters; `page_size` stands for `page[size]`, the rest for `filter[…]`."""
    query = "&".join(f"{quote(name)}={quote(str(value))}" for name, value in filters.items())
    answer = await api.get(f"/api/v1/runs?{query}")
    assert answer.status_code == 200, answer.text
    return [run["id"] for run in answer.json()["data"]]


async def test_a_run_that_has_completed_shows_its_output(api: Api):
    worker = await api.worker("echo")
    run = await api.trigger(payload={"a": 1})
    await worker.complete('{"b":[null]}')

    shown = await api.run(run)

    expected = {
        "id": run,
        "status": "COMPLETED",
        "taskIdentifier": "echo",
        "payload": {"a": 1},
        "output": {"b": [None]},
        "isQueued": False,
        "isExecuting": False,
        "isWaiting": False,
        "isCompleted": True,
        "isSuccess": True,
        "isFailed": False,
        "isCancelled": False,
        "isTest": False,
        "attemptCount": 1,
        "depth": 0,
        "triggerFunction": "trigger",
        "relatedRuns": {"children": []},
        "tags": [],
        "costInCents": 0.0,
        "baseCostInCents": 0.0,
    }
    assert {name: shown[name] for name in expected} == expected
    assert shown["version"]
    assert "error" not in shown
    assert None not in shown.values()
    assert [attempt["status"] for attempt in shown["attempts"]] == ["COMPLETED"]


async def test_a_run_that_failed_shows_its_error(api: Api):
    worker = await api.worker("echo")
    run = await api.trigger()
    await worker.fail(**BUILT_IN)

    shown = await api.run(run)

    assert shown["status"] == "FAILED"
    assert shown["isFailed"]
    assert shown["isCompleted"]
    assert shown["error"] == {"message": "no luck", "name": "ValueError", "stackTrace": "at line 1"}
    assert "output" not in shown


async def test_a_family_is_shown_from_every_side(api: Api):
    root = await api.trigger()
    parent = await api.trigger(parentRunId=root)
    child = await api.trigger(parentRunId=parent, resumeParentOnCompletion=True)

    family = (await api.run(parent))["relatedRuns"]
    youngest = await api.run(child)

    assert family["root"]["id"] == family["parent"]["id"] == root
    assert [one["id"] for one in family["children"]] == [child]
    assert youngest["relatedRuns"]["root"]["id"] == root
    assert youngest["relatedRuns"]["parent"]["id"] == parent
    assert (youngest["depth"], youngest["triggerFunction"]) == (2, "triggerAndWait")


async def test_an_old_client_gets_the_old_words(api: Api):
    worker = await api.worker("echo")
    parent = await api.trigger()
    await worker.claim()
    child = await api.trigger(parentRunId=parent)
    old = {"x-trigger-api-version": "2024-01-01"}

    assert (await api.run(parent))["status"] == "DEQUEUED"
    shown = (await api.get(f"/api/v3/runs/{parent}", headers=old)).json()
    assert shown["status"] == "EXECUTING"
    shown = (await api.get(f"/api/v3/runs/{child}", headers=old)).json()
    assert shown["relatedRuns"]["parent"]["status"] == "EXECUTING"
    page = (await api.get("/api/v1/runs", headers=old)).json()
    assert [run["status"] for run in page["data"]] == ["QUEUED", "EXECUTING"]
    assert (await api.get("/api/v1/runs?filter%5Bstatus%5D=FROZEN", headers=old)).json()["data"] == []


async def test_a_list_is_newest_first_and_in_pages(api: Api):
    made = [await api.trigger() for _ in range(5)]
    made.reverse()

    first = (await api.get("/api/v1/runs?page%5Bsize%5D=2")).json()
    second = (
        await api.get(f"/api/v1/runs?page%5Bsize%5D=2&page%5Bafter%5D={first['pagination']['next']}")
    ).json()
    third = (
        await api.get(f"/api/v1/runs?page%5Bsize%5D=2&page%5Bafter%5D={second['pagination']['next']}")
    ).json()
    back = (
        await api.get(f"/api/v1/runs?page%5Bsize%5D=2&page%5Bbefore%5D={third['pagination']['previous']}")
    ).json()

    pages = [[run["id"] for run in page["data"]] for page in (first, second, third, back)]
    assert pages == [made[:2], made[2:4], made[4:], made[2:4]]
    assert "previous" not in first["pagination"]
    assert "next" not in third["pagination"]
    assert first["data"][0]["env"] == {"id": api.environment.id, "name": "dev"}


async def test_a_client_that_goes_back_may_still_send_where_it_came_from(api: Api):
    made = [await api.trigger(tags=["t"]) for _ in range(4)]

    back = await listed(
        api, **{"filter[tag]": "t", "page[size]": 2, "page[after]": made[2], "page[before]": made[1]}
    )

    assert back == [made[3], made[2]]


async def test_each_filter_narrows_a_list(api: Api):
    worker = await api.worker("a", "b")
    done = await api.trigger("a", tags=["x"])
    await worker.complete()
    moment = api.clock.forward("1h")
    waiting = await api.trigger(
        "b", tags=["x", "y"], queue={"name": "task/a"}, test=True, machine="micro", region="eu"
    )
    child = await api.trigger("b", delay="1d", parentRunId=done)

    for filters, expected in (
        ({"filter[status]": "COMPLETED"}, [done]),
        ({"filter[status]": "QUEUED,DELAYED"}, [child, waiting]),
        ({"filter[taskIdentifier]": "b"}, [child, waiting]),
        ({"filter[taskIdentifier]": "a,b"}, [child, waiting, done]),
        ({"filter[tag]": "x"}, [waiting, done]),
        ({"filter[tag]": "y,nope"}, [waiting]),
        ({"filter[isTest]": "true"}, [waiting]),
        ({"filter[isTest]": "false"}, [child, done]),
        ({"filter[queue]": "task/b"}, [child]),
        ({"filter[queue]": "task/a"}, [waiting, done]),
        ({"filter[machine]": "micro"}, [waiting]),
        ({"filter[region]": "eu"}, [waiting]),
        ({"filter[createdAt][from]": moment}, [child, waiting]),
        ({"filter[createdAt][from]": "2026-01-01T00:30:00Z"}, [child, waiting]),
        ({"filter[createdAt][to]": moment}, [done]),
        ({"filter[createdAt][period]": "30m"}, [child, waiting]),
        ({"filter[parent]": done}, [child]),
        ({"filter[root]": done}, [child]),
        ({"filter[version]": "20200101.1"}, []),
        ({"filter[batch]": "batch_x"}, []),
        ({"filter[schedule]": "sched_x"}, []),
        ({"filter[tag]": "x", "filter[taskIdentifier]": "a"}, [done]),
        ({"filter[newer]": "ignored"}, [child, waiting, done]),
    ):
        assert await listed(api, **filters) == expected, filters  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("filter[status]", "NONSENSE"),
        ("filter[createdAt][period]", "soon"),
        ("filter[createdAt][from]", "yesterday"),
        ("filter[isTest]", "perhaps"),
        ("filter[machine]", "huge"),
        ("page[after]", "nonsense"),
    ],
)
async def test_a_filter_that_can_not_be_is_named(api: Api, name: str, value: str):
    answer = await api.get(f"/api/v1/runs?{quote(name)}={value}")

    assert answer.status_code == 400, answer.text


async def test_cancel_ends_a_run_once_and_for_all(api: Api):
    run = await api.trigger(delay="1h")

    first = await api.post(f"/api/v2/runs/{run}/cancel")
    second = await api.post(f"/api/v2/runs/{run}/cancel", b"")

    assert (first.status_code, first.json()) == (200, {"id": run})
    assert (second.status_code, second.json()) == (200, {"id": run})
    shown = await api.run(run)
    assert (shown["status"], shown["isCancelled"], shown["isFailed"]) == ("CANCELED", True, True)


async def test_an_executing_run_is_canceled_and_its_worker_told(api: Api):
    worker = await api.worker("echo")
    run = await api.trigger()
    held = await worker.claim()
    await worker.report(held, "started")

    await api.post(f"/api/v2/runs/{run}/cancel")

    assert (await worker.poll())["cancels"] == [{"runId": run, "fence": held.fence}]
    assert (await api.run(run))["status"] == "CANCELED"


async def test_a_replay_repeats_a_run(api: Api):
    worker = await api.worker("echo")
    run = await api.trigger(
        payload={"n": 1}, tags=["t"], machine="micro", metadata={"m": 1}, idempotencyKey="k"
    )
    await worker.complete()

    answer = await api.post(f"/api/v1/runs/{run}/replay")

    again = await api.run(answer.json()["id"])
    assert again["id"] != run
    assert (again["status"], again["replayOf"], again["payload"]) == ("QUEUED", run, {"n": 1})
    assert (again["tags"], again["machine"]) == (["t"], "micro")


async def test_a_replay_changes_what_it_is_told(api: Api):
    run = await api.trigger(payload={"n": 1}, tags=["t"])
    changes = {
        "payload": '{"json":{"n":2}}',
        "payloadType": "application/super+json",
        "tags": ["new"],
        "metadata": {"by": "me"},
        "queue": "side",
        "delay": "1h",
        "maxAttempts": 7,
    }

    answer = await api.post(f"/api/v1/runs/{run}/replay", changes)

    again = await api.run(answer.json()["id"])
    assert (again["payload"], again["tags"], again["metadata"]) == ({"n": 2}, ["new"], {"by": "me"})
    assert (again["queue"], again["status"], again["maxAttempts"]) == ("side", "DELAYED", 7)


async def test_a_replay_with_an_unknown_change_is_refused(api: Api):
    run = await api.trigger()

    answer = await api.post(f"/api/v1/runs/{run}/replay", {"payloadd": 1})

    assert answer.status_code == 400
    assert "payloadd" in answer.json()["error"]
