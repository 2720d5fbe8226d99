"""A run, as a test looks at it."""

import json
from collections.abc import Callable, Generator
from typing import Any, Generic, TypeVar, cast

from perdure.core.lifecycle import Status
from perdure.core.traces import USAGE
from perdure.sdk.handle import run_failed
from perdure.server import render
from perdure.store.packets import OUTPUT, PAYLOAD
from perdure.testing.answers import view_of
from perdure.testing.errors import NotEnded
from perdure.testing.lives import Checkpoint, Life, Waited
from perdure.testing.replays import snapshots
from perdure.testing.steps import Step
from perdure.testing.telling import waits_of
from perdure.testing.world import World
from perdure.wire.runs import Attempt, TriggerOptions
from perdure.wire.telemetry import SpanRecord
from perdure.wire.values import RunError
from perdure.wire.waits import Snapshots
from perdure.wire.workers import LogLine

R = TypeVar("R")

Finish = Callable[["Run[Any]"], Step["Run[Any]"]]


class Run(Generic[R]):
    """A run of a test; R is what its task returns.

    In an `async def` it is awaited to take the step that made it: `run = await perdure.run(task)`.
    """

    def __init__(self, world: World, life: Life, finish: Finish) -> None:
        self._world = world
        self._life = life
        self._finish = finish
        self._step: Step[Any] | None = None

    def after(self, step: Step[Any]) -> "Run[R]":
        """Return this, which takes a step when it is awaited."""
        self._step = step
        return self

    def __await__(self) -> Generator[Any, Any, "Run[R]"]:
        if self._step is not None:
            yield from self._step.__await__()
        return self

    # How it ended.

    @property
    def output(self) -> R:
        """What the task returned, as its return annotation says.

        Raises:
            RunFailed: the run did not succeed; what its code raised is the cause (`__cause__`).
            NotEnded: it has not ended.
        """
        __tracebackhide__ = True
        life = self._life
        if not life.has_ended:
            raise self._not_ended()
        if life.status is not Status.COMPLETED:
            raise run_failed(life.id, life.row.task, life.status, life.error) from self.error
        packet = life.packets.get(OUTPUT)
        assert life.task is not None  # it has run
        return cast("R", life.task.shape.decode_output(packet.data if packet else None))

    async def result(self) -> R:
        """Let time pass until the run has ended, and return its output; raises what `output` does.

        Raises:
            RunStuck: it waits for something that does not come by itself.
        """
        return (await self.finish()).output

    def result_sync(self) -> R:
        """Let the run end and return its output, as `result` does, in a plain function."""
        self.finish()
        return self.output

    def finish(self) -> "Step[Run[R]]":
        """Let time pass until the run has ended; a step, to be awaited in an `async def`.

        Raises:
            RunStuck: it waits for something that does not come by itself.
        """
        return cast("Step[Run[R]]", self._finish(self))

    @property
    def status(self) -> Status:
        """Where it is in its life."""
        return self._life.status

    @property
    def error(self) -> BaseException | None:
        """What its last attempt failed with: the exception itself, with its traceback.

        None if it has not failed, or was ended from outside (`failure` tells why).
        """
        return None if self.status is Status.COMPLETED else self._life.exception

    @property
    def failure(self) -> RunError | None:
        """Why it ended without success, as a server would store it."""
        return self._life.error

    # What it is.

    @property
    def id(self) -> str:
        """The run's id."""
        return self._life.id

    @property
    def task(self) -> str:
        """The task's id."""
        return self._life.row.task

    @property
    def payload(self) -> Any:
        """What it was triggered with, as JSON."""
        packet = self._life.packets.get(PAYLOAD)
        return json.loads(packet.data) if packet else None

    @property
    def options(self) -> TriggerOptions:
        """How it was triggered: `run.options.delay`, `.tags`, `.idempotency_key`, …"""
        return self._life.command.options

    @property
    def tags(self) -> list[str]:
        """Its tags: those of the trigger, and those that the task added."""
        return list(self._life.tags)

    @property
    def metadata(self) -> dict[str, Any]:
        """Its metadata, as they are now."""
        return self._life.metadata

    # What it did.

    @property
    def attempts(self) -> list[Attempt]:
        """Its attempts; each has a `number`, a `status`, `started_at`, `finished_at` and an `error`."""
        return render.full(view_of(self._world, self._life)).attempts

    @property
    def logs(self) -> list[LogLine]:
        """Its log: each line has a `level`, a `message`, `properties`, a `source` and an `attempt`."""
        return list(self._life.lines)

    @property
    def messages(self) -> list[str]:
        """The messages of its log."""
        return [line.message for line in self._life.lines]

    @property
    def spans(self) -> list[SpanRecord]:
        """Its spans, in the order in which they began; one that has no `ended_ns` is open."""
        own = (span for span in self._life.spans.values() if span.name != USAGE)
        return sorted(own, key=lambda span: span.started_ns)

    @property
    def waits(self) -> list[Waited]:
        """What it waited for, in order, and for how long."""
        return list(self._life.waits)

    @property
    def checkpoints(self) -> list[Checkpoint]:
        """Its checkpoints, in order."""
        return list(self._life.checkpoints)

    @property
    def snapshots(self) -> Snapshots:
        """Its stored states, newest first, as `handle.snapshots` gives them."""
        return snapshots(self._world, self._life)

    @property
    def children(self) -> list["Run[Any]"]:
        """The runs that it triggered, in order."""
        return [Run(self._world, life, self._finish) for life in self._world.children(self.id)]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Run) and other.id == self.id

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        told = f"{self.task} {self.status.value}"
        if self._life.row.attempt > 1:
            told += f", attempt {self._life.row.attempt}"
        if waits := waits_of(self._world, self._life):
            told += f", waits for {waits}"
        if self.failure is not None:
            told += f": {self.failure.name or self.failure.code}: {self.failure.message}"
        elif self.status is Status.COMPLETED:
            packet = self._life.packets.get(OUTPUT)
            told += f": {packet.data if packet else None}"
        return f"<Run {told}>"

    def _not_ended(self) -> NotEnded:
        waits = waits_of(self._world, self._life)
        step = "Let it end by run.finish(), or move the time by perdure.advance(…)."
        if self._step is not None and not self._step.is_taken:
            step = f"It was not awaited: `run = await perdure.{self._step.what}`."
        return NotEnded(
            run=self.id,
            task=self.task,
            status=self.status,
            reason=f", and waits for {waits}" if waits else "",
            step=step,
        )
