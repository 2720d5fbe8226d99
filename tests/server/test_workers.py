"""What workers say, and what they are told."""

from tests.server.api import Api


async def test_a_worker_is_shown_with_what_it_can_run(api: Api):
    worker = await api.worker("b", "a")

    workers = (await api.get("/api/v1/workers")).json()["workers"]
    tasks = (await api.get("/api/v1/tasks")).json()

    assert [one["id"] for one in workers] == [worker.id]
    assert workers[0]["concurrency"] == 10
    assert [task["id"] for task in tasks["tasks"]] == ["a", "b"]
    assert tasks["version"] == workers[0]["version"]


async def test_a_worker_that_left_is_not_shown_and_its_runs_go_back(api: Api):
    worker = await api.worker("echo")
    run = await api.trigger()
    await worker.claim()

    assert (await api.post("/worker/v1/disconnect", {"workerId": worker.id})).status_code == 200

    assert (await api.get("/api/v1/workers")).json()["workers"] == []
    assert (await api.run(run))["status"] == "QUEUED"


async def test_a_heartbeat_tells_which_runs_were_lost(api: Api):
    worker = await api.worker("echo")
    await api.trigger()
    await api.trigger()
    held, other = await worker.claim(), await worker.claim()
    runs = [{"runId": held.run_id, "fence": held.fence}, {"runId": other.run_id, "fence": other.fence - 1}]

    answer = await api.post("/worker/v1/heartbeat", {"workerId": worker.id, "runs": runs})

    assert answer.json() == {"lost": runs[1:]}


async def test_a_report_with_an_old_fence_changes_nothing(api: Api):
    worker = await api.worker("echo")
    run = await api.trigger()
    held = await worker.claim()

    verdict = await worker.report(held.model_copy(update={"fence": held.fence - 1}), "succeeded")

    assert verdict["ok"] is False
    assert verdict["code"] == "lease_lost"
    assert (await api.run(run))["status"] == "DEQUEUED"


async def test_an_unknown_worker_is_told_to_connect(api: Api):
    unknown = {"workerId": "worker_nope"}

    assert (await api.post("/worker/v1/poll", {**unknown, "slots": 1, "wait": 0})).status_code == 404
    assert (await api.post("/worker/v1/heartbeat", {**unknown, "runs": []})).status_code == 404


async def test_a_report_item_of_an_unknown_type_is_refused(api: Api):
    body = {"workerId": "worker_x", "items": [{"type": "exploded", "runId": "run_x", "fence": 1}]}

    answer = await api.post("/worker/v1/report", body)

    assert answer.status_code == 400
    assert "exploded" in answer.json()["error"]
