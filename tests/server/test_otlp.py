"""What other programs send by OpenTelemetry, and what they must not."""

import gzip
import json
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from perdure.core.traces import span_of_attempt, trace_of
from perdure.server import otlp
from tests.server.api import Api, sign
from tests.server.test_traces import begin

A, B = "a" * 16, "b" * 16
PROTOBUF = {"content-type": "application/x-protobuf"}
JSON = {"content-type": "application/json"}


def request_of(*spans: dict[str, Any]) -> ExportTraceServiceRequest:
    message = ExportTraceServiceRequest()
    group = message.resource_spans.add()
    pair = group.resource.attributes.add()
    pair.key, pair.value.string_value = "service.name", "shop"
    scope = group.scope_spans.add()
    for span in spans:
        scope.spans.add(**span)
    return message


def a_span(trace: str, id: str, **changes: Any) -> dict[str, Any]:
    fields = {"trace_id": bytes.fromhex(trace), "span_id": bytes.fromhex(id), "name": "GET /"}
    return fields | {"start_time_unix_nano": 10**18, "end_time_unix_nano": 10**18 + 5} | changes


async def spans_of(api: Api, run: str) -> dict[str, dict[str, Any]]:
    answer = await api.get(f"/api/v1/runs/{run}/trace?page[size]=100")
    return {span["id"]: span for span in answer.json()["data"]}


@pytest.mark.parametrize("is_zipped", [False, True])
async def test_spans_that_were_sent_stand_in_the_trace_of_the_run(api: Api, is_zipped: bool):
    run = await begin(api)
    parent = bytes.fromhex(span_of_attempt(run, 1))
    body = request_of(a_span(trace_of(run), A, parent_span_id=parent)).SerializeToString()
    headers = {**PROTOBUF, **({"content-encoding": "gzip"} if is_zipped else {})}

    answer = await api.post("/otlp/v1/traces", gzip.compress(body) if is_zipped else body, headers=headers)

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-protobuf")
    assert not ExportTraceServiceResponse.FromString(answer.content).HasField("partial_success")
    assert (await spans_of(api, run))[A]["parentId"] == span_of_attempt(run, 1)
    detail = (await api.get(f"/api/v1/runs/{run}/spans/{A}")).json()
    assert (detail["message"], detail["properties"]) == ("GET /", {"service.name": "shop"})


async def test_json_is_taken_too_with_ids_in_hexadecimal(api: Api):
    run = await begin(api)
    span = {
        "traceId": trace_of(run),
        "spanId": B,
        "name": "work",
        "startTimeUnixNano": "1000000000000000000",
        "endTimeUnixNano": 1000000000000000009,
        "attributes": [{"key": "n", "value": {"intValue": "7"}}],
        "status": {"code": 2, "message": "broken"},
        "somethingNew": 1,
    }
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}

    answer = await api.post("/otlp/v1/traces", json.dumps(body).encode(), headers=JSON)

    assert (answer.status_code, answer.json()) == (200, {})
    detail = (await api.get(f"/api/v1/runs/{run}/spans/{B}")).json()
    assert (detail["isError"], detail["properties"]) == (True, {"n": 7})
    assert detail["events"][0]["properties"]["exception"]["message"] == "broken"


async def test_records_that_are_none_are_counted_in_the_answer(api: Api):
    body = request_of(a_span("1" * 32, A), a_span("", B), a_span("1" * 32, "00" * 8))

    answer = await api.post("/otlp/v1/traces", body.SerializeToString(), headers=PROTOBUF)

    told = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert (told.rejected_spans, bool(told.error_message)) == (2, True)


