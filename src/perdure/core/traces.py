"""Traces: the ids of spans, and the header that joins what two programs saw.

A run is one OpenTelemetry trace, shared with the runs that it triggers.  The ids of all that Perdure itself
tells of a run (its time in line, its attempts, its waits) are made of the run's id, so nothing has to be
stored to know them, and what is exported has the ids that are shown.
"""

import re
from dataclasses import dataclass
from hashlib import blake2b
from typing import Self

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")

MAX_VALUE = 131_072
"""How many bytes the value of an attribute may have, and how many characters a message (of Trigger.dev)."""

MAX_ATTRIBUTES = 256
"""How many attributes a span or a log line may have (Trigger.dev's number)."""

MAX_SPANS = 10_000
"""How many spans of one run are kept in detail (Trigger.dev's number)."""


USAGE = "perdure.usage"
"""The name of what workers tell of the machine that an attempt used; it is shown with the attempt."""


@dataclass(frozen=True, slots=True)
class SpanContext:
    """A place in a trace: the trace and one of its spans, in hexadecimal digits, 32 and 16."""

    trace: str
    span: str

    @classmethod
    def parse(cls, header: str | None) -> Self | None:
        """Read a `traceparent` header (W3C Trace Context, §3.2); what is none gives None, as it says."""
        match = _TRACEPARENT.fullmatch((header or "").strip())
        if match is None or match[1] == "ff" or (match[1] == "00" and match[5]):
            return None
        if set(match[2]) == {"0"} or set(match[3]) == {"0"}:
            return None
        return cls(match[2], match[3])

    def __str__(self) -> str:
        """Return the `traceparent` header; what Perdure sees is always sampled."""
        return f"00-{self.trace}-{self.span}-01"


def trace_of(root: str) -> str:
    """Return the trace id of a family of runs, by the id of the first: 32 hexadecimal digits."""
    return blake2b(f"trace {root}".encode(), digest_size=16).hexdigest()


def span_of(run: str, what: str, number: int = 0) -> str:
    """Return the span id of something that Perdure tells of a run: 16 hexadecimal digits.

    Args:
        run: the run.
        what: `run`, `attempt`, `queue`, `wait`, …
        number: which of these.
    """
    return blake2b(f"{what} {number} {run}".encode(), digest_size=8).hexdigest()


def span_of_attempt(run: str, number: int) -> str:
    """Return the span id of an attempt; the first has number 1."""
    return span_of(run, "attempt", number)
