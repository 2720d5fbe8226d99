"""OpenTelemetry's protocol (OTLP/HTTP 1.x): what other programs have seen, read and written.

A body is protobuf, or the same in JSON, in which ids are hexadecimal where protobuf's own JSON has base 64.
The messages are those of `opentelemetry-proto`, which OpenTelemetry makes of its own definitions.  Loading
them takes a while, so this module is reached through its package when the first request comes.
"""

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.json_format import MessageToJson, ParseDict, ParseError
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import SeverityNumber
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from perdure.core.errors import Invalid
from perdure.wire.attributes import cut, plain
from perdure.wire.telemetry import Level

PROTOBUF = "application/x-protobuf"
JSON = "application/json"

_IDS = ("traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id")
_LONGEST_NAME = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenSpan:
    """A span of another program; ids in hexadecimal digits."""

    trace: str
    id: str
    parent: str | None
    name: str
    started_ns: int
    ended_ns: int | None
    is_error: bool
    message: str | None
    attributes: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenLine:
    """A log record of another program."""

    trace: str | None
    span: str | None
    #: 0 if it does not say
    time_ns: int
    level: Level
    message: str
    attributes: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenPoint:
    """A number that another program measured."""

    name: str
    unit: str
    time_ns: int
    value: float
    attributes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a request holds, and how many of its records are none."""

    spans: Sequence[SeenSpan] = ()
    lines: Sequence[SeenLine] = ()
    points: Sequence[SeenPoint] = ()
    rejected: int = 0


def read_traces(body: bytes, kind: str) -> Seen:
    """Read the body of `/v1/traces`; raises Invalid if it is none."""
    message = _parse(ExportTraceServiceRequest(), body, kind)
    spans, rejected = [], 0
    for resource in message.resource_spans:
        shared = _attributes(resource.resource.attributes)
        for span in (span for scope in resource.scope_spans for span in scope.spans):
            if _is_id(span.trace_id, 16) and _is_id(span.span_id, 8) and span.start_time_unix_nano:
                spans.append(_span(span, shared))
            else:
                rejected += 1
    return Seen(spans=spans, rejected=rejected)


def read_logs(body: bytes, kind: str) -> Seen:
    """Read the body of `/v1/logs`; raises Invalid if it is none."""
    message = _parse(ExportLogsServiceRequest(), body, kind)
    lines = []
    for resource in message.resource_logs:
        shared = _attributes(resource.resource.attributes)
        for scope in resource.scope_logs:
            lines += [_line(record, shared) for record in scope.log_records]
    return Seen(lines=lines)


def read_metrics(body: bytes, kind: str) -> Seen:
    """Read the body of `/v1/metrics`; of a histogram its count and sum; raises Invalid if it is none."""
    message = _parse(ExportMetricsServiceRequest(), body, kind)
    points: list[SeenPoint] = []
    for resource in message.resource_metrics:
        shared = _attributes(resource.resource.attributes)
        for metric in (metric for scope in resource.scope_metrics for metric in scope.metrics):
            points += _points(metric, shared)
    return Seen(points=points)


_READ = {"traces": read_traces, "logs": read_logs, "metrics": read_metrics}
_ANSWERS = {
    "traces": (ExportTraceServiceResponse, "rejected_spans"),
    "logs": (ExportLogsServiceResponse, "rejected_log_records"),
    "metrics": (ExportMetricsServiceResponse, "rejected_data_points"),
}


def read(signal: str, body: bytes, kind: str) -> Seen:
    """Read the body of a request.

    Args:
        signal: `traces`, `logs` or `metrics`.
        body: what was sent, decompressed.
        kind: its media type.

    Raises:
        Invalid: it is not what its media type says.
    """
    return _READ[signal](body, kind)


def answer(signal: str, kind: str, rejected: int, why: str) -> bytes:
    """Return the body of the answer to a request that was taken in, but for some records."""
    message_type, name = _ANSWERS[signal]
    message = message_type()
    if rejected:
        setattr(message.partial_success, name, rejected)
        message.partial_success.error_message = why
    return MessageToJson(message).encode() if kind == JSON else message.SerializeToString()


def _parse(message: Any, body: bytes, kind: str) -> Any:
    try:
        if kind == JSON:
            value = json.loads(body)
            if not isinstance(value, dict):
                raise ParseError("it is no object")
            return ParseDict(_with_base64(value), message, ignore_unknown_fields=True)
        message.ParseFromString(body)
    except (ParseError, DecodeError, ValueError, TypeError, RecursionError) as error:
        raise Invalid(f"This is no {message.DESCRIPTOR.name} of OTLP in {kind}: {str(error)[:200]}") from None
    return message


def _with_base64(value: Any) -> Any:
    """Return OTLP's JSON as protobuf's, which has ids in base 64."""
    if isinstance(value, dict):
        return {name: _id(item) if name in _IDS else _with_base64(item) for name, item in value.items()}
    return [_with_base64(item) for item in value] if isinstance(value, list) else value


def _id(text: Any) -> Any:
    return b64encode(bytes.fromhex(text)).decode() if isinstance(text, str) else text


def _is_id(data: bytes, length: int) -> bool:
    return len(data) == length and any(data)


def _span(span: Span, shared: Mapping[str, Any]) -> SeenSpan:
    attributes = {**shared, **_attributes(span.attributes)}
    message = span.status.message or None
    for event in span.events:
        told = _attributes(event.attributes)
        if event.name == "exception":
            message = f"{told.get('exception.type', 'Error')}: {told.get('exception.message', '')}"
        else:
            attributes[f"event {event.name}"] = {"time_ns": event.time_unix_nano, **told}
    return SeenSpan(
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex() if _is_id(span.parent_span_id, 8) else None,
        name=cut(span.name, _LONGEST_NAME),
        started_ns=_moment(span.start_time_unix_nano),
        ended_ns=_moment(span.end_time_unix_nano) or None,
        is_error=span.status.code == Status.STATUS_CODE_ERROR,
        message=message,
        attributes=plain(attributes) or {},
    )


def _line(record: Any, shared: Mapping[str, Any]) -> SeenLine:
    body = _value(record.body)
    return SeenLine(
        trace=record.trace_id.hex() if _is_id(record.trace_id, 16) else None,
        span=record.span_id.hex() if _is_id(record.span_id, 8) else None,
        time_ns=_moment(record.time_unix_nano or record.observed_time_unix_nano),
        level=_level(record.severity_number),
        message=body if isinstance(body, str) else json.dumps(body, ensure_ascii=False),
        attributes=plain({**shared, **_attributes(record.attributes)}) or {},
    )


def _level(severity: int) -> Level:
    """Return the level of a severity; the data model of OpenTelemetry's logs says which is which."""
    if severity >= SeverityNumber.SEVERITY_NUMBER_ERROR:
        return "error"
    if severity >= SeverityNumber.SEVERITY_NUMBER_WARN:
        return "warning"
    is_below = SeverityNumber.SEVERITY_NUMBER_UNSPECIFIED < severity < SeverityNumber.SEVERITY_NUMBER_INFO
    return "debug" if is_below else "info"


