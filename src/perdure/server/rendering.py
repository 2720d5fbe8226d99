"""Runs as those who watch them read them: rendered once, however many watch."""

import json
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from pydantic_core import to_json

from perdure.core.clock import to_datetime
from perdure.core.lifecycle import FINAL, Status
from perdure.server import render
from perdure.store.feed import Shown
from perdure.store.packets import ERROR, METADATA, OUTPUT, PAYLOAD
from perdure.store.views import RunView
from perdure.wire.realtime import Change

S = Status

KEPT_CHARACTERS = 16_000_000
"""How much of what was rendered is kept."""

RESERVED = frozenset({"id", "taskIdentifier", "friendlyId", "status", "createdAt", "updatedAt"})
"""Columns that no client can leave out; the official one needs them."""

# As the official database spells them, where that differs.
_OFFICIAL = {
    S.QUEUED: "PENDING",
    S.WAITING: "WAITING_TO_RESUME",
    S.COMPLETED: "COMPLETED_SUCCESSFULLY",
    S.FAILED: "COMPLETED_WITH_ERRORS",
}


class Renderer:
    """Renders runs, and keeps what it has rendered."""

    def __init__(self) -> None:
        """Begin with nothing kept."""
        self._kept: OrderedDict[tuple[str, int, frozenset[str], str], bytes] = OrderedDict()
        self._size = 0

    def event(self, shown: Shown, skip: frozenset[str]) -> bytes:
        """Return a run as JSON, in the words of this API."""
        return self._once(shown, skip, "event", _run)

    def row(self, shown: Shown, skip: frozenset[str]) -> bytes:
        """Return a run as JSON, as a change of a row of the official database."""
        return self._once(shown, skip, "row", _row)

    def _once(
        self, shown: Shown, skip: frozenset[str], form: str, render: Callable[[Shown, frozenset[str]], bytes]
    ) -> bytes:
        name = (shown.run.id, shown.run.updated_at, skip, form)
        known = self._kept.get(name)
        if known is not None:
            self._kept.move_to_end(name)
            return known
        made = self._kept[name] = render(shown, skip)
        self._size += len(made)
        while self._size > KEPT_CHARACTERS:
            self._size -= len(self._kept.popitem(last=False)[1])
        return made


def _run(shown: Shown, skip: frozenset[str]) -> bytes:
    view = RunView(shown.run, shown.tags, shown.packets, [], None, None, [], None)
    return to_json(_without(skip, render.full(view).to_wire()))


def _row(shown: Shown, skip: frozenset[str]) -> bytes:
    run = shown.run
    change = Change(
        key=f'"public"."TaskRun"/"{run.id}"',
        value=_without(skip, _columns(shown)),
        headers={"operation": "insert"},
    )
    return to_json(change.model_dump(mode="json", by_alias=True))


def _without(skip: frozenset[str], value: dict[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in value.items() if name not in skip or name in RESERVED}


def _columns(shown: Shown) -> dict[str, Any]:
    """Return the columns of the official table that its clients read; `electric-schema` is `{}`."""
    run, status = shown.run, Status(shown.run.status)
    error = shown.packets.get(ERROR)
    return {
        "id": run.id,
        "friendlyId": run.id,
        "taskIdentifier": run.task,
        "status": _OFFICIAL.get(status, status.value),
        "createdAt": _moment(run.created_at),
        "updatedAt": _moment(run.updated_at),
        "startedAt": _moment(run.started_at),
        "delayUntil": _moment(run.delayed_until),
        "queuedAt": _moment(run.queued_at),
        "expiredAt": _moment(run.finished_at) if status is S.EXPIRED else None,
        "completedAt": _moment(run.finished_at) if status in FINAL else None,
        "number": 0,
        "isTest": bool(run.is_test),
        "usageDurationMs": round(run.active_ms),
        "costInCents": 0,
        "baseCostInCents": 0,
        "ttl": render.duration(run.ttl_ms),
        "idempotencyKey": render.key(run),
        **_packet(shown, PAYLOAD, "payload"),
        **(_packet(shown, OUTPUT, "output") if status is S.COMPLETED else {"output": None}),
        **_packet(shown, METADATA, "metadata"),
        "runTags": list(shown.tags),
        "realtimeStreams": list(shown.streams),
        "error": json.loads(error.data) if error is not None and status is not S.COMPLETED else None,
    }


def _packet(shown: Shown, kind: str, name: str) -> dict[str, str | None]:
    packet = shown.packets.get(kind)
    return {name: packet.data, f"{name}Type": packet.type} if packet else {name: None}


def _moment(milliseconds: int | None) -> str | None:
    """Return a moment without its zone, as the official client wants it."""
    if milliseconds is None:
        return None
    return to_datetime(milliseconds).replace(tzinfo=None).isoformat(timespec="milliseconds")
