"""Traces and logs."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from perdure.core.clock import to_datetime
from perdure.core.errors import BadOption, NotFound
from perdure.engine.lifespans import ATTEMPT, MILLISECOND, RUN, SpanView
from perdure.engine.traces import TraceView
from perdure.server.handles import Call, handles
from perdure.server.runs import readable
from perdure.wire import endpoints
from perdure.wire import telemetry as wire
from perdure.wire.model import Nothing

DEEPEST = 60
"""How deep a tree may be."""


@handles(endpoints.telemetry.RUN_TRACE)
async def run_trace(call: Call, query: wire.TraceQuery, run: str) -> wire.TraceAnswer:
    """Show the trace of a run."""
    await readable(call, run)
    found = await call.services.engine.traces.trace(call.environment, run)
    if query.size is None and query.after is None:
        return wire.TraceAnswer(trace=_tree(found))
    return _page(found, query)


@handles(endpoints.telemetry.RUN_SPAN)
async def run_span(call: Call, _: Nothing, run: str, span: str) -> wire.SpanDetail:
    """Show one span of a trace."""
    await readable(call, run)
    found = await call.services.engine.traces.trace(call.environment, run)
    for one in found.spans:
        if one.id == span:
            return _detail(found, one)
    raise NotFound(kind=f"span of run {run}", name=span)


@handles(endpoints.telemetry.SEARCH_LOGS)
async def search_logs(call: Call, query: wire.LogQuery) -> wire.LogPage:
    """Search the log lines of an environment."""
    return await call.services.engine.log_search.search(call.environment, query)


@handles(endpoints.telemetry.TAIL_LOGS)
async def tail_logs(call: Call, query: wire.TailQuery) -> wire.LogTail:
    """Tell the log lines of an environment as they come; held open until there are some."""
    services = call.services
    return await services.hold(call.request, services.engine.log_search.tail(call.environment, query))


def _tree(found: TraceView) -> wire.Trace:
    inside: dict[str, list[SpanView]] = {}
    for span in found.spans[1:]:
        inside.setdefault(span.parent or "", []).append(span)
    first = found.spans[0]
    return wire.Trace(trace_id=found.id, root_span=_build(found, first, inside), truncated=found.is_cut)


def _build(found: TraceView, first: SpanView, inside: Mapping[str, Sequence[SpanView]]) -> wire.TraceSpan:
    """Build the tree from its leaves; what is deeper than JSON may well be stands beside its parent."""
    order, shown = [(first, 0)], {first.id: [*inside.get(first.id, ())]}
    for span, depth in order:  # grows meanwhile
        for child in shown[span.id]:  # so does this
            deeper = inside.get(child.id, ())
            shown[child.id] = [] if depth >= DEEPEST else [*deeper]
            shown[span.id] += deeper if depth >= DEEPEST else ()
            order.append((child, depth + 1))
    built: dict[str, wire.TraceSpan] = {}
    for span, _ in reversed(order):
        children = [built.pop(child.id) for child in shown[span.id]]
        built[span.id] = wire.TraceSpan(
            id=span.id, parent_id=span.parent, run_id=span.run, data=_data(found, span), children=children
        )
    return built[first.id]


def _data(found: TraceView, span: SpanView) -> wire.SpanData:
    run = found.runs.get(span.run)
    return wire.SpanData(
        message=span.name,
        task_slug=run.task if run else None,
        start_time=_moment(span.started_ns),
        duration=_duration(found, span),
        events=_events(span),
        is_error=span.is_error,
        is_partial=span.is_partial,
        is_cancelled=span.is_canceled,
        level=span.level,
        worker_version=run.version if run else None,
        queue_name=run.queue if run else None,
        machine_preset=run.machine if run else None,
        properties=_properties(span),
        kind=span.kind,
        attempt_number=span.attempt,
        place=span.place,
    )


def _page(found: TraceView, query: wire.TraceQuery) -> wire.TraceAnswer:
    start = 0
    if query.after is not None:
        if not (query.after.isdecimal() and len(query.after) < 10):
            raise BadOption(option="page[after]", value=query.after, expected="the `next` of another page")
        start = int(query.after)
    end = start + (query.size or 100)
    failures = [
        wire.AttemptFailure(span_id=span.id, attempt_number=span.attempt or 1, run_id=span.run)
        for span in found.spans
        if span.kind == ATTEMPT and span.is_error
    ]
    following = str(end) if end < len(found.spans) else None
    return wire.TraceAnswer(
        data=[_flat(found, span) for span in found.spans[start:end]],
        attempt_failures=failures,
        pagination=wire.TracePage(next=following, truncated=found.is_cut or None),
    )


def _flat(found: TraceView, span: SpanView) -> wire.FlatSpan:
    return wire.FlatSpan(
        id=span.id,
        parent_id=span.parent,
        run_id=span.run,
        message=span.name,
        start_time=_moment(span.started_ns),
        duration=_duration(found, span),
        is_error=span.is_error,
        is_partial=span.is_partial,
        is_cancelled=span.is_canceled,
        level=span.level,
        attempt_number=span.attempt,
    )


def _detail(found: TraceView, span: SpanView) -> wire.SpanDetail:
    triggered = [one.run for one in found.spans if one.kind == RUN and one.parent == span.id]
    runs = [found.runs[id] for id in triggered if id in found.runs]
    return wire.SpanDetail(
        span_id=span.id,
        parent_id=span.parent,
        run_id=span.run,
        message=span.name,
        is_error=span.is_error,
        is_partial=span.is_partial,
        is_cancelled=span.is_canceled,
        level=span.level,
        start_time=_moment(span.started_ns),
        duration_ms=_duration(found, span) / MILLISECOND,
        properties=_properties(span),
        events=_events(span),
        triggered_runs=[
            wire.TriggeredRun(
                run_id=run.id,
                task_identifier=run.task,
                status=run.status,
                created_at=to_datetime(run.created_at),
            )
            for run in runs
        ],
        kind=span.kind,
        attempt_number=span.attempt,
        place=span.place,
    )


def _moment(nanoseconds: int) -> datetime:
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000)


def _duration(found: TraceView, span: SpanView) -> int:
    ended = span.ended_ns if span.ended_ns is not None else found.now * MILLISECOND
    return max(0, ended - span.started_ns)


def _events(span: SpanView) -> list[dict[str, object]]:
    """Return what failed a span, as OpenTelemetry tells of exceptions."""
    if not span.is_error or span.error is None:
        return []
    ended = span.ended_ns if span.ended_ns is not None else span.started_ns
    exception = {"message": span.error}
    return [{"name": "exception", "time": _moment(ended), "properties": {"exception": exception}}]


def _properties(span: SpanView) -> dict[str, object] | None:
    found = {name: value for name, value in span.properties.items() if value is not None}
    return found or None


@handles(endpoints.telemetry.QUERY_METRICS)
async def query_metrics(call: Call, query: wire.MetricQuery) -> wire.Metrics:
    """Show numbers that other programs sent."""
    return await call.services.engine.measures.query(call.environment, query)
