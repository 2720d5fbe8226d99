"""What a version's code says of its tasks.

A version never changes, so what was read of it once is kept.
"""

from collections.abc import Iterable

from perdure.core.clock import Clock
from perdure.store import catalog
from perdure.store.database import Tx
from perdure.wire.manifests import TaskManifest

KEEP_MS = 1_000
"""How long the current version of an environment is believed."""

LIMIT = 10_000
"""The most manifests kept; when there are more, all are read again."""


class Catalog:
    """The tasks of versions, read when first needed."""

    def __init__(self, clock: Clock) -> None:
        """Begin with nothing known."""
        self._clock = clock
        self._current: dict[str, tuple[int, str]] = {}
        self._manifests: dict[tuple[str, str, str], TaskManifest] = {}
        self._tasks: dict[tuple[str, str], frozenset[str]] = {}

    async def current(self, tx: Tx, environment: str, tasks: Iterable[str]) -> dict[str, TaskManifest]:
        """Return those of these tasks that the environment's current version has, by name.

        Which version is current is asked again after a second, and whenever a task is unknown: another
        server may have heard of a new one.
        """
        wanted = set(tasks)
        asked_at, version = self._current.get(environment, (-KEEP_MS, ""))
        if self._clock.now() - asked_at < KEEP_MS:
            known = self._known(environment, version, wanted)
            if len(known) == len(wanted):
                return known
        newest = await catalog.current_version(tx, environment)
        if newest is None:
            return {}
        self._current[environment] = (self._clock.now(), newest)
        return await self.manifests(tx, environment, newest, wanted)

    def forget(self, environment: str) -> None:
        """Ask again which version is current: it has changed."""
        self._current.pop(environment, None)

    async def manifests(
        self, tx: Tx, environment: str, version: str, tasks: Iterable[str]
    ) -> dict[str, TaskManifest]:
        """Return those of these tasks that the version has, by name."""
        wanted = set(tasks)
        known = self._known(environment, version, wanted)
        missing = sorted(wanted - known.keys())
        if missing:
            rows = await catalog.tasks(tx, environment, version, missing)
            self._keep({(environment, version, row.task): row.manifest for row in rows})
            known = self._known(environment, version, wanted)
        return known

    async def tasks(self, tx: Tx, environment: str, version: str) -> frozenset[str]:
        """Return the tasks that a worker of this version can run."""
        key = (environment, version)
        if key not in self._tasks:
            rows = await catalog.tasks_of_version(tx, environment, version)
            self._tasks[key] = frozenset(row.task for row in rows)
        return self._tasks[key]

    def _known(self, environment: str, version: str, tasks: set[str]) -> dict[str, TaskManifest]:
        found = ((task, self._manifests.get((environment, version, task))) for task in tasks)
        return {task: manifest for task, manifest in found if manifest is not None}

    def _keep(self, manifests: dict[tuple[str, str, str], str]) -> None:
        if len(self._manifests) + len(manifests) > LIMIT:
            self._manifests = {}
        for key, text in manifests.items():
            self._manifests[key] = TaskManifest.model_validate_json(text)
