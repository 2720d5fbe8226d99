"""A transaction on SQLite, and what SQLite's errors mean."""

import sqlite3
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from perdure.core.errors import Unstorable
from perdure.core.storage_errors import (
    ConstraintViolated,
    DatabaseUnavailable,
    DatabaseUnreadable,
    StatementInvalid,
    StorageError,
    TransactionSuspended,
)
from perdure.store.database import Row, Tx
from perdure.store.statements import Statement, Statements

T = TypeVar("T")

UNREADABLE = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}
UNAVAILABLE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
}


class SQLiteTx(Tx):
    """A transaction on one connection.  Its methods never suspend."""

    __slots__ = ("_connection", "_database", "_statements", "channels")

    def __init__(self, connection: sqlite3.Connection, statements: Statements, database: str) -> None:
        """Speak on this connection, which is in a transaction.

        Args:
            connection: where to run statements.
            statements: what the body may ask for.
            database: what to call the database in an error.
        """
        self._connection = connection
        self._statements = statements
        self._database = database
        self.channels: set[str] = set()

    async def all(self, name: str, /, **params: object) -> list[Row]:
        """Run the statement `name` and return all its rows."""
        statement = self._statements[name]
        arguments = statement.arguments(params)
        if statement.runs_each:
            return [row for one in arguments for row in self._execute(statement, one).fetchall()]
        return self._execute(statement, arguments).fetchall()

    async def run(self, name: str, /, **params: object) -> int:
        """Run the statement `name` and return how many rows it changed."""
        statement = self._statements[name]
        arguments = statement.arguments(params)
        if statement.runs_each:
            return self._run_each(statement, arguments)
        cursor = self._execute(statement, arguments)
        if cursor.description is not None:
            return len(cursor.fetchall())
        if cursor.rowcount >= 0:
            return cursor.rowcount
        # The driver does not count for statements that begin with `with`.
        return self._connection.execute("select changes()").fetchone()[0]

    async def many(self, name: str, rows: Sequence[Mapping[str, object]], /) -> list[Row]:
        """Run the statement `name` once for each set of parameters."""
        statement = self._statements[name]
        arguments = [statement.arguments(params) for params in rows]
        if statement.returns_rows:
            return [row for one in arguments for row in self._execute(statement, one).fetchall()]
        self._run_each(statement, arguments)
        return []

    def hint(self, *channels: str) -> None:
        """Wake who waits for these channels, after the commit and only then."""
        self.channels.update(channels)

    def _run_each(self, statement: Statement, arguments: Sequence[Any]) -> int:
        """Run a statement for each set of arguments; return how many rows it changed in all."""
        if statement.returns_rows:
            return sum(len(self._execute(statement, one).fetchall()) for one in arguments)
        try:
            return self._connection.executemany(statement.text, arguments).rowcount
        except (sqlite3.Error, OverflowError) as error:
            raise explain(error, self._database, statement=statement.name) from error

    def _execute(self, statement: Statement, arguments: Any) -> sqlite3.Cursor:
        try:
            return self._connection.execute(statement.text, arguments)
        except (sqlite3.Error, OverflowError) as error:
            raise explain(error, self._database, statement=statement.name) from error


def drive(body: Coroutine[Any, Any, T]) -> T:
    """Run a transaction's coroutine to its end, and return its result.

    Raises:
        TransactionSuspended: it awaited something that really waits.
    """
    try:
        body.send(None)
    except StopIteration as done:
        return done.value
    except RuntimeError as error:
        if str(error) == "no running event loop":  # asyncio.sleep and the like
            raise TransactionSuspended(body=body.__qualname__) from error
        raise
    body.close()
    raise TransactionSuspended(body=body.__qualname__)


def explain(error: Exception, database: str, *, statement: str = "") -> StorageError | Unstorable:
    """Return the error of ours that says what an error of the driver means.

    Args:
        error: what the driver raised.
        database: what to call the database.
        statement: the name of the statement it ran, if it ran one.
    """
    if isinstance(error, OverflowError):
        return Unstorable(problem=error)
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in UNREADABLE:
        return DatabaseUnreadable(database=database, reason=error)
    if code in UNAVAILABLE or not statement:
        return DatabaseUnavailable(database=database, reason=error)
    if code == sqlite3.SQLITE_CONSTRAINT:
        return ConstraintViolated(statement=statement, problem=error)
    return StatementInvalid(statement=statement, problem=error)
