"""Workers come and go; with new code they bring a new version."""

from collections.abc import Iterable
from datetime import UTC

from pydantic import TypeAdapter

from perdure.core.clock import to_datetime
from perdure.core.errors import NotFound
from perdure.core.ids import new_id
from perdure.engine import dead_letters
from perdure.engine.catalog import Catalog
from perdure.engine.declared import declare
from perdure.engine.pending import CHANNEL
from perdure.engine.queues import define
from perdure.engine.rescue import give_back
from perdure.engine.resources import Resources
from perdure.store import catalog, runs, workers
from perdure.store.database import Tx
from perdure.store.rows import Environment, Task, Version, Worker
from perdure.wire.manifests import ImportProblem, QueueManifest, TaskManifest
from perdure.wire.values import EnvironmentType
from perdure.wire.workers import Connected, ConnectWorker, TaskInfo, Tasks, WorkerEnvironment, WorkerInfo
from perdure.wire.workers import Workers as WorkerList

_PROBLEMS = TypeAdapter(list[ImportProblem])

LEFT = "its worker left without handing it back"


class Workers:
    """Knows the workers, and what they can run."""

    def __init__(self, resources: Resources, catalog: Catalog) -> None:
        """Use these resources and this knowledge of tasks."""
        self._resources = resources
        self._catalog = catalog

    async def connect(self, environment: Environment, command: ConnectWorker) -> Connected:
        """Take note of a worker; make a version of its code if it is new."""
        now = self._resources.clock.now()
        worker = new_id("worker", now)
        version = await self._resources.db.transact(self._connect, environment, command, worker, now)
        self._catalog.forget(environment.id)
        settings = self._resources.settings
        return Connected(
            worker_id=worker,
            version=version,
            environment=WorkerEnvironment(
                id=environment.id,
                slug=environment.slug,
                type=EnvironmentType(environment.type),
                project=environment.project,
            ),
            lease_ms=settings.lease_ms,
            heartbeat_ms=settings.heartbeat_ms,
            now=now,
        )

    async def disconnect(self, environment: Environment, worker: str) -> None:
        """Let a worker go; what it still holds goes back to its queues.

        Raises:
            NotFound: there is none of this id in the environment.
        """
        await self._resources.db.transact(self._disconnect, environment, worker)

    async def list(self, environment: Environment) -> WorkerList:
        """Return the workers that are connected and were heard of within two leases."""
        since = self._resources.clock.now() - 2 * self._resources.settings.lease_ms
        found = await self._resources.db.read(workers.connected, environment.id, since=since)
        return WorkerList(workers=[_info(worker, running) for worker, running in found])

    async def tasks(self, environment: Environment) -> Tasks:
        """Return the tasks of the current version, and what did not import of it."""
        version, tasks, problems = await self._resources.db.read(_current, environment.id)
        manifests = [TaskManifest.model_validate_json(task.manifest) for task in tasks]
        return Tasks(
            version=version,
            tasks=[TaskInfo(**dict(manifest), version=version or "") for manifest in manifests],
            problems=_PROBLEMS.validate_json(problems),
        )

    async def _connect(
        self, tx: Tx, environment: Environment, command: ConnectWorker, worker: str, now: int
    ) -> str:
        await catalog.lock_environment(tx, environment.id)  # two workers with the same code make one version
        version = await catalog.version_of_code(tx, environment.id, command.code_hash)
        is_new = version is None
        if version is None:
            version = await _next_version(tx, environment.id, now)
            await _add_version(tx, environment.id, version, command, now)
        if is_new or environment.type == EnvironmentType.DEV:
            # While developing, the code that was saved last counts, also when it was there before.
            await catalog.set_current_version(tx, environment.id, version)
            await declare(tx, environment, command.tasks, now)
            await define(tx, environment.id, _queues(command), now)
            await dead_letters.declare(tx, environment.id, command.tasks, _queues(command))
            tx.hint(CHANNEL)
        await workers.add(tx, _row(environment.id, command, worker, version, now))
        return version

    async def _disconnect(self, tx: Tx, environment: Environment, worker: str) -> None:
        now = self._resources.clock.now()
        if not await workers.leave(tx, environment.id, worker, now=now):
            raise NotFound(kind="connected worker", name=worker)
        held = await runs.lock_held_by(tx, worker)
        await give_back(tx, held, LEFT, now=now, max_losses=self._resources.settings.max_losses)


async def _next_version(tx: Tx, environment: str, now: int) -> str:
    """Return `YYYYMMDD.N`: the N-th version of the day, in UTC."""
    day = to_datetime(now).astimezone(UTC).strftime("%Y%m%d")
    return f"{day}.{await catalog.versions_of_day(tx, environment, day) + 1}"


async def _add_version(tx: Tx, environment: str, version: str, command: ConnectWorker, now: int) -> None:
    tasks = [Task(environment, version, task.id, task.to_json().decode()) for task in command.tasks]
    await catalog.add_version(tx, Version(environment, version, command.code_hash, now), tasks)


def _queues(command: ConnectWorker) -> Iterable[QueueManifest]:
    """Yield the queues that code defines; one that is defined by name comes before a task's mention of it."""
    for task in command.tasks:
        yield task.queue
    yield from command.queues


async def _current(tx: Tx, environment: str) -> tuple[str | None, list[Task], str]:
    version = await catalog.current_version(tx, environment)
    if version is None:
        return None, [], "[]"
    tasks = await catalog.tasks_of_version(tx, environment, version)
    return version, tasks, await workers.problems_of_version(tx, environment, version)


def _row(environment: str, command: ConnectWorker, worker: str, version: str, now: int) -> Worker:
    return Worker(
        id=worker,
        environment=environment,
        version=version,
        name=command.name,
        host=command.host,
        pid=command.pid,
        python_version=command.python_version,
        perdure_version=command.perdure_version,
        concurrency=command.concurrency,
        problems=_PROBLEMS.dump_json(command.problems, by_alias=True, exclude_none=True).decode(),
        connected_at=now,
        last_seen_at=now,
        disconnected_at=None,
        drained_at=None,
    )


def _info(worker: Worker, running: int) -> WorkerInfo:
    return WorkerInfo(
        id=worker.id,
        name=worker.name,
        host=worker.host,
        pid=worker.pid,
        version=worker.version,
        python_version=worker.python_version,
        perdure_version=worker.perdure_version,
        concurrency=worker.concurrency,
        running=running,
        connected_at=to_datetime(worker.connected_at),
        last_seen_at=to_datetime(worker.last_seen_at),
        problems=_PROBLEMS.validate_json(worker.problems),
    )
