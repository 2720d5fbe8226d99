"""Dead letters over HTTP."""

import pytest

from tests.server.api import Api, ApiWorker

BOOM = {"type": "BUILT_IN_ERROR", "name": "ValueError", "message": "no luck", "stackTrace": "at line 1"}


@pytest.fixture
async def worker(api: Api) -> ApiWorker:
    return await api.worker("echo", dead_letters=True)


async def test_letters_are_listed_and_shown(api: Api, worker: ApiWorker):
    first, second = await api.trigger(), await api.trigger()
    for _ in range(2):
        await worker.fail(**BOOM)
        api.clock.forward("1s")

    page = (await api.get("/api/v1/dead-letters?page[size]=1")).json()
    rest = (await api.get(f"/api/v1/dead-letters?page[after]={page['pagination']['next']}")).json()

    assert [one["run"] for one in page["data"] + rest["data"]] == [second, first]
    shown = (await api.get(f"/api/v1/dead-letters/{first}")).json()
    assert shown == rest["data"][0]
    assert (shown["taskIdentifier"], shown["status"], shown["attemptCount"]) == ("echo", "FAILED", 1)
    assert shown["error"]["message"] == "no luck"
    assert (await api.get("/api/v1/dead-letters/run_x")).status_code == 404


async def test_a_letter_is_redriven_and_tells_so(api: Api, worker: ApiWorker):
    run = await api.trigger(payload={"n": 1})
    await worker.fail(**BOOM)

    answer = await api.post("/api/v1/dead-letters/redrive", {"runs": [run]})

    (done,) = answer.json()["redriven"]
    assert answer.json()["hasMore"] is False
    assert (await api.run(done["redrivenAs"]))["replayOf"] == run
    assert (await api.get(f"/api/v1/dead-letters/{run}")).json()["redrivenAs"] == done["redrivenAs"]
    assert (await api.get("/api/v1/dead-letters")).json()["data"] == []
    state = "filter[state]"
    assert len((await api.get(f"/api/v1/dead-letters?{state}=redriven")).json()["data"]) == 1
    assert (await api.get(f"/api/v1/dead-letters?{state}=lost")).status_code == 400


async def test_letters_of_a_filter_are_discarded(api: Api, worker: ApiWorker):
    runs = [await api.trigger() for _ in range(3)]
    for _ in runs:
        await worker.fail(**BOOM)

    none = await api.post("/api/v1/dead-letters/discard", {"all": True, "task": "other"})
    every = await api.post("/api/v1/dead-letters/discard", {"all": True, "task": "echo"})

    assert (none.json()["discarded"], sorted(every.json()["discarded"])) == ([], runs)


async def test_a_request_that_chooses_nothing_does_nothing(api: Api, worker: ApiWorker):
    await api.trigger()
    await worker.fail(**BOOM)

    answer = await api.post("/api/v1/dead-letters/discard", {})
    misspelt = await api.post("/api/v1/dead-letters/discard", {"al": True})

    assert (answer.status_code, misspelt.status_code) == (400, 400)
    assert "Say which dead letters" in answer.json()["error"]
    assert len((await api.get("/api/v1/dead-letters")).json()["data"]) == 1
