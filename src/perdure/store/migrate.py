"""Bring a database up to the code.

Migrations are `migrations/0001_name.sql`, `0002_….sql`: forward only, each
written with the words of `perdure.store.statements`.  What only one dialect
needs stands in `0003_name.sqlite.sql` or `0003_name.postgres.sql`.

All that is pending is applied in one transaction under a lock, so servers that
start at the same moment wait for the first, and a migration that fails leaves
the database as it was.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from perdure.core.storage_errors import DatabaseTooNew, MigrationChanged, StatementInvalid
from perdure.store.database import Dialect, Row
from perdure.store.schema import Schema
from perdure.store.statements import spell_script, sql_files

_FILE_NAME = re.compile(r"(?P<number>\d{4})_(?P<name>\w+)(?:\.(?P<dialect>sqlite|postgres))?\.sql")

_CREATE_TABLE = """
create table if not exists perdure_migrations (
    number integer primary key,
    name text not null,
    fingerprint text not null
)
"""

APPLIED = "select number, fingerprint from perdure_migrations order by number"
"""Asks a database which migrations it has."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema, spelled for one dialect."""

    number: int
    name: str
    statements: Sequence[str]

    @property
    def fingerprint(self) -> str:
        """A hash of what it does; comments and white space do not count."""
        words = " ; ".join(" ".join(statement.split()) for statement in self.statements)
        return hashlib.sha256(words.encode()).hexdigest()[:16]


class Executor(Protocol):
    """A connection inside the transaction that holds the lock."""

    async def execute(self, sql: str) -> None:
        """Run one statement."""
        ...

    async def fetch(self, sql: str) -> list[Row]:
        """Run one query."""
        ...


def load_migrations(schema: Schema, dialect: Dialect) -> list[Migration]:
    """Read a schema's migrations for a dialect, in their order.

    Raises:
        StatementInvalid: a file is misnamed, or two have the same number.
    """
    migrations: dict[int, Migration] = {}
    for file in sql_files(schema.folder / "migrations"):
        match = _FILE_NAME.fullmatch(file.name)
        if match is None:
            raise StatementInvalid(statement=file.name, problem="a migration is named 0001_what_it_does.sql")
        if match["dialect"] not in (None, dialect):
            continue
        number = int(match["number"])
        if number in migrations:
            raise StatementInvalid(statement=file.name, problem=f"there are two migrations {number}")
        statements = spell_script(file.name, file.read_text("utf-8"), dialect)
        migrations[number] = Migration(number, match["name"], statements)
    return [migrations[number] for number in sorted(migrations)]


async def migrate(executor: Executor, migrations: Sequence[Migration], *, database: str) -> list[Migration]:
    """Apply what is pending; return it.

    Args:
        executor: the connection, in a transaction that holds the lock.
        migrations: all that the code knows, in their order.
        database: what to call the database in an error.

    Raises:
        DatabaseTooNew: the database has migrations that the code does not know.
        MigrationChanged: an applied migration differs from the code's.
    """
    await executor.execute(_CREATE_TABLE)
    pending = pending_after(await executor.fetch(APPLIED), migrations, database=database)
    for migration in pending:
        await _apply(executor, migration)
    return pending


def pending_after(rows: Sequence[Row], migrations: Sequence[Migration], *, database: str) -> list[Migration]:
    """Return the migrations that a database still lacks.

    Args:
        rows: what `APPLIED` gives.
        migrations: all that the code knows, in their order.
        database: what to call the database in an error.

    Raises:
        DatabaseTooNew: the database has migrations that the code does not know.
        MigrationChanged: an applied migration differs from the code's.
    """
    applied = {row["number"]: row["fingerprint"] for row in rows}
    known = max((migration.number for migration in migrations), default=0)
    if max(applied, default=0) > known:
        raise DatabaseTooNew(database=database, found=max(applied), known=known)

    for migration in migrations:
        if applied.get(migration.number, migration.fingerprint) != migration.fingerprint:
            raise MigrationChanged(migration=f"{migration.number:04}_{migration.name}", database=database)

    return [migration for migration in migrations if migration.number not in applied]


async def _apply(executor: Executor, migration: Migration) -> None:
    for statement in migration.statements:
        await executor.execute(statement)
    await executor.execute(
        "insert into perdure_migrations (number, name, fingerprint)"
        f" values ({migration.number}, '{migration.name}', '{migration.fingerprint}')"
    )
