"""What is asked of traces and logs."""

from collections.abc import Mapping
from typing import Any

from perdure.client.call import Call, query
from perdure.wire import endpoints
from perdure.wire.telemetry import LogPage, LogQuery, LogTail, SpanDetail, TailQuery, TraceAnswer, TraceQuery

_TAIL = ("text", "level", "task", "run")
_SEARCH = (*_TAIL, "from_", "to", "size", "after")


def trace(run: str) -> Call[TraceQuery, TraceAnswer]:
    """Get the trace of a run."""
    return Call(endpoints.telemetry.RUN_TRACE, TraceQuery(), {"run": run})


def span(run: str, span: str) -> Call[Any, SpanDetail]:
    """Get one span of a run's trace."""
    return Call(endpoints.telemetry.RUN_SPAN, None, {"run": run, "span": span})


def search(filters: Mapping[str, Any]) -> Call[LogQuery, LogPage]:
    """Get a page of log lines, newest first."""
    return Call(endpoints.telemetry.SEARCH_LOGS, LogQuery(**query(filters, _SEARCH)))


def tail(filters: Mapping[str, Any], after: int | None, wait: float) -> Call[TailQuery, LogTail]:
    """Get the log lines that came after a cursor."""
    body = TailQuery(**query(filters, _TAIL), after=after, wait=wait)
    return Call(endpoints.telemetry.TAIL_LOGS, body)
