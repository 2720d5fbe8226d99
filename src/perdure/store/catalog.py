"""Environments, and the tasks of their versions."""

from collections.abc import Sequence

from perdure.store.database import Tx
from perdure.store.rows import Environment, Task


async def lock_environment(tx: Tx, environment: str) -> Environment:
    """Return an environment; whoever locks it too waits until the transaction ends."""
    return Environment(*await tx.one("lock_environment", id=environment))


async def current_version(tx: Tx, environment: str) -> str | None:
    """Return the version new runs are made for, or None if no worker ever connected."""
    row = await tx.maybe("current_version", id=environment)
    return row[0] if row else None


async def tasks(tx: Tx, environment: str, version: str, names: Sequence[str]) -> list[Task]:
    """Return those of these tasks that the version has."""
    rows = await tx.all("manifests", environment=environment, version=version, tasks=names)
    return [Task(*row) for row in rows]


async def tasks_of_version(tx: Tx, environment: str, version: str) -> list[Task]:
    """Return all tasks of a version, by name."""
    rows = await tx.all("version_tasks", environment=environment, version=version)
    return [Task(*row) for row in rows]
