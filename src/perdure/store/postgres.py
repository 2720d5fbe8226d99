"""PostgreSQL: a pool of connections; bodies run on the event loop.

A transaction takes a connection from the pool, says `begin`, runs the body and
says `commit`.  If it is lost before its commit (deadlock, dropped connection),
the body runs again, a few times.  Once `commit` was sent and its answer is
missing, nobody can know, and the caller is told so (`CommitUnknown`).

Connections keep their prepared statements; the planner's JIT is off, because it
costs more than our statements.  Tables live in a schema of their own, so that
Perdure can share a database with the user's application.
"""

import asyncio
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import asyncpg

from perdure.core.storage_errors import (
    CommitUnknown,
    DatabaseTooOld,
    DatabaseUnavailable,
    StatementInvalid,
    StorageError,
)
from perdure.store.database import Body, Database, Dialect, P, Row
from perdure.store.migrate import load_migrations, migrate
from perdure.store.postgres_hints import Notifier
from perdure.store.postgres_pool import Pool
from perdure.store.postgres_tx import DRIVER_ERRORS, LOST, PostgresTx, reason_of
from perdure.store.schema import Schema
from perdure.store.statements import Statements, load

T = TypeVar("T")

OLDEST = 14
"""The oldest PostgreSQL that is still maintained."""

CONNECTIONS = 16
"""The most pooled connections of one process; each is opened when first needed."""

PAUSES_S = (0.0, 0.05, 0.1, 0.2, 0.4)
"""How long to pause before each new try of a transaction that was lost before its commit."""

TIMEOUT_S = 60.0
"""After this a transaction is given up: its connection is stuck."""


class PostgresDatabase(Database):
    """A PostgreSQL database.  Open it with `PostgresDatabase.open`."""

    dialect: Dialect = "postgres"

    def __init__(self, pool: Pool, notifier: Notifier, statements: Statements, *, name: str) -> None:
        """Take over the pool of a migrated database."""
        self.name = name
        self.hints = notifier.hints
        self._notifier = notifier
        self._pool = pool
        self._statements = statements
        self._closed = False

    @classmethod
    async def open(cls, url: str, schema: Schema) -> Self:
        """Connect, and bring the schema up to the code.

        Raises:
            DatabaseUnavailable: nothing answers there, or it does not let us in.
            DatabaseTooOld: the server is older than PostgreSQL 14.
            DatabaseTooNew, MigrationChanged: its schema is not this code's.
        """
        statements = load(schema.folder / "sql", "postgres")
        options = _options(url, schema)
        name = without_password(url)

        async def connect() -> asyncpg.Connection:
            return await asyncpg.connect(**options)

        notifier = Notifier(connect, channel=schema.name)
        try:
            await _migrate(options, schema, name)
            await notifier.start()
        except DRIVER_ERRORS as error:
            raise DatabaseUnavailable(database=name, reason=reason_of(error)) from error
        pool = Pool(connect, CONNECTIONS)
        return cls(pool, notifier, statements, name=name)

    async def transact(self, body: Body[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run the body between `begin` and `commit`; again, if it was lost before its commit."""
        for pause in PAUSES_S:
            try:
                return await self._write(body, *args, **kwargs)
            except CommitUnknown:
                raise
            except DatabaseUnavailable:
                await asyncio.sleep(pause)
        return await self._write(body, *args, **kwargs)

    async def read(self, body: Body[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run the body without a transaction: each statement sees the moment it started."""
        for pause in PAUSES_S:
            try:
                return await self._read(body, *args, **kwargs)
            except DatabaseUnavailable:
                await asyncio.sleep(pause)
        return await self._read(body, *args, **kwargs)

    async def close(self) -> None:
        """Finish what was accepted, then close all connections."""
        if self._closed:
            return
        self._closed = True
        await self._pool.close()
        await self._notifier.close()

    async def _write(self, body: Body[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        tx = await self._acquire()
        try:
            async with asyncio.timeout(TIMEOUT_S):  # one timer, not one for each statement
                await tx.begin()
                result = await body(tx, *args, **kwargs)
        except TimeoutError as error:
            await tx.rollback()
            raise self._silent() from error
        except BaseException:
            await tx.rollback()
            raise
        else:
            await tx.commit()
        finally:
            self._pool.release(tx.connection)
        self.hints.publish(tx.channels)
        return result

    async def _read(self, body: Body[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        tx = await self._acquire()
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await body(tx, *args, **kwargs)
        except TimeoutError as error:
            raise self._silent() from error
        finally:
            self._pool.release(tx.connection)

    async def _acquire(self) -> PostgresTx:
        if self._closed:
            raise DatabaseUnavailable(database=self.name, reason="it is closed")
        try:
            connection = await self._pool.acquire()
        except DRIVER_ERRORS as error:
            raise DatabaseUnavailable(database=self.name, reason=reason_of(error)) from error
        return PostgresTx(connection, self._statements, self.name)

    def _silent(self) -> StorageError:
        return StorageError(reason=f"{self.name} gave no answer in {TIMEOUT_S:.0f} seconds")


def without_password(url: str) -> str:
    """Return a database URL as it may be shown."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


def _options(url: str, schema: Schema) -> dict[str, Any]:
    return {
        "dsn": url,
        "statement_cache_size": 512,
        "max_cached_statement_lifetime": 0,
        "server_settings": {
            "application_name": "perdure",
            "search_path": schema.name,
            "jit": "off",
            "default_transaction_isolation": "read committed",
            "synchronous_commit": "on" if schema.durable else "off",
        },
    }


class _Executor:
    """What `migrate` needs, on PostgreSQL."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def execute(self, sql: str) -> None:
        try:
            await self._connection.execute(sql)
        except asyncpg.PostgresError as error:
            if isinstance(error, LOST):
                raise
            raise StatementInvalid(statement=sql, problem=error) from error

    async def fetch(self, sql: str) -> list[Row]:
        return await self._connection.fetch(sql)


async def _migrate(options: dict[str, Any], schema: Schema, name: str) -> None:
    migrations = load_migrations(schema, "postgres")
    connection = await asyncpg.connect(**options)
    try:
        version = connection.get_server_version()
        if version.major < OLDEST:
            raise DatabaseTooOld(what="PostgreSQL", found=f"{version.major}.{version.minor}", needed=OLDEST)
        async with connection.transaction():
            await connection.execute("select pg_advisory_xact_lock(hashtextextended($1, 0))", schema.name)
            known = await connection.fetchval("select 1 from pg_namespace where nspname = $1", schema.name)
            if not known:
                await connection.execute(f"create schema {schema.name}")
            await migrate(_Executor(connection), migrations, database=name)
    finally:
        await connection.close()
