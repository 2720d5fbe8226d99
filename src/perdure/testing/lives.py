"""Runs as the harness keeps them: the rows that the engine would write, in memory.

What may happen to a run, and what follows, is the engine's to say: `RunReport` folds what an attempt
reports into a change of the row, here as there.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from perdure.core.clock import to_datetime
from perdure.core.lifecycle import FINAL, On, Status
from perdure.engine.assignments import assignment_of
from perdure.engine.moves import Move, Step
from perdure.engine.reports import RunReport
from perdure.sdk.task import Task
from perdure.store.packets import ERROR, METADATA, PAYLOAD
from perdure.store.rows import Attempt, Packet, Run
from perdure.store.waits import CHECKPOINT, Snapshot, Waiting
from perdure.testing.setting import VERSION, WORKER
from perdure.wire.manifests import TaskManifest
from perdure.wire.runs import TriggerRun
from perdure.wire.telemetry import SpanRecord
from perdure.wire.values import RunError
from perdure.wire.waits import Answer, Changes
from perdure.wire.workers import (
    Assignment,
    Checkpointed,
    LogLine,
    Parked,
    Pinned,
    ReportItem,
    Started,
    Verdict,
)

_ZERO = (
    "lane",
    "pool",
    "fence",
    "attempt",
    "spared",
    "losses",
    "active_ms",
    "is_mid_attempt",
    "is_awaited",
    "events",
)


def row_from(columns: Mapping[str, Any]) -> Run:
    """Return the row of a new run, whose other columns are as all new runs have them."""
    blank: dict[str, Any] = dict.fromkeys(Run._fields) | dict.fromkeys(_ZERO, 0)
    return Run(**{**blank, "updated_at": columns["created_at"], **columns})


@dataclass
class Waited:
    """Something that a run waited for, or still does."""

    #: `time`, `token`, `run` or `batch`
    kind: str
    #: a token's, a run's or a batch's id; of a time, a name
    subject: str
    #: of a time: when it is over
    until: datetime | None
    began_at: datetime
    #: when it was over, or given up; None while it waits
    ended_at: datetime | None = None
    #: whether the run was stored as bytes meanwhile; else it waited in memory
    is_parked: bool = True
    #: why it waited in memory, if it had to
    reason: str | None = None

    @property
    def seconds(self) -> float | None:
        """How long it took, in seconds of the harness's clock; None while it waits."""
        return None if self.ended_at is None else (self.ended_at - self.began_at).total_seconds()


@dataclass(frozen=True)
class Checkpoint:
    """A state that a run stored under a name."""

    key: str
    data: Any
    #: the number of the attempt that stored it
    attempt: int


