"""`perdure[instrument]`: what OpenTelemetry sees of libraries stands in the run's trace.

OpenTelemetry has an instrumentation for each of many libraries: httpx, SQLAlchemy, redis …  Those that are
installed, and whose library the project has imported, are turned on in processes that run tasks, if
`PERDURE_INSTRUMENT` says so.  Their spans begin in the trace of the run, inside the user's span that is open;
what they send out in `traceparent` is therefore the run's trace.  Outside of runs they go nowhere.
"""

import importlib
import logging
import sys
import time
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

from perdure.core.errors import BadSetting
from perdure.core.names import nearest
from perdure.sdk import runtime, span
from perdure.wire.attributes import cut, plain
from perdure.wire.telemetry import SpanRecord
from perdure.worker.runtime import RunRuntime

log = logging.getLogger(__name__)

SETTING = "PERDURE_INSTRUMENT"
EVERY = "all"

LIBRARIES: Mapping[str, str] = {
    "httpx": "httpx",
    "requests": "requests",
    "aiohttp-client": "aiohttp",
    "sqlalchemy": "sqlalchemy",
    "psycopg": "psycopg",
    "redis": "redis",
}
"""The name of each instrumentation, and the module that it looks into."""

_GROUP = "opentelemetry_instrumentor"
_LONGEST = 1_000


def wanted(variables: Mapping[str, str]) -> list[str]:
    """Return the instrumentations that the setting names.

    Raises:
        BadSetting: there is none of a name.
    """
    text = variables.get(SETTING, "").strip()
    if text in ("", "none"):
        return []
    if text == EVERY:
        return list(LIBRARIES)
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in LIBRARIES:
            hint = nearest(name, [*LIBRARIES, EVERY])
            raise BadSetting(setting=SETTING, reason=f"there is no {name!r}; {hint}")
    return names


def instrument(names: list[str]) -> list[str]:
    """Turn on the instrumentations of these names whose libraries were imported; return which.

    Raises:
        BadSetting: OpenTelemetry's SDK is not installed.
    """
    used = [name for name in names if LIBRARIES[name] in sys.modules]
    if not used:
        return []
    try:
        provider = _provider()
    except ImportError as error:
        reason = f'{error.name} is not installed; pip install "perdure[instrument]"'
        raise BadSetting(setting=SETTING, reason=reason) from None
    found = {point.name: point for point in entry_points(group=_GROUP)}
    for name in used:
        if name not in found:
            log.warning("opentelemetry-instrumentation-%s is not installed: %s tells nothing.", name, name)
            continue
        found[name].load()().instrument(tracer_provider=provider)
    return [name for name in used if name in found]


def _provider() -> Any:
    """Return a tracer provider whose spans go to the run that they are in."""
    trace: Any = importlib.import_module("opentelemetry.sdk.trace")
    ids: Any = importlib.import_module("opentelemetry.sdk.trace.id_generator")

    class Ids(ids.RandomIdGenerator):
        """Gives spans that have no parent the trace of their run."""

        def generate_trace_id(self) -> int:
            here = span.context()
            return super().generate_trace_id() if here is None else int(here.trace, 16)

    class ToRun(trace.SpanProcessor):
        """Hands spans over to the run when they have ended."""

        def on_end(self, span: Any) -> None:
            host = runtime.current.get()
            if isinstance(host, RunRuntime):
                host.spans.add(_record(span, host))

    provider = trace.TracerProvider(id_generator=Ids(), shutdown_on_exit=False)
    provider.add_span_processor(ToRun())
    return provider


def _record(seen: Any, host: RunRuntime) -> SpanRecord:
    """Return a span of OpenTelemetry as one of the run; its clock is put right as the run's is."""
    inside = span.context() or host.trace
    ahead = host.now_ns() - time.time_ns()
    ended = seen.end_time or time.time_ns()
    return SpanRecord(
        run_id=host.spans.run.run_id,
        attempt=host.spans.run.attempt,
        id=f"{seen.context.span_id:016x}",
        parent_id=inside.span if seen.parent is None else f"{seen.parent.span_id:016x}",
        name=cut(seen.name, _LONGEST),
        started_ns=seen.start_time + ahead,
        ended_ns=ended + ahead,
        is_error=seen.status.status_code.name == "ERROR",
        message=seen.status.description,
        attributes=plain(dict(seen.attributes or {})),
    )
