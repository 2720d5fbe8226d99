"""Traces and logs over HTTP, in the shapes that the official client reads."""

from typing import Any

import pytest

from perdure.core.clock import to_datetime
from perdure.core.traces import span_of_attempt, trace_of
from perdure.server import traces
from tests.server.api import Api, sign

A, B = "a" * 16, "b" * 16


async def begin(api: Api) -> str:
    worker = await api.worker("echo")
    await api.trigger()
    held = await worker.claim()
    await worker.report(held, "started")
    return held.run_id


async def send(api: Api, run: str, *spans: dict[str, Any], lines: list[str] | None = None) -> None:
    now = api.clock.now()
    base = {"runId": run, "attempt": 1, "name": "s", "startedNs": now * 1_000_000}
    line = {
        "runId": run,
        "attempt": 1,
        "time": to_datetime(now).isoformat(),
        "level": "info",
        "source": "stdout",
    }
    body = {
        "workerId": "w",
        "lines": [line | {"message": message} for message in lines or []],
        "spans": [base | span for span in spans],
    }
    answer = await api.post("/worker/v1/logs", body)
    assert answer.status_code == 200, answer.text


async def test_a_trace_is_a_tree_as_the_official_server_gives_it(api: Api):
    run = await begin(api)
    await send(api, run, {"id": A, "attributes": {"n": 1}}, {"id": B, "parentId": A}, lines=["hello"])

    trace = (await api.get(f"/api/v1/runs/{run}/trace")).json()["trace"]

    root = trace["rootSpan"]
    assert trace["traceId"] == trace_of(run)
    assert (root["runId"], root["data"]["message"], root["data"]["taskSlug"]) == (run, "echo", "echo")
    attempt = next(child for child in root["children"] if child["id"] == span_of_attempt(run, 1))
    by_kind = {child["data"]["kind"]: child for child in attempt["children"]}
    assert by_kind["span"]["data"]["properties"] == {"n": 1}
    assert [child["id"] for child in by_kind["span"]["children"]] == [B]
    assert (by_kind["log"]["data"]["message"], by_kind["log"]["data"]["level"]) == ("hello", "INFO")
    for name in ("startTime", "duration", "isError", "isPartial", "isCancelled", "level", "events"):
        assert name in root["data"]
    assert root["children"][-1]["children"] is not None


async def test_a_trace_comes_in_pages_when_they_are_asked_for(api: Api):
    worker = await api.worker("echo")
    await api.trigger()
    run = await worker.fail(type="BUILT_IN_ERROR", name="E", message="no", stackTrace="")
    seen, after = [], ""
    while after is not None:
        query = f"page[size]=2{f'&page[after]={after}' if after else ''}"
        answer = (await api.get(f"/api/v1/runs/{run}/trace?{query}")).json()
        seen += answer["data"]
        after = answer["pagination"].get("next")

    assert answer["attemptFailures"] == [
        {"spanId": span_of_attempt(run, 1), "attemptNumber": 1, "runId": run}
    ]
    assert [span["message"] for span in seen] == ["echo", "queued", "starting", "attempt 1"]
    assert (await api.get(f"/api/v1/runs/{run}/trace?page[after]=x")).status_code == 400


async def test_one_span_is_told_in_full(api: Api):
    run = await begin(api)
    child = await api.trigger(parentRunId=run)

    answer = (await api.get(f"/api/v1/runs/{run}/spans/{span_of_attempt(run, 1)}")).json()

    assert (answer["spanId"], answer["isPartial"]) == (span_of_attempt(run, 1), True)
    assert [one["runId"] for one in answer["triggeredRuns"]] == [child]
    assert (await api.get(f"/api/v1/runs/{run}/spans/{A}")).status_code == 404


async def test_a_trace_may_be_as_deep_as_it_likes(api: Api):
    run = await begin(api)
    ids = [f"{number:016x}" for number in range(1, 301)]
    await send(
        api,
        run,
        *({"id": id, "parentId": before} for id, before in zip(ids, [None, *ids], strict=False)),
    )

    root = (await api.get(f"/api/v1/runs/{run}/trace")).json()["trace"]["rootSpan"]

    count, depth, level = 0, 0, [root]
    while level:
        count, depth = count + len(level), depth + 1
        level = [child for span in level for child in span["children"]]
    assert count == 300 + 4
    assert depth <= traces.DEEPEST + 3


async def test_a_trigger_takes_the_traceparent_header(api: Api):
    header = {"traceparent": f"00-{'1' * 32}-{'2' * 16}-01"}
    answer = await api.post("/api/v1/tasks/echo/trigger", {"payload": 1}, headers=header)

    trace = (await api.get(f"/api/v1/runs/{answer.json()['id']}/trace")).json()["trace"]

    assert (trace["traceId"], trace["rootSpan"]["parentId"]) == ("1" * 32, "2" * 16)


@pytest.mark.parametrize("path", ["trace", f"spans/{A}"])
async def test_a_token_reads_the_traces_of_its_runs(api: Api, path: str):
    run, other = await begin(api), await api.trigger()
    token = sign(api, f"read:runs:{run}")

    assert (await api.get(f"/api/v1/runs/{run}/{path}", token=token)).status_code in (200, 404)
    assert (await api.get(f"/api/v1/runs/{other}/{path}", token=token)).status_code == 403


async def test_logs_are_searched_and_followed(api: Api):
    run = await begin(api)
    cursor = (await api.get("/api/v1/logs/tail")).json()["cursor"]
    await send(api, run, lines=["one", "two"])

    page = (await api.get("/api/v1/logs?text=ONE&level=info&task=echo")).json()
    tail = (await api.get(f"/api/v1/logs/tail?after={cursor}")).json()

    (line,) = page["data"]
    assert (line["message"], line["runId"], line["task"], line["level"]) == ("one", run, "echo", "info")
    assert [line["message"] for line in tail["data"]] == ["one", "two"]
    assert (await api.get("/api/v1/logs", token=sign(api, "read:runs"))).status_code == 401
    assert (await api.get("/api/v1/logs?level=loud")).status_code == 400