@dataclass(eq=False)
class Life:
    """A run, with all that is known of it."""

    row: Run
    command: TriggerRun
    task: Task[..., Any] | None
    manifest: TaskManifest | None
    packets: dict[str, Packet] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    attempts: dict[int, Attempt] = field(default_factory=dict)
    states: list[Snapshot] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    waits: list[Waited] = field(default_factory=list)
    checkpoints: list[Checkpoint] = field(default_factory=list)
    lines: list[LogLine] = field(default_factory=list)
    #: by id, as they are now
    spans: dict[str, SpanRecord] = field(default_factory=dict)
    #: what the last attempt that failed was failed by, where the exception itself is at hand
    exception: BaseException | None = None

    @property
    def id(self) -> str:
        """The run's id."""
        return self.row.id

    @property
    def status(self) -> Status:
        """Where it is in its life."""
        return Status(self.row.status)

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in FINAL

    @property
    def metadata(self) -> dict[str, Any]:
        """The metadata, as it is now."""
        packet = self.packets.get(METADATA)
        return json.loads(packet.data) if packet else {}

    @property
    def error(self) -> RunError | None:
        """What it ended with, if it did not succeed."""
        packet = self.packets.get(ERROR)
        return RunError.model_validate_json(packet.data) if packet else None

    def happens(self, on: On, now: int, **changes: Any) -> None:
        """Let something happen to it; raises IllegalTransition."""
        self._move(Move(self.row, [Step(on)], changes), now)

    def claim(self, now: int, answers: list[Answer]) -> Assignment:
        """Hand it out, and return what an executor is given; the attempt begins."""
        assert self.manifest is not None  # without one it is not QUEUED
        facts = {"worker": WORKER, "version": VERSION, "fence": self.row.fence + 1}
        self.happens(On.CLAIM, now, place=None, due_at=None, **facts)
        handed = assignment_of(
            self.row, self.manifest, self.packets.get(PAYLOAD), self.packets.get(METADATA), self.tags
        )
        self.report(Started(run_id=self.id, fence=self.row.fence), now)
        state = self._state(self.row.snapshot)
        if state is None:
            return handed
        return handed.model_copy(
            update={
                "snapshot": base64.b64encode(state.stored).decode(),
                "snapshot_number": state.number,
                "changes": Changes.model_validate_json(state.changes) if state.changes else None,
                "answers": answers,
            }
        )

    def report(self, item: ReportItem, now: int) -> Verdict:
        """Take what its attempt reports."""
        report = RunReport(self.row, self.manifest, now=now, dice=_no_spread, numbers=self._numbers())
        verdict = report.add(WORKER, item)
        self._move(report.move(), now)
        self.attempts |= {
            number: _with_its_start(attempt, self.attempts.get(number))
            for number, attempt in report.attempts.items()
        }
        self.packets |= {packet.kind: packet for packet in report.packets}
        if report.snapshots:  # of states at waits, only the newest is of use
            kept = [state for state in self.states if state.kind == CHECKPOINT]
            self.states = [*kept, *report.snapshots]
        if isinstance(item, Parked | Pinned | Checkpointed):
            self.waiting = report.waiting
            self._note(item, now)
        return verdict

    def end_waits(self, over: set[tuple[str, str]] | None, now: int) -> None:
        """Note that waits are over: these, or all."""
        for waited in self.waits:
            if waited.ended_at is None and (over is None or (waited.kind, waited.subject) in over):
                waited.ended_at = to_datetime(now)

    def _move(self, move: Move, now: int) -> None:
        status = move.status()
        ends = {"finished_at": now, "due_at": None, "place": None} if move.steps and status in FINAL else {}
        changes: dict[str, Any] = {**move.changes, **ends, "status": status, "updated_at": now}
        self.row = self.row._replace(**changes)
        if self.has_ended:
            self.end_waits(None, now)

    def _note(self, item: Parked | Pinned | Checkpointed, now: int) -> None:
        if isinstance(item, Checkpointed):
            self.checkpoints.append(Checkpoint(item.key, item.data, self.row.attempt))
            return
        open_waits = {(w.kind, w.subject): w for w in self.waits if w.ended_at is None}
        for wait in item.waits:
            known = open_waits.pop((wait.kind.value, wait.subject), None)
            if known is None:
                known = Waited(wait.kind.value, wait.subject, wait.until, to_datetime(now))
                self.waits.append(known)
            known.is_parked = isinstance(item, Parked)
            known.reason = item.reason if isinstance(item, Pinned) else None
        self.end_waits(set(open_waits), now)

    def _numbers(self) -> tuple[int, int | None]:
        kept = [state.number for state in self.states if state.kind == CHECKPOINT]
        return (self.states[-1].number if self.states else 0), (kept[-1] if kept else None)

    def _state(self, number: int | None) -> Snapshot | None:
        return next((state for state in self.states if state.number == number), None)


def _with_its_start(attempt: Attempt, before: Attempt | None) -> Attempt:
    """Return an attempt that a later report ended, with the moment at which it began."""
    if before is None:
        return attempt
    return replace(attempt, started_at=before.started_at)


def _no_spread() -> float:
    """Retries of tests wait as long as the policy says, and not a random part longer."""
    return 0.0
