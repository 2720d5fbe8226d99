"""What an attempt uses of its machine: processor time, memory, child processes, and how late its loop turns.

Processor time and memory are the process's; in a `shared` executor they are those of all runs in it.
"""

import os
from typing import Any

from perdure.core.traces import USAGE, span_of, span_of_attempt
from perdure.wire.telemetry import SpanRecord
from perdure.wire.workers import Assignment
from perdure.worker import system

LEAST_NS = 1_000_000_000
"""What an attempt uses that is shorter says nothing, and would be told for each of thousands a second."""


class Usage:
    """Watches one attempt, or the part of it between two waits."""

    def __init__(self, began_ns: int) -> None:
        """Begin at a moment, in nanoseconds since 1970."""
        self._began_ns = began_ns
        self._began = os.times()
        self._memory = 0
        self._children = 0
        self._lag = 0.0

    def look(self) -> None:
        """Look at the memory of this process and its descendants; called now and then."""
        own = os.getpid()
        children = system.family(own)
        self._children = max(self._children, len(children))
        self._memory = max(self._memory, sum(map(system.resident_memory, (own, *children))))

    def turned(self, lag: float) -> None:
        """Take note that the event loop turned so many seconds late."""
        self._lag = max(self._lag, lag)

    def record(self, run: Assignment, now_ns: int, *, is_shared: bool) -> SpanRecord | None:
        """Return what the attempt used, or None if it was short."""
        if now_ns - self._began_ns < LEAST_NS:
            return None
        self.look()
        now = os.times()
        own = now.user + now.system - self._began.user - self._began.system
        ended = now.children_user + now.children_system
        ended -= self._began.children_user + self._began.children_system
        attributes: dict[str, Any] = {
            "cpu.seconds": round(own, 3),
            "cpu.children_seconds": round(ended, 3),
            "cpu.utilization": round((own + ended) / ((now_ns - self._began_ns) / 1e9), 3),
            "memory.peak_bytes": self._memory,
            "processes.children": self._children,
            "loop.lag_ms": round(self._lag * 1000, 1),
        }
        return SpanRecord(
            run_id=run.run_id,
            attempt=run.attempt,
            id=span_of(run.run_id, USAGE, run.fence),
            parent_id=span_of_attempt(run.run_id, run.attempt),
            name=USAGE,
            started_ns=self._began_ns,
            ended_ns=now_ns,
            attributes={**attributes, "shared": True} if is_shared else attributes,
        )
