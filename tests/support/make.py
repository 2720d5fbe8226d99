"""Factories: environments, workers and runs in any status, made through the engine itself."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from perdure.core.duration import Duration, to_milliseconds
from perdure.core.ids import new_id
from perdure.core.lifecycle import Status
from perdure.engine import dead_letters
from perdure.engine.engine import Engine
from perdure.engine.queues import define
from perdure.store import catalog, runs, workers
from perdure.store.database import Tx
from perdure.store.rows import Environment, Run, Task, Version, Worker
from perdure.testing.clock import FakeClock
from perdure.wire.manifests import QueueManifest, RetryPolicy, TaskManifest
from perdure.wire.runs import TriggerOptions, TriggerRun
from perdure.wire.values import RunError
from perdure.wire.workers import (
    Assignment,
    Failed,
    PollRuns,
    Report,
    ReportItem,
    RetryChoice,
    Started,
    Succeeded,
    Verdict,
)

TASK = "hello"
VERSION = "20260101.1"

LISTENING_MS = 5_000
"""How much time passes between two looks at the leases."""

NO_JITTER = RetryPolicy(randomize=False)


def manifest(task: str = TASK, **changes: Any) -> TaskManifest:
    """Return the manifest of a task, with a queue of its own."""
    fields = {
        "id": task,
        "file_path": "tasks/hello.py",
        "line": 1,
        "name": task,
        "queue": QueueManifest(name=f"task/{task}"),
        "retry": NO_JITTER,
    }
    return TaskManifest(**(fields | changes))


def error(message: str = "no luck", **changes: Any) -> RunError:
    """Return an error as a task raises it."""
    return RunError(**{"type": "BUILT_IN_ERROR", "name": "ValueError", "message": message, **changes})


class Make:
    """Makes what a test needs, in one environment unless it says otherwise."""

    def __init__(self, engine: Engine, environment: Environment) -> None:
        """Use `Make.begin`."""
        self.engine = engine
        self.environment = environment
        self._db = engine.resources.db
        self._clock = engine.resources.clock
        self._numbers = itertools.count(1)

    @classmethod
    async def begin(cls, engine: Engine, **changes: Any) -> "Make":
        """Make an environment, and the maker of things in it."""
        make = cls(engine, Environment("", "", "", "", "", None, None, 0))
        make.environment = await make.another_environment(**changes)
        return make

    async def another_environment(self, **changes: Any) -> Environment:
        """Make an environment."""
        now = self._clock.now()
        identity = new_id("env", now)
        fields = {
            "id": identity,
            "slug": f"prod-{identity}",
            "type": "prod",
            "project": "tests",
            "key": f"tr_prod_{identity}",
            "current_version": None,
            "concurrency_limit": None,
            "created_at": now,
        }
        row = Environment(**(fields | changes))
        await self._db.transact(catalog.add_environment, row)
        return row

    async def version(
        self,
        *manifests: TaskManifest,
        version: str = VERSION,
        queues: Sequence[QueueManifest] = (),
        current: bool = True,
    ) -> None:
        """Make a version with these tasks, as a worker that connects does."""
        now = self._clock.now()
        environment = self.environment.id
        every = {queue.name: queue for queue in [*queues, *(m.queue for m in manifests)]}

        async def body(tx: Tx) -> None:
            rows = [Task(environment, version, m.id, m.to_json().decode()) for m in manifests]
            await catalog.add_version(tx, Version(environment, version, version, now), rows)
            if current:
                await catalog.set_current_version(tx, environment, version)
            await define(tx, environment, every.values(), now)
            await dead_letters.declare(tx, environment, manifests, every.values())

        await self._db.transact(body)
        self.engine.catalog.forget(environment)

    async def worker(
        self,
        *manifests: TaskManifest,
        version: str = VERSION,
        queues: Sequence[QueueManifest] = (),
        current: bool = True,
    ) -> Worker:
        """Connect a worker; its version has these tasks, or the one task `hello`."""
        await self.version(*(manifests or (manifest(),)), version=version, queues=queues, current=current)
        now = self._clock.now()
        number = next(self._numbers)
        row = Worker(
            id=new_id("worker", now),
            environment=self.environment.id,
            version=version,
            name=f"worker-{number}",
            host="localhost",
            pid=number,
            python_version="3.11",
            perdure_version="0.1.0",
            concurrency=10,
            problems="[]",
            connected_at=now,
            last_seen_at=now,
            disconnected_at=None,
            drained_at=None,
        )
        await self._db.transact(workers.add, row)
        return row

    async def trigger(self, task: str = TASK, payload: Any = None, **options: Any) -> str:
        """Trigger a run; return its id."""
        command = TriggerRun(payload=payload, options=TriggerOptions(**options))
        return (await self.engine.enqueue.trigger(self.environment, task, command)).id

    async def claim(self, worker: Worker, slots: int = 1) -> list[Assignment]:
        """Return the runs that a worker gets when it asks once."""
        command = PollRuns(worker_id=worker.id, slots=slots, wait=0)
        return (await self.engine.dequeue.poll(self.environment, command)).runs

    async def wait_for_runs(self, worker: Worker, slots: int = 1) -> list[Assignment]:
        """Return the runs that a worker gets when it waits for them."""
        command = PollRuns(worker_id=worker.id, slots=slots, wait=60)
        return (await self.engine.dequeue.poll(self.environment, command)).runs

    async def report(self, worker: Worker, *items: ReportItem) -> list[Verdict]:
        """Report as a worker; return the verdicts."""
        report = Report(worker_id=worker.id, items=list(items))
        return (await self.engine.attempts.report(self.environment, report)).verdicts

    async def start(self, worker: Worker, held: Assignment) -> Verdict:
        """Report that an attempt began."""
        return (await self.report(worker, Started(run_id=held.run_id, fence=held.fence)))[0]

    async def succeed(self, worker: Worker, held: Assignment, output: str | None = "null") -> Verdict:
        """Report that an attempt returned."""
        item = Succeeded(run_id=held.run_id, fence=held.fence, output=output)
        return (await self.report(worker, item))[0]

    async def fail(self, worker: Worker, held: Assignment, **changes: Any) -> Verdict:
        """Report that an attempt failed."""
        fields: Mapping[str, Any] = {"error": error(), **changes}
        return (await self.report(worker, Failed(run_id=held.run_id, fence=held.fence, **fields)))[0]

    async def hear_nothing(self, by: Duration) -> int:
        """Let time pass in which the engine listens, and no worker says anything; return the runs lost."""
        assert isinstance(self._clock, FakeClock)
        lost = 0
        left = to_milliseconds(by)
        while left > 0:
            self._clock.forward(min(left, LISTENING_MS) / 1000)
            left -= LISTENING_MS
            lost += await self.engine.rescue.run_once()
        return lost

    async def row(self, run: str) -> Run:
        """Return a run's row as it is now."""
        row = await self._db.read(runs.find, self.environment.id, run)
        assert row is not None
        return row

    async def status(self, run: str) -> str:
        """Return a run's status."""
        return (await self.row(run)).status

    async def run(self, *, status: Status = Status.QUEUED, worker: Worker | None = None) -> Run:
        """Make a run that is in this status by having lived up to it.

        Args:
            status: the status; QUEUED is also that of a run between two attempts.
            worker: who has or had it; by default one of its own, which knows a task of its own.
        """
        task = TASK if worker else f"task-{next(self._numbers)}"
        if status is Status.PENDING_VERSION:
            return await self.row(await self.trigger(task))
        if status is Status.DELAYED:
            return await self.row(await self.trigger(task, delay="1h"))
        worker = worker or await self.worker(manifest(task), version=f"20260101.{next(self._numbers)}")
        run = await self.trigger(task)
        if status is not Status.QUEUED:
            (held,) = await self.claim(worker)
            assert held.run_id == run
            await self._live(worker, held, status)
        row = await self.row(run)
        assert row.status == status
        return row

    async def _live(self, worker: Worker, held: Assignment, status: Status) -> None:
        if status is Status.DEQUEUED:
            return
        await self.start(worker, held)
        ends = {
            Status.FAILED: "fail",
            Status.CRASHED: "crash",
            Status.TIMED_OUT: "time_out",
            Status.SYSTEM_FAILURE: "break",
        }
        if status is Status.COMPLETED:
            await self.succeed(worker, held)
        elif status in ends:
            await self.fail(worker, held, how=ends[status], retry=RetryChoice(skip=True))
        else:
            assert status is Status.EXECUTING
