"""What there is in a test: its runs, its tokens and its time, without a server.

Each change is made at once and whole, under one lock, by whichever thread asks for it; what is to go on
after it is for the driver to see.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from perdure.core.clock import Clock, to_datetime
from perdure.core.errors import NotFound
from perdure.core.lifecycle import FINAL, On, Status
from perdure.engine.cancel import BY_REQUEST, WITH_PARENT
from perdure.engine.drafts import Draft, Known, NewRun, draft, row_of
from perdure.engine.metadata import applied_as_far_as_possible, by_run
from perdure.engine.tokens import timed_out
from perdure.engine.waiting import answer_of
from perdure.sdk import registry
from perdure.sdk.task import Task
from perdure.store import waits
from perdure.store.packets import ERROR, METADATA, SEED
from perdure.store.rows import Packet
from perdure.store.tokens import TIMEOUT
from perdure.store.waits import Over, Snapshot, Waiting
from perdure.testing.batches import Batches
from perdure.testing.keys import Keys
from perdure.testing.lives import Life, row_from
from perdure.testing.schedules import Schedules
from perdure.testing.setting import ENVIRONMENT, SETTINGS
from perdure.testing.tokens import Tokens
from perdure.wire.manifests import TaskManifest
from perdure.wire.runs import MetadataOperation, Triggered, TriggerRun, UpdateMetadata
from perdure.wire.values import JSON, MAX_TAGS, ErrorCode, RunError
from perdure.wire.waits import Answer
from perdure.wire.workers import MetadataChanged, ReportItem, Verdict

Wakes = Callable[[list[Answer]], None]


@dataclass(frozen=True)
class Moment:
    """A moment at which something happens by itself."""

    at: int
    #: the run that it happens to, or None
    run: str | None
    #: the token whose time is over, or None
    token: str | None = None


class World:
    """The runs, tokens and schedules of a test."""

    def __init__(self, clock: Clock, prepare: Callable[[Task[..., Any]], None]) -> None:
        """Begin with nothing.

        Args:
            clock: what tells the time.
            prepare: is called with each task before its first run.
        """
        self.clock = clock
        self.lock = threading.RLock()
        self.lives: dict[str, Life] = {}
        self.tokens = Tokens()
        self.batches = Batches()
        self.schedules = Schedules()
        self.keys = Keys(self.lives)
        #: what lets a run go on that waits in memory, by run
        self.in_memory: dict[str, Wakes] = {}
        #: what stops a run that is under way, by run
        self.stops: dict[str, Callable[[], None]] = {}
        #: is called when something has changed, from any thread
        self.on_change: Callable[[], None] = _nothing
        self._tasks: dict[str, Task[..., Any]] = {}
        self._prepare = prepare

    # Tasks.

    def know(self, task: Task[..., Any]) -> None:
        """Let this task be the one of its id."""
        self._tasks[task.id] = task
        self._prepare(task)

    def task(self, id: str) -> Task[..., Any] | None:
        """Return the task of an id: the one that was named here, or else the one declared last."""
        if id not in self._tasks:
            declared = [task for task in registry.declared() if task.id == id]
            if not declared:
                return None
            self.know(declared[-1])
        return self._tasks[id]

    def known_tasks(self) -> list[str]:
        """Return the ids of all tasks there are."""
        return sorted({*self._tasks, *(task.id for task in registry.declared())})

    # Runs.

    def get(self, run: str) -> Life:
        """Return a run; raises NotFound."""
        if run not in self.lives:
            raise NotFound(kind="run", name=run)
        return self.lives[run]

    def trigger(
        self,
        task: str,
        command: TriggerRun,
        *,
        batch: str | None = None,
        replay_of: str | None = None,
        state: Snapshot | None = None,
    ) -> Triggered:
        """Trigger a run, unless a key stands for one; raises BadOption."""
        new = NewRun(environment=ENVIRONMENT, task=task, command=command, batch=batch, replay_of=replay_of)
        return self.add(new, state)

    def add(self, new: NewRun, state: Snapshot | None = None) -> Triggered:
        """Add a run, which begins at a stored state or at the top; raises BadOption."""
        with self.lock:
            now = self.clock.now()
            drafted = draft(new, now, SETTINGS)
            known = self.task(new.task)
            life = self._life(drafted, known)
            if held := self.keys.take(drafted, now):
                return Triggered(id=held[0], is_cached=held[1])
            if state is not None:
                life.states = [replace(state, run=life.id)]
                life.row = life.row._replace(snapshot=state.number)
            self.lives[life.id] = life
            self.on_change()
            return Triggered(id=life.id, is_cached=False)

    def _life(self, drafted: Draft, task: Task[..., Any] | None) -> Life:
        manifests: dict[tuple[str, str, str], TaskManifest] = {}
        if task is not None:
            manifest = task.manifest()
            version = drafted.new.command.options.lock_to_version or ""
            manifests = {(ENVIRONMENT.id, asked, task.id): manifest for asked in ("", version)}
        parents = {life.id: life.row for life in self.lives.values()}
        row = row_from(row_of(drafted, Known(parents, manifests), SETTINGS))
        packets = {packet.kind: packet for packet in drafted.packets}
        found = next(iter(manifests.values()), None)
        return Life(row, drafted.new.command, task, found, packets, tags=list(drafted.tags))

    def children(self, run: str) -> list[Life]:
        """Return the runs that a run has triggered, in order."""
        return [life for life in self.lives.values() if life.row.parent == run]

    def report(self, life: Life, item: ReportItem) -> Verdict:
        """Take what an attempt reports, and wake whoever waited for it."""
        with self.lock:
            verdict = life.report(item, self.clock.now())
            self.wake()
            return verdict

    def cancel(self, run: str) -> None:
        """Cancel a run and its unfinished descendants; raises NotFound."""
        with self.lock:
            self._cancel(self.get(run), BY_REQUEST)
            self.wake()

    def _cancel(self, life: Life, reason: str) -> None:
        if not life.has_ended:
            life.happens(On.CANCEL, self.clock.now())
            error = RunError.internal(ErrorCode.CANCELLED, f"The run was {reason}")
            life.packets[ERROR] = Packet(life.id, ERROR, JSON, error.to_json().decode())
            if stop := self.stops.get(life.id):
                stop()
            for child in self.children(life.id):
                self._cancel(child, WITH_PARENT)

    def change(self, life: Life, change: MetadataChanged | UpdateMetadata) -> None:
        """Change the metadata of a run, its parent or its root, and add tags."""
        with self.lock:
            for run, operations in by_run(life.row, change).items():
                if run in self.lives:
                    self._change_metadata(self.lives[run], operations)
            if isinstance(change, MetadataChanged):
                fresh = [tag for tag in dict.fromkeys(change.tags) if tag not in life.tags]
                life.tags += fresh[: MAX_TAGS - len(life.tags)]

    def _change_metadata(self, life: Life, operations: list[MetadataOperation]) -> None:
        before = life.packets.get(METADATA, Packet(life.id, METADATA, JSON, "{}"))
        life.packets.setdefault(SEED, before)
        text = applied_as_far_as_possible(before.data, operations)
        life.packets[METADATA] = Packet(life.id, METADATA, JSON, text)

    # Tokens.

    def complete(self, token: str, data: Any, *, by: str) -> bool:
        """Complete a token; return whether this was the first answer.  Raises NotFound."""
        with self.lock:
            is_first = self.tokens.finish(token, self.clock.now(), by=by, data=data)
            self.wake()
            return is_first

    # Waits and time.

    def wake(self) -> None:
        """Let those runs go on for which something is over."""
        for life in self.lives.values():
            if life.status is Status.WAITING and (over := self.over(life)):
                self._let_go_on(life, over)
        self._tick()
        self.on_change()

    def _tick(self) -> None:
        """Make the runs of ticks that are due."""
        for turn in self.schedules.turns(self.clock.now(), self._live_runs_of):
            if turn.outcome.cancels:
                for run in self._live_runs_of(turn.schedule.id):
                    self._cancel(self.lives[run], BY_REQUEST)
            for new in turn.runs(ENVIRONMENT):
                self.add(new)

    def _live_runs_of(self, schedule: str) -> list[str]:
        return [
            life.id for life in self.lives.values() if life.row.schedule == schedule and not life.has_ended
        ]

    def _let_go_on(self, life: Life, over: list[Over]) -> None:
        now = self.clock.now()
        life.end_waits({(one.kind, one.subject) for one in over}, now)
        wakes = self.in_memory.pop(life.id, None)
        if wakes is None:
            life.happens(On.RESUME, now)
        else:
            life.happens(On.WAKE, now)
            wakes([answer_of(one) for one in over])

    def over(self, life: Life) -> list[Over]:
        """Return what is over of all that a run waits for."""
        return [over for waiting in life.waiting if (over := self._over(waiting))]

    def _over(self, waiting: Waiting) -> Over | None:
        facts: dict[str, Any] = dict.fromkeys(("status", "output", "output_type", "completed_by", "error"))
        if waiting.kind == waits.TIME:
            is_over = (waiting.due_at or 0) <= self.clock.now()
        elif waiting.kind == waits.TOKEN:
            kept = self.tokens.find(waiting.subject)
            is_over = kept is not None and not kept.is_open
            if kept is not None:
                facts |= {name: getattr(kept.token, name) for name in _OF_TOKEN}
        elif waiting.kind == waits.BATCH:
            batch = self.batches.find(waiting.subject)
            is_over = batch is not None and batch.is_over
        else:
            life = self.lives.get(waiting.subject)
            is_over = life is not None and life.has_ended
            if life is not None:
                facts["status"] = life.status
                facts |= {name: life.packets[name].data for name in _OF_RUN if name in life.packets}
        if not is_over:
            return None
        return Over(waiting.run, waiting.kind, waiting.subject, waiting.due_at, **facts)

    def moments(self) -> Iterator[Moment]:
        """Yield the moments at which something happens by itself."""
        for life in self.lives.values():
            if life.row.due_at is not None and life.status in (Status.DELAYED, Status.QUEUED):
                yield Moment(life.row.due_at, life.id)
            elif life.status is Status.WAITING:
                for waiting in life.waiting:
                    if waiting.due_at is not None:
                        yield Moment(waiting.due_at, life.id)
        for kept in self.tokens:
            if kept.is_open and kept.token.timeout_at is not None:
                yield Moment(kept.token.timeout_at, None, kept.token.id)
        for at in self.schedules.moments():
            yield Moment(at, None)

    def pass_moment(self) -> None:
        """Do what is due now."""
        with self.lock:
            now = self.clock.now()
            for life in self.lives.values():
                if life.row.due_at is not None and life.row.due_at <= now and life.status not in FINAL:
                    if life.status is Status.DELAYED:
                        life.happens(On.DUE, now, queued_at=now)
                    life.row = life.row._replace(due_at=None)
            for token in self.tokens.due(now):
                self.tokens.finish(token, now, by=TIMEOUT, data=timed_out(now))
            self.wake()

    def ready(self) -> list[Life]:
        """Return the runs that may begin or go on, in the order in which they were triggered."""
        return [
            life for life in self.lives.values() if life.status is Status.QUEUED and life.row.due_at is None
        ]

    def answers(self, life: Life) -> list[Answer]:
        """Return what came of all that is over of what a run waits for."""
        return [answer_of(one) for one in self.over(life)]

    def waiting(self, life: Life) -> list[Waiting]:
        """Return what a run waits for now."""
        return life.waiting if life.status is Status.WAITING else []

    def awaited(self, life: Life) -> list[Life]:
        """Return the runs that a run waits for."""
        found: list[Life] = []
        for waiting in self.waiting(life):
            if waiting.kind == waits.RUN and waiting.subject in self.lives:
                found.append(self.lives[waiting.subject])
            elif waiting.kind == waits.BATCH and (batch := self.batches.find(waiting.subject)):
                found += batch.runs.values()
        return found

    def now(self) -> str:
        """Return the moment, for people."""
        return f"{to_datetime(self.clock.now()):%Y-%m-%d %H:%M:%S}"


_OF_TOKEN = ("output", "output_type", "completed_by")
_OF_RUN = ("output", "error")


def _nothing() -> None:
    pass
