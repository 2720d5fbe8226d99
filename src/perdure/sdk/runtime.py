"""What a running task asks of its host: the executor, or a test."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, Literal, Protocol

from perdure import sdk, wire
from perdure.core.traces import SpanContext

Level = Literal["debug", "info", "warning", "error"]
Source = Literal["logger", "logging", "stdout", "stderr", "perdure"]
Target = Literal["self", "parent", "root"]


class Runtime(Protocol):
    """The host of one attempt; every method may be called from any thread."""

    #: whether the run was asked to end because it is canceled
    canceled: bool
    #: runs the task's coroutine, and takes what it waits for
    parking: sdk.parking.Parking
    #: the trace that the run belongs to, and the span of its attempt
    trace: SpanContext

    def log(
        self,
        level: Level,
        message: str,
        properties: dict[str, Any] | None = None,
        source: Source = "logger",
        place: str | None = None,
    ) -> None:
        """Add a line to the run's log; `place` is the file and the line that says it."""
        ...

    def span(self, span: sdk.span.Span) -> None:
        """Take note of a span that has begun, or ended."""
        ...

    def now_ns(self) -> int:
        """Return the moment in nanoseconds since 1970; it never goes back within an attempt."""
        ...

    def change_metadata(self, target: Target, operation: wire.runs.MetadataOperation) -> None:
        """Change the metadata of the run, its parent or its root."""
        ...

    def add_tags(self, tags: list[str]) -> None:
        """Add tags to the run."""
        ...

    async def flush(self) -> None:
        """Wait until the server has all that this run has changed so far."""
        ...


current: ContextVar[Runtime | None] = ContextVar("perdure_runtime", default=None)
"""The host of the attempt that this code belongs to; None outside of runs."""
