"""Lists of runs: no filter with an index of its own reads more than it names."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import asyncpg
import pytest

from perdure.core.ids import new_id
from perdure.store.connect import sqlite_path
from perdure.store.schema import MAIN
from perdure.store.statements import load
from tests.support.databases import PostgresDatabases, SQLiteFiles

RUNS = 5_000
"""So many that no planner reads all of them when it need not."""

COLUMNS = {
    "task": "t",
    "queue": "q",
    "locked_version": "",
    "lane": 1,
    "pool": 1,
    "priority": 0.0,
    "created_at": 0,
    "updated_at": 0,
    "fence": 0,
    "attempt": 0,
    "spared": 0,
    "losses": 0,
    "active_ms": 0.0,
    "depth": 0,
    "is_test": 0,
    "waited_by_parent": 0,
}


def rows() -> list[tuple[object, ...]]:
    """Return runs that have ended, but for a few; each tenth has a parent."""
    ids = [new_id("run", 1_700_000_000_000 + n) for n in range(RUNS)]
    return [
        (
            run,
            f"env_{n % 50}",
            "COMPLETED" if n % 500 else "QUEUED",
            n if n % 500 else None,
            ids[n - 1] if n % 10 == 1 else None,
            ids[n - 1] if n % 10 == 1 else None,
            f"batch_{n}" if n % 10 == 1 else None,
            *COLUMNS.values(),
        )
        for n, run in enumerate(ids)
    ]


NAMES = ("id", "environment", "status", "finished_at", "parent", "root", "batch", *COLUMNS)

INDEXES = {
    "ids_of_parents": "runs_by_parent",
    "ids_of_roots": "runs_by_root",
    "ids_of_batches": "runs_by_batch",
    "ids_of_live_statuses": "runs_live",
    "runs_before": "runs_by_environment",
    "runs_after": "runs_by_environment",
}


def params_of(parameters: frozenset[str]) -> Mapping[str, object]:
    """Return parameters of a list without filters."""
    given: dict[str, object] = {
        "environment": "env_1",
        "above": "",
        "below": "s",
        "limit": 26,
        "least_test": 0,
        "most_test": 1,
        "names": ["x"],
    }
    return {name: given.get(name, 1 if name.startswith("any_") else []) for name in parameters}


@pytest.fixture
def sqlite_with_runs(sqlite_files: SQLiteFiles, tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(sqlite_path(sqlite_files.copy(tmp_path)))) as connection:
        places = ", ".join("?" * len(NAMES))
        connection.executemany(f"insert into runs ({', '.join(NAMES)}) values ({places})", rows())
        connection.commit()
        yield connection


@pytest.mark.parametrize(("name", "index"), INDEXES.items())
def test_sqlite_uses_the_index(sqlite_with_runs: sqlite3.Connection, name: str, index: str):
    statement = load(MAIN.folder / "sql", "sqlite")[name]
    arguments = statement.arguments(params_of(statement.parameters))

    steps = sqlite_with_runs.execute(f"explain query plan {statement.text}", arguments).fetchall()

    plan = "\n".join(step[3] for step in steps)
    assert index in plan
    assert "SCAN r" not in plan
    assert "USE TEMP B-TREE FOR ORDER BY" not in plan


@pytest.fixture
def postgres_url(postgres_databases: PostgresDatabases) -> str:
    return postgres_databases.emptied()


@pytest.mark.parametrize(("name", "index"), INDEXES.items())
async def test_postgres_uses_the_index(postgres_url: str, name: str, index: str):
    connection = await asyncpg.connect(postgres_url)
    try:
        await connection.copy_records_to_table("runs", schema_name=MAIN.name, records=rows(), columns=NAMES)
        await connection.execute(f"set search_path to {MAIN.name}; analyze runs")
        statement = load(MAIN.folder / "sql", "postgres")[name]
        arguments = statement.arguments(params_of(statement.parameters))

        steps = await connection.fetch(f"explain {statement.text}", *arguments)
    finally:
        await connection.close()

    plan = "\n".join(step[0] for step in steps)
    assert index in plan
    assert "Seq Scan on runs" not in plan
    assert "Sort" not in plan
