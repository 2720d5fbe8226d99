"""What a worker reports of one run, folded into one change of its row."""

import base64
import binascii
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from perdure.core.lifecycle import On, Status, after
from perdure.engine.decisions import EndAs, decide
from perdure.engine.moves import Move, Step, place_of, resumed_place
from perdure.engine.resources import Dice
from perdure.engine.waiting import rows_of
from perdure.store import timers
from perdure.store.packets import ERROR, OUTPUT
from perdure.store.rows import Attempt, Packet, Run
from perdure.store.timers import Timer
from perdure.store.waits import CHECKPOINT, IN_MEMORY, WAIT, Snapshot, Waiting
from perdure.wire.manifests import RetryPolicy, TaskManifest
from perdure.wire.values import JSON
from perdure.wire.workers import (
    Canceled,
    Checkpointed,
    Failed,
    MetadataChanged,
    Parked,
    Pinned,
    Released,
    ReportItem,
    Started,
    Succeeded,
    Verdict,
)

EXECUTING = "EXECUTING"
COMPLETED = "COMPLETED"
FAILED = "FAILED"
CANCELED = "CANCELED"
RELEASED = "RELEASED"
LOST = "LOST"
"""The statuses of attempts."""

TOLD_IN_MEMORY = "waits in memory: "
"""What the events of a pinned run say, before the reason."""

ACTIVE = frozenset({Status.DEQUEUED, Status.EXECUTING, Status.WAITING})
"""A worker may report of a run in one of these."""


