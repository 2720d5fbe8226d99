"""Traces and logs."""

from perdure.wire import telemetry
from perdure.wire.endpoint import Audience, Endpoint
from perdure.wire.model import Nothing

RUN_TRACE = Endpoint(
    name="runTrace",
    method="GET",
    path="/api/v1/runs/{run}/trace",
    takes=telemetry.TraceQuery,
    gives=telemetry.TraceAnswer,
    summary="Get the trace of a run and of those it triggered, as a tree, or as a list in pages.",
    audience=Audience.PUBLIC,
    errors=(400, 401, 403, 404),
)
RUN_SPAN = Endpoint(
    name="runSpan",
    method="GET",
    path="/api/v1/runs/{run}/spans/{span}",
    takes=Nothing,
    gives=telemetry.SpanDetail,
    summary="Get one span of a run's trace.",
    audience=Audience.PUBLIC,
    errors=(401, 403, 404),
)
SEARCH_LOGS = Endpoint(
    name="searchLogs",
    method="GET",
    path="/api/v1/logs",
    takes=telemetry.LogQuery,
    gives=telemetry.LogPage,
    summary="Search the log lines of all runs, newest first.",
    errors=(400, 401),
)
TAIL_LOGS = Endpoint(
    name="tailLogs",
    method="GET",
    path="/api/v1/logs/tail",
    takes=telemetry.TailQuery,
    gives=telemetry.LogTail,
    summary="Get the log lines of all runs as they come in.",
    errors=(400, 401),
)
QUERY_METRICS = Endpoint(
    name="queryMetrics",
    method="GET",
    path="/api/v1/metrics",
    takes=telemetry.MetricQuery,
    gives=telemetry.Metrics,
    summary="Get the numbers that programs sent by OpenTelemetry, of the last hour unless it is said.",
    errors=(400, 401),
)