def _points(metric: Any, shared: Mapping[str, Any]) -> Iterator[SeenPoint]:
    kind = metric.WhichOneof("data")
    for point in getattr(metric, kind).data_points if kind else ():
        values = (
            {"": _number(point)} if kind in ("gauge", "sum") else {".count": point.count, ".sum": point.sum}
        )
        for suffix, value in values.items():
            yield SeenPoint(
                name=metric.name[:_LONGEST_NAME] + suffix,
                unit=metric.unit,
                time_ns=_moment(point.time_unix_nano),
                value=float(value),
                attributes=plain({**shared, **_attributes(point.attributes)}) or {},
            )


def _number(point: Any) -> float:
    return point.as_double if point.WhichOneof("value") == "as_double" else point.as_int


def _moment(nanoseconds: int) -> int:
    """Return a moment that a database can store; its numbers are signed."""
    return min(nanoseconds, 2**63 - 1)


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Any:
    match value.WhichOneof("value"):
        case None:
            return None
        case "array_value":
            return [_value(item) for item in value.array_value.values]
        case "kvlist_value":
            return _attributes(value.kvlist_value.values)
        case "bytes_value":
            return value.bytes_value.hex()
        case name:
            return getattr(value, name)


# Writing.


@dataclass(frozen=True, slots=True, kw_only=True)
class OutSpan:
    """A span to export."""

    trace: str
    id: str
    parent: str | None
    name: str
    started_ns: int
    ended_ns: int
    is_error: bool
    message: str | None
    attributes: Mapping[str, Any]
    #: whether somebody else has asked for it: a run
    is_consumer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OutLine:
    """A log line to export."""

    trace: str
    span: str | None
    time_ns: int
    level: str
    message: str
    attributes: Mapping[str, Any]