class RunReport:
    """The items about one run, in order, and what they come to."""

    def __init__(
        self,
        run: Run,
        manifest: TaskManifest | None,
        *,
        now: int,
        dice: Dice,
        numbers: tuple[int, int | None] = (0, None),
        keeps_version: bool = False,
    ) -> None:
        """Begin with a locked run.

        Args:
            run: its row.
            manifest: its task, if that matters to the items: when it is tried again, and on which machine.
            now: the current moment.
            dice: for the spread of the waits.
            numbers: of its newest stored state, and of its newest checkpoint.
            keeps_version: whether what it stores is kept for the workers of its version.
        """
        self.run = run
        self.status = Status(run.status)
        self.steps: list[Step] = []
        self.changes: dict[str, Any] = {}
        self.attempts: dict[int, Attempt] = {}
        self.packets: list[Packet] = []
        self.alarms: list[Timer] = []
        self.metadata: list[MetadataChanged] = []
        self.snapshots: list[Snapshot] = []
        self.waiting: list[Waiting] = []
        self._numbers = numbers
        self._policy = manifest.retry if manifest else RetryPolicy()
        self._machine = run.machine or (manifest.machine if manifest else None)
        self._kept_version = (run.version or "") if keeps_version else ""
        self._now = now
        self._dice = dice

    def move(self) -> Move:
        """Return the change of the row."""
        return Move(self.run, self.steps, self.changes)

    def add(self, worker: str, item: ReportItem) -> Verdict:
        """Take one item; return what became of it."""
        if self.run.worker != worker or self.run.fence != item.fence:
            return self._refuse("lease_lost")
        if self.status is Status.CANCELED and not isinstance(item, Canceled):
            return self._refuse("canceled")
        if self.status not in ACTIVE and not isinstance(item, Canceled):
            # The answer to an earlier report was lost, and the worker sends it again.
            return self._accept(retry_in_ms=self._retry_in())
        return _TAKE[type(item)](self, item)

    def _started(self, item: Started) -> Verdict:
        if self.status is Status.DEQUEUED:
            self._start()
        return self._accept()

    def _succeeded(self, item: Succeeded) -> Verdict:
        self._start_if_needed(item.duration_ms)
        self._happen(On.SUCCEED)
        self._end_attempt(COMPLETED, item.duration_ms)
        if item.output is not None:
            self.packets.append(Packet(self.run.id, OUTPUT, item.output_type, item.output))
        return self._accept()

    def _failed(self, item: Failed) -> Verdict:
        self._start_if_needed(item.duration_ms)
        error = item.error.to_json().decode()
        decision = decide(self._as_it_is(), item, self._policy, self._machine, now=self._now, dice=self._dice)
        message = item.error.message
        retry_at = None if isinstance(decision, EndAs) else decision.moment
        self._end_attempt(FAILED, item.duration_ms, error=error, retry_at=retry_at)
        if isinstance(decision, EndAs):
            self._happen(decision.on, message)
            self.packets.append(Packet(self.run.id, ERROR, JSON, error))
            return self._accept()
        self._happen(On.RETRY, message)
        self.changes |= {"snapshot": self._numbers[1], "is_mid_attempt": 0}
        self._line_up(decision.moment)
        if decision.machine is not None:
            self.changes["machine"] = decision.machine
        return self._accept(retry_in_ms=decision.moment - self._now)

    def _canceled(self, item: Canceled) -> Verdict:
        """The row says so already; what is left to tell is how long the attempt took."""
        if self.status is Status.CANCELED and self._number() > 0:
            self._end_attempt(CANCELED, item.duration_ms)
        return self._accept()

    def _released(self, item: Released) -> Verdict:
        if self.status is not Status.DEQUEUED:
            self.changes |= {"spared": self.run.spared + 1, "is_mid_attempt": 0}
            self._end_attempt(RELEASED, 0.0)
        self._happen(On.RELEASE, item.reason)
        self.changes |= {"place": resumed_place(self.run), "lease_until": None}
        return self._accept()

    def _parked(self, item: Parked) -> Verdict:
        if self.status is Status.WAITING and self.run.lease_until is None:
            return self._accept()  # the answer to this very report was lost
        self._start_if_needed(item.duration_ms)
        if not self._store(WAIT, item):
            return self._refuse("bad_snapshot")
        self._happen(On.WAIT, _told(item))
        self.changes["active_ms"] = self.changes.get("active_ms", self.run.active_ms) + item.duration_ms
        self.changes |= {"is_mid_attempt": 1, "lease_until": None}
        return self._accept()

    def _pinned(self, item: Pinned) -> Verdict:
        """What it waits for in memory is kept beside what its last stored state waits for."""
        self._start_if_needed()
        self.waiting += rows_of(self.run.id, IN_MEMORY, item.waits)
        self._happen(On.WAIT, TOLD_IN_MEMORY + item.reason)
        return self._accept()

    def _checkpointed(self, item: Checkpointed) -> Verdict:
        self._start_if_needed()
        if not self._store(CHECKPOINT, item):
            return self._refuse("bad_snapshot")
        return self._accept(snapshot_number=self._numbers[0])

    def _store(self, kind: str, item: Parked | Checkpointed) -> bool:
        """Take a state of the run; return whether its bytes could be read."""
        try:
            stored = base64.b64decode(item.snapshot, validate=True)
        except binascii.Error:
            return False
        number = self._numbers[0] + 1
        self._numbers = number, number if kind == CHECKPOINT else self._numbers[1]
        self.changes |= {"snapshot": number, "kept_version": self._kept_version}
        self.waiting += rows_of(self.run.id, number, item.waits)
        checkpoint = item if isinstance(item, Checkpointed) else None
        self.snapshots.append(
            Snapshot(
                run=self.run.id,
                number=number,
                kind=kind,
                key=checkpoint.key if checkpoint else None,
                data=json.dumps(checkpoint.data) if checkpoint and checkpoint.data is not None else None,
                attempt=self._number(),
                stored=stored,
                frames=json.dumps([frame.to_wire() for frame in item.frames]),
                created_at=self._now,
            )
        )
        return True

    def _changed_metadata(self, item: MetadataChanged) -> Verdict:
        self.metadata.append(item)
        return self._accept()

    def _start_if_needed(self, lasted: float = 0) -> None:
        """Begin the attempt if nothing has told so yet; it has lasted so many milliseconds."""
        if self.status is Status.DEQUEUED:
            self._start(lasted)

    def _start(self, lasted: float = 0) -> None:
        if self.run.is_mid_attempt:
            self._happen(On.START)
            return
        number = self._number() + 1
        self.changes["attempt"] = number
        began = max(self._now - round(lasted), self.run.queued_at or 0)
        self.changes["started_at"] = self.run.started_at or began
        self._happen(On.START)
        self.attempts[number] = replace(self._attempt(EXECUTING), started_at=began)

    def _happen(self, on: On, message: str | None = None) -> None:
        self.status = after(self.status, on)
        self.steps.append(Step(on, self._number() or None, message))

    def _number(self) -> int:
        """Return the number of the attempt under way, or the last one's."""
        return self.changes.get("attempt", self.run.attempt)

    def _attempt(self, status: str, ended: int | None = None, **more: Any) -> Attempt:
        return Attempt(
            run=self.run.id,
            number=self._number(),
            status=status,
            worker=self.run.worker or "",
            version=self.run.version or "",
            machine=self._machine,
            started_at=self._now,
            finished_at=ended,
            active_ms=more.get("active_ms"),
            error=more.get("error"),
            retry_at=more.get("retry_at"),
        )

    def _end_attempt(
        self, status: str, active_ms: float, *, error: str | None = None, retry_at: int | None = None
    ) -> None:
        """End the attempt; if it began in an earlier report, its row keeps when and where."""
        number = self._number()
        ended = self._attempt(status, self._now, active_ms=active_ms, error=error, retry_at=retry_at)
        begun = self.attempts.get(number)
        self.attempts[number] = replace(ended, started_at=begun.started_at) if begun else ended
        self.changes["active_ms"] = self.changes.get("active_ms", self.run.active_ms) + active_ms

    def _line_up(self, moment: int) -> None:
        """Let the run wait for its next attempt, or take its place at once."""
        if moment <= self._now:
            place = place_of(self._now, self.run.priority)
            self.changes |= {"place": place, "due_at": None, "lease_until": None}
        else:
            self.changes |= {"place": None, "due_at": moment, "lease_until": None}
            self.alarms.append(Timer(moment, timers.RETRY, self.run.id))

    def _as_it_is(self) -> Run:
        return self.run._replace(attempt=self._number())

    def _retry_in(self) -> int | None:
        due = self.changes.get("due_at", self.run.due_at)
        return max(0, due - self._now) if self.status is Status.QUEUED and due is not None else None

    def _accept(self, retry_in_ms: int | None = None, snapshot_number: int | None = None) -> Verdict:
        return Verdict(run_id=self.run.id, ok=True, retry_in_ms=retry_in_ms, snapshot_number=snapshot_number)

    def _refuse(self, code: str) -> Verdict:
        return Verdict(run_id=self.run.id, ok=False, code=code)


def _told(item: Parked) -> str:
    """Return what a run waits for, for its events."""
    return "waits for " + ", ".join(
        f"{wait.until:%Y-%m-%d %H:%M:%S} UTC" if wait.until else f"{wait.kind.value} {wait.subject}"
        for wait in item.waits
    )


_TAKE: dict[type, Callable[[RunReport, Any], Verdict]] = {
    Started: RunReport._started,
    Succeeded: RunReport._succeeded,
    Failed: RunReport._failed,
    Canceled: RunReport._canceled,
    Released: RunReport._released,
    Parked: RunReport._parked,
    Pinned: RunReport._pinned,
    Checkpointed: RunReport._checkpointed,
    MetadataChanged: RunReport._changed_metadata,
}
