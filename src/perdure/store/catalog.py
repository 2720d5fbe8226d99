"""Environments, and the tasks of their versions."""

from collections.abc import Sequence

from perdure.store.database import Tx
from perdure.store.rows import Environment, Task, Version


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


async def add_environment(tx: Tx, row: Environment) -> bool:
    """Make an environment; return whether it was made, or its project has one of this slug."""
    made = await tx.run(
        "insert_environment",
        id=row.id,
        slug=row.slug,
        type=row.type,
        project=row.project,
        key=row.key,
        concurrency_limit=row.concurrency_limit,
        created_at=row.created_at,
    )
    return made == 1


async def add_version(tx: Tx, version: Version, tasks: Sequence[Task]) -> None:
    """Store a version and its tasks, unless they are there."""
    await tx.run(
        "insert_version",
        environment=version.environment,
        version=version.version,
        code_hash=version.code_hash,
        created_at=version.created_at,
    )
    rows = [{name: getattr(task, name) for name in Task.__slots__} for task in tasks]
    await tx.run("insert_tasks", tasks=rows)


async def set_current_version(tx: Tx, environment: str, version: str) -> None:
    """Make new runs for this version from now on."""
    await tx.run("set_current_version", id=environment, version=version)


async def environments(tx: Tx) -> list[Environment]:
    """Return all environments, by project and slug."""
    return [Environment(*row) for row in await tx.all("environments")]


async def of_key(tx: Tx, key: str) -> Environment | None:
    """Return the environment that a secret key opens, or None."""
    row = await tx.maybe("environment_of_key", key=key)
    return Environment(*row) if row else None


async def of_id(tx: Tx, environment: str) -> Environment | None:
    """Return the environment of an id, or None."""
    row = await tx.maybe("environment_of_id", id=environment)
    return Environment(*row) if row else None


async def of_slug(tx: Tx, project: str, slug: str) -> Environment:
    """Return a project's environment, which must be there."""
    return Environment(*await tx.one("environment_of_slug", project=project, slug=slug))


async def set_key(tx: Tx, environment: str, key: str) -> None:
    """Let another key open an environment."""
    await tx.run("set_environment_key", id=environment, key=key)


async def version_of_code(tx: Tx, environment: str, code_hash: str) -> str | None:
    """Return the version that stands for this state of the code, or None."""
    row = await tx.maybe("version_of_code", environment=environment, code_hash=code_hash)
    return row["version"] if row else None


async def versions_of_day(tx: Tx, environment: str, day: str) -> int:
    """Return how many versions were made on a day (`YYYYMMDD`)."""
    row = await tx.one("count_versions_of_day", environment=environment, pattern=f"{day}.%")
    return row["number"]