async def test_logs_are_found_by_search_and_in_their_run(api: Api):
    run = await begin(api)
    record = {
        "timeUnixNano": str(api.clock.now() * 1_000_000),
        "severityNumber": 13,
        "body": {"stringValue": "from elsewhere"},
        "attributes": [{"key": "perdure.run_id", "value": {"stringValue": run}}],
    }
    other = {"traceId": "9" * 32, "body": {"kvlistValue": {"values": []}}, "severityNumber": 21}
    body = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record, other]}]}]}

    answer = await api.post("/otlp/v1/logs", json.dumps(body).encode(), headers=JSON)

    assert answer.status_code == 200, answer.text
    (line,) = (await api.get("/api/v1/logs?text=elsewhere")).json()["data"]
    assert (line["runId"], line["level"], line["source"]) == (run, "warning", "otlp")
    (foreign,) = (await api.get("/api/v1/logs?level=error")).json()["data"]
    assert (foreign["traceId"], foreign["message"], "runId" in foreign) == ("9" * 32, "{}", False)
    events = (await api.get(f"/api/v1/runs/{run}/events")).json()["events"]
    assert "from elsewhere" in [event["message"] for event in events]


async def test_numbers_are_kept_by_name_and_attributes(api: Api):
    now = api.clock.now() * 1_000_000
    gauge = {
        "dataPoints": [
            {"timeUnixNano": str(now), "asInt": "3"},
            {"timeUnixNano": str(now + 10**9), "asDouble": 0.5},
        ]
    }
    histogram = {"dataPoints": [{"timeUnixNano": str(now), "count": "4", "sum": 10.0}]}
    metrics = [
        {"name": "depth", "unit": "1", "gauge": gauge},
        {"name": "latency", "unit": "ms", "histogram": histogram},
    ]
    body = {"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]}

    for _ in range(2):  # a repeated request changes nothing
        answer = await api.post("/otlp/v1/metrics", json.dumps(body).encode(), headers=JSON)
        assert answer.status_code == 200, answer.text

    found = (await api.get("/api/v1/metrics")).json()["data"]
    assert [one["name"] for one in found] == ["depth", "latency.count", "latency.sum"]
    (depth,) = (await api.get("/api/v1/metrics?name=depth")).json()["data"]
    assert (depth["unit"], [value for _, value in depth["points"]]) == ("1", [3.0, 0.5])


@pytest.mark.parametrize("signal", ["traces", "logs", "metrics"])
@pytest.mark.parametrize(
    ("body", "headers", "status", "told"),
    [
        (b"\xff\xff\xff", PROTOBUF, 400, "This is no Export"),
        (b"{", JSON, 400, "This is no Export"),
        (b"[]", JSON, 400, "This is no Export"),
        (b'{"resourceSpans": 3, "resourceLogs": 3, "resourceMetrics": 3}', JSON, 400, "This is no Export"),
        (b"x", {"content-type": "text/plain"}, 415, "application/x-protobuf"),
        (b"x", {**PROTOBUF, "content-encoding": "gzip"}, 400, "no gzip"),
        (gzip.compress(b"x" * 1000)[:-9], {**PROTOBUF, "content-encoding": "gzip"}, 400, "ends early"),
        (b"x", {**PROTOBUF, "content-encoding": "br"}, 400, "'br'"),
        (
            gzip.compress(b"x" * (otlp.LIMIT + 1)),
            {**PROTOBUF, "content-encoding": "gzip"},
            413,
            "decompressed",
        ),
    ],
    ids=["cut", "cut-json", "list", "number", "text", "no-gzip", "gzip-cut", "brotli", "bomb"],
)
async def test_what_is_none_is_refused_by_its_name(
    api: Api, signal: str, body: bytes, headers: dict[str, str], status: int, told: str
):
    answer = await api.post(f"/otlp/v1/{signal}", body, headers=headers)

    assert answer.status_code == status, answer.text
    assert told in answer.json()["error"]


async def test_only_a_secret_key_may_send(api: Api):
    for token in ("", "tr_dev_nonsense", sign(api, "write:runs")):
        answer = await api.post("/otlp/v1/traces", b"", headers=PROTOBUF, token=token)
        assert answer.status_code == 401
