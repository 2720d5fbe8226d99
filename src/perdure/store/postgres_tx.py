"""A transaction on PostgreSQL, and what PostgreSQL's errors mean."""

from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg

from perdure.core.errors import Unstorable
from perdure.core.storage_errors import (
    CommitUnknown,
    ConstraintViolated,
    DatabaseUnavailable,
    StatementInvalid,
    StorageError,
    StoreFault,
)
from perdure.store.database import Row, Tx
from perdure.store.statements import Statements

UNDONE = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
"""The transaction was undone, through no fault of its own."""

LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    OSError,
    TimeoutError,
)
"""The database, not the statement, is the reason."""

DRIVER_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)
"""Everything that the driver raises."""


ANSWER_S = 15.0
"""How long to wait for the answer to the end of a transaction."""


class PostgresTx(Tx):
    """A transaction on one pooled connection."""

    __slots__ = ("_database", "_statements", "channels", "connection")

    def __init__(self, connection: Any, statements: Statements, database: str) -> None:
        """Speak on this connection.

        Args:
            connection: an `asyncpg` connection.
            statements: what the body may ask for.
            database: what to call the database in an error.
        """
        self.connection = connection
        self._statements = statements
        self._database = database
        self.channels: set[str] = set()

    async def all(self, name: str, /, **params: object) -> list[Row]:
        """Run the statement `name` and return all its rows."""
        statement = self._statements[name]
        arguments = statement.arguments(params)
        try:
            return await self.connection.fetch(statement.text, *arguments)
        except DRIVER_ERRORS as error:
            raise self._explain(error, name) from error

    async def run(self, name: str, /, **params: object) -> int:
        """Run the statement `name` and return how many rows it changed."""
        statement = self._statements[name]
        arguments = statement.arguments(params)
        try:
            status: str = await self.connection.execute(statement.text, *arguments)
        except DRIVER_ERRORS as error:
            raise self._explain(error, name) from error
        return int(status.rpartition(" ")[2])

    async def many(self, name: str, rows: Sequence[Mapping[str, object]], /) -> list[Row]:
        """Run the statement `name` once for each set of parameters."""
        statement = self._statements[name]
        arguments = [statement.arguments(params) for params in rows]
        try:
            if statement.returns_rows:
                return await self.connection.fetchmany(statement.text, arguments)
            await self.connection.executemany(statement.text, arguments)
        except DRIVER_ERRORS as error:
            raise self._explain(error, name) from error
        return []

    def hint(self, *channels: str) -> None:
        """Wake who waits for these channels, after the commit and only then."""
        self.channels.update(channels)

    async def begin(self) -> None:
        """Start the transaction."""
        try:
            await self.connection.execute("begin")
        except DRIVER_ERRORS as error:
            raise self._explain(error, "begin") from error

    async def rollback(self) -> None:
        """Undo the transaction, if there still is one."""
        if self.connection.is_closed() or not self.connection.is_in_transaction():
            return
        try:
            await self.connection.execute("rollback", timeout=ANSWER_S)
        except DRIVER_ERRORS:
            self.connection.terminate()

    async def commit(self) -> None:
        """Make the transaction last.

        Raises:
            CommitUnknown: no answer came.
            StoreFault: the body went on after a failed statement, so there was
                nothing left to commit.
        """
        try:
            status = await self.connection.execute("commit", timeout=ANSWER_S)
        except UNDONE as error:
            raise self._explain(error, "commit") from error
        except DRIVER_ERRORS as error:
            raise CommitUnknown(database=self._database, reason=reason_of(error)) from error
        if status != "COMMIT":
            raise StoreFault(problem="a transaction caught the error of a failed statement and went on")

    def _explain(self, error: Exception, statement: str) -> StorageError | Unstorable:
        if isinstance(error, (*LOST, *UNDONE)) or self.connection.is_closed():
            return DatabaseUnavailable(database=self._database, reason=reason_of(error))
        if isinstance(error, asyncpg.IntegrityConstraintViolationError):
            return ConstraintViolated(statement=statement, problem=error)
        if isinstance(error, asyncpg.CharacterNotInRepertoireError) or "out of int64 range" in str(error):
            return Unstorable(problem=reason_of(error))
        return StatementInvalid(statement=statement, problem=error)


def reason_of(error: BaseException) -> str:
    """Return the driver's own words, or at least the error's kind."""
    return str(error).partition("\n")[0] or type(error).__name__
