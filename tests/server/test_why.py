"""Why a run is not running, and putting it first, over HTTP."""

from tests.server.api import Api


async def test_a_run_in_line_tells_why_and_is_put_first(api: Api):
    run, last = await api.trigger(), await api.trigger()
    told = (await api.get(f"/api/v1/runs/{last}/why")).json()
    assert (told["run"], told["status"], told["queue"]) == (last, "PENDING_VERSION", "task/echo")
    assert [reason["code"] for reason in told["reasons"]] == ["pending_version", "no_worker"]
    assert (await api.post(f"/api/v1/runs/{last}/bump")).status_code == 422

    worker = await api.worker("echo")
    await api.engine.pending.run_once()
    told = (await api.get(f"/api/v1/runs/{last}/why")).json()
    assert told["reasons"][0] == {
        "code": "in_line",
        "message": "1 run stands before it in its line.",
        "nextStep": f"perdure runs bump {last} puts it first",
        "runs": [],
        "position": 1,
    }
    assert (await api.post(f"/api/v1/runs/{last}/bump")).json() == {"id": last}

    assert [held["runId"] for held in (await worker.poll())["runs"]] == [last, run]
    assert (await api.get("/api/v1/runs/run_x/why")).status_code == 404
    assert (await api.post("/api/v1/runs/run_x/bump")).status_code == 404
