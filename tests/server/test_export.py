"""What is exported, to a small collector: the ids and times that are shown, once."""

import gzip
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from perdure.core.clock import to_datetime
from perdure.core.errors import BadSetting
from perdure.core.traces import trace_of
from perdure.server import export
from perdure.server.export import Exporter, ExportSettings
from perdure.server.settings import read_settings
from tests.server.api import Api
from tests.server.test_traces import A, B, begin, send


@dataclass
class Collector:
    """Takes what OTLP/HTTP sends it; `answers` are the statuses of the next requests."""

    url: str = ""
    spans: list[Span] = field(default_factory=list)
    logs: list[Any] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()  # the server has unpacked it
        status = self.answers.pop(0) if self.answers else 200
        self.headers.append(dict(request.headers))
        if status == 200 and request.path == "/v1/traces":
            message = ExportTraceServiceRequest.FromString(body)
            self.spans += [s for g in message.resource_spans for scope in g.scope_spans for s in scope.spans]
        elif status == 200:
            told = ExportLogsServiceRequest.FromString(body)
            self.logs += [r for g in told.resource_logs for scope in g.scope_logs for r in scope.log_records]
        return web.Response(status=status)


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    found = Collector()
    app = web.Application()
    app.router.add_post("/v1/traces", found.take)
    app.router.add_post("/v1/logs", found.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield found
    await runner.cleanup()


@pytest.fixture
async def exporter(
    api: Api, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Exporter]:
    monkeypatch.setattr(export, "_FIRST_PAUSE_S", 0)
    settings = ExportSettings(endpoint=collector.url, headers={"x-key": "secret"})
    made = Exporter(api.engine.resources, api.engine.telemetry, settings)
    yield made
    await made.stop()


async def shown(api: Api, run: str) -> dict[str, dict[str, Any]]:
    answer = await api.get(f"/api/v1/runs/{run}/trace?page[size]=1000")
    return {span["id"]: span for span in answer.json()["data"]}


async def test_a_run_that_parked_and_went_on_elsewhere_is_one_trace_with_the_times_that_are_shown(
    api: Api, collector: Collector, exporter: Exporter
):
    first = await api.worker("echo")
    run = await api.trigger()
    held = await first.claim()
    await first.report(held, "started")
    began = api.clock.now() * 1_000_000
    await send(api, run, {"id": A, "name": "works", "startedNs": began})
    until = to_datetime(api.clock.now() + 3_600_000).isoformat()
    waits = [{"kind": "time", "subject": "t", "until": until}]
    await first.report(held, "parked", snapshot="eA==", waits=waits)
    api.clock.forward(3600)
    await api.engine.timers.run_once()
    second = await api.worker("echo")
    again = await second.claim()
    await second.report(again, "started")
    api.clock.forward(5)
    ended = api.clock.now() * 1_000_000
    over = {"id": A, "name": "works", "startedNs": began, "endedNs": ended, "isNew": False}
    await send(api, run, over, {"id": B, "parentId": A}, lines=["hello"])
    await second.report(again, "succeeded", output="1")
    await exporter.run_once()
    api.clock.forward(2)
    await exporter.run_once()

    sent = {span.span_id.hex(): span for span in collector.spans}
    seen = {id: span for id, span in (await shown(api, run)).items() if span["message"] != "hello"}
    assert len(sent) == len(collector.spans)
    assert sent.keys() == seen.keys()
    assert {span.trace_id.hex() for span in collector.spans} == {trace_of(run)}
    for id, span in sent.items():
        assert (span.parent_span_id.hex() or None) == seen[id].get("parentId"), seen[id]["message"]
        assert span.end_time_unix_nano - span.start_time_unix_nano == seen[id]["duration"]
    works = sent[A]
    assert (works.start_time_unix_nano, works.end_time_unix_nano) == (began, ended)
    (line,) = collector.logs
    assert (line.body.string_value, line.trace_id.hex()) == ("hello", trace_of(run))
    assert line.span_id.hex() in sent
    assert collector.headers[0]["x-key"] == "secret"
    assert (exporter.counts.sent, exporter.counts.dropped) == (len(sent) + 1, 0)


async def test_a_collector_in_trouble_is_asked_again(api: Api, collector: Collector, exporter: Exporter):
    run = await begin(api)
    collector.answers += [503, 429]
    await send(api, run, {"id": A, "endedNs": 2 * 10**18})

    await exporter.run_once()

    assert [span.span_id.hex() for span in collector.spans] == [A]
    assert exporter.counts.dropped == 0


@pytest.mark.parametrize("answers", [[400], [503] * export.TRIES])
async def test_what_is_not_taken_is_dropped_and_counted(
    api: Api, collector: Collector, exporter: Exporter, answers: list[int]
):
    run = await begin(api)
    collector.answers += answers
    await send(api, run, {"id": A, "endedNs": 2 * 10**18})

    await exporter.run_once()

    assert (collector.spans, exporter.counts.dropped) == ([], 1)


async def test_what_waits_is_bounded(
    api: Api, collector: Collector, exporter: Exporter, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(export, "WAITING", 3)
    run = await begin(api)
    await send(api, run, lines=["a", "b"])
    await send(api, run, lines=["c", "d"])

    await exporter.run_once()

    assert [record.body.string_value for record in collector.logs] == ["a", "b"]
    assert exporter.counts.dropped == 2


async def test_what_came_by_opentelemetry_is_not_sent_on(api: Api, collector: Collector, exporter: Exporter):
    body = b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"x"}}]}]}]}'
    answer = await api.post("/otlp/v1/logs", gzip.compress(body), headers=GZIPPED)
    assert answer.status_code == 200

    assert await exporter.run_once() == 0


GZIPPED = {"content-type": "application/json", "content-encoding": "gzip"}


def test_the_settings_are_read_as_opentelemetry_writes_them():
    settings = read_settings(
        {
            "PERDURE_OTLP_ENDPOINT": "https://collector:4318",
            "PERDURE_OTLP_HEADERS": "authorization=Bearer%20a%3Db, x=y",
        }
    )

    assert settings.export == ExportSettings(
        endpoint="https://collector:4318", headers={"authorization": "Bearer a=b", "x": "y"}
    )


@pytest.mark.parametrize(
    "variables",
    [
        {"PERDURE_OTLP_ENDPOINT": "collector:4318"},
        {"PERDURE_OTLP_ENDPOINT": "http://c", "PERDURE_OTLP_HEADERS": "nonsense"},
    ],
)
def test_settings_that_can_not_be_are_told(variables: dict[str, str]):
    with pytest.raises(BadSetting, match="PERDURE_OTLP"):
        read_settings(variables)