_SEVERITIES = {
    "debug": SeverityNumber.SEVERITY_NUMBER_DEBUG,
    "info": SeverityNumber.SEVERITY_NUMBER_INFO,
    "warning": SeverityNumber.SEVERITY_NUMBER_WARN,
    "error": SeverityNumber.SEVERITY_NUMBER_ERROR,
}
Resource = Mapping[str, Any]
"""What is said of all spans or lines of an environment."""


def write_traces(groups: Iterable[tuple[Resource, Sequence[OutSpan]]]) -> bytes:
    """Return the body of a request to `/v1/traces`."""
    message = ExportTraceServiceRequest()
    for resource, spans in groups:
        group = message.resource_spans.add()
        _write(group.resource.attributes, resource)
        scope = group.scope_spans.add()
        scope.scope.name = "perdure"
        for span in spans:
            _write_span(scope.spans.add(), span)
    return message.SerializeToString()


def _write_span(out: Span, span: OutSpan) -> None:
    out.trace_id, out.span_id = bytes.fromhex(span.trace), bytes.fromhex(span.id)
    if span.parent is not None:
        out.parent_span_id = bytes.fromhex(span.parent)
    out.name = span.name
    out.kind = Span.SPAN_KIND_CONSUMER if span.is_consumer else Span.SPAN_KIND_INTERNAL
    out.start_time_unix_nano, out.end_time_unix_nano = span.started_ns, span.ended_ns
    _write(out.attributes, span.attributes)
    if span.is_error:
        out.status.code, out.status.message = Status.STATUS_CODE_ERROR, span.message or ""


def write_logs(groups: Iterable[tuple[Resource, Sequence[OutLine]]]) -> bytes:
    """Return the body of a request to `/v1/logs`."""
    message = ExportLogsServiceRequest()
    for resource, lines in groups:
        group = message.resource_logs.add()
        _write(group.resource.attributes, resource)
        scope = group.scope_logs.add()
        scope.scope.name = "perdure"
        for line in lines:
            out = scope.log_records.add()
            out.trace_id = bytes.fromhex(line.trace)
            if line.span is not None:
                out.span_id = bytes.fromhex(line.span)
            out.time_unix_nano = out.observed_time_unix_nano = line.time_ns
            out.severity_number, out.severity_text = _SEVERITIES[line.level], line.level.upper()
            out.body.string_value = line.message
            _write(out.attributes, line.attributes)
    return message.SerializeToString()


def _write(out: Any, attributes: Mapping[str, Any]) -> None:
    for name, value in attributes.items():
        if value is not None:
            pair = out.add()
            pair.key = name
            _write_value(pair.value, value)


def _write_value(out: AnyValue, value: Any) -> None:
    if isinstance(value, bool):
        out.bool_value = value
    elif isinstance(value, int) and -(2**63) <= value < 2**63:
        out.int_value = value
    elif isinstance(value, float):
        out.double_value = value
    elif isinstance(value, str):
        out.string_value = value
    else:
        out.string_value = json.dumps(value, ensure_ascii=False)
