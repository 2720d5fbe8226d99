"""The two vocabularies of a run's status.

A client that sends `x-trigger-api-version: 2025-07-16` gets the statuses of `core.lifecycle`; one that
does not is of the time before, and gets the words of that time.
"""

import json
from typing import Any

from perdure.core.lifecycle import Status
from perdure.server.request import Request
from perdure.wire.model import Model
from perdure.wire.runs import RunPage, RunSummary

_HEADER = b"x-trigger-api-version"
_MODERN_VERSION = b"2025-07-16"

_LEGACY = {Status.DEQUEUED: "EXECUTING", Status.WAITING: "FROZEN"}
_MODERN = {"FROZEN": Status.WAITING, "REATTEMPTING": Status.QUEUED}


def is_modern(request: Request) -> bool:
    """Tell which vocabulary a client speaks."""
    return request.headers.get(_HEADER) == _MODERN_VERSION


def to_legacy_json(answer: Model) -> bytes:
    """Return an answer as JSON, its runs' statuses spelled as they once were."""
    if not isinstance(answer, RunSummary | RunPage):
        return answer.to_json()
    wire = answer.to_wire()
    related = wire.get("relatedRuns", {})
    family = [wire, related.get("root"), related.get("parent"), *related.get("children", [])]
    for run in wire["data"] if isinstance(answer, RunPage) else family:
        _respell(run)
    return json.dumps(wire, ensure_ascii=False, separators=(",", ":")).encode()


def _respell(run: dict[str, Any] | None) -> None:
    if run is not None:
        run["status"] = _LEGACY.get(run["status"], run["status"])


def from_legacy(statuses: str) -> str:
    """Return a comma-joined list of statuses in today's words."""
    return ",".join(_MODERN.get(status, status) for status in statuses.split(","))
