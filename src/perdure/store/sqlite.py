"""SQLite: one writer, a few readers.

The writer is `perdure.store.sqlite_writer`.  Readers are a small pool of threads,
each with its own connection, which see the last commit (WAL) and never block the
writer.  Bodies never suspend (`drive`), so a transaction costs one hop to a
thread and one back.
"""

import asyncio
import queue
import sqlite3
import sys
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self, TypeVar

from perdure.core.storage_errors import DatabaseTooOld, DatabaseUnavailable
from perdure.store.database import A, Body, Database, Dialect, Look, P, Row
from perdure.store.hints import Hints, Subscription
from perdure.store.migrate import load_migrations, migrate
from perdure.store.riding import Ride, Rides
from perdure.store.schema import Schema
from perdure.store.sqlite_tx import SQLiteTx, drive, explain
from perdure.store.sqlite_writer import Writer
from perdure.store.statements import Statements, load

T = TypeVar("T")

OLDEST = (3, 37, 0)
"""The first SQLite with `strict` tables."""

READERS = 4
"""Threads for `read`."""

SWITCH_INTERVAL_S = 0.0001
"""How long another thread may keep the interpreter from ours.

The driver lets go of the interpreter at each step of SQLite, and has to get it back from an event loop that
may be busy.  With Python's default of 5 ms, a loop that makes a system call more often than that (as busy
loops do) never hands over, and a commit beside it was seen to take seconds; with this, 3 ms.
"""

BUSY_TIMEOUT_MS = 10_000
"""How long to wait for another program that has locked the file."""


class SQLiteDatabase(Database):
    """A SQLite file.  Open it with `SQLiteDatabase.open`."""

    dialect: Dialect = "sqlite"
    writer: type[Writer] = Writer
    """What commits; the simulation's has no thread."""

    def __init__(self, path: Path, connection: sqlite3.Connection, statements: Statements) -> None:
        """Take over the open, migrated connection."""
        self.path = path
        self.name = str(path)
        self.hints = Hints()
        self._statements = statements
        self._closed = False
        self._rides = Rides()
        self._writer = self.writer(connection, statements, self.hints, self._rides, database=self.name)
        self._readers = ThreadPoolExecutor(READERS, "perdure-sqlite-reader")
        self._idle: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()

    @classmethod
    async def open(cls, path: Path, schema: Schema) -> Self:
        """Open the file, making it if there is none, and bring it up to the code.

        Raises:
            DatabaseTooOld: the SQLite library is older than 3.37.
            DatabaseUnreadable: the file is not a SQLite database, or damaged.
            DatabaseUnavailable: it can't be opened or made.
            DatabaseTooNew, MigrationChanged: its schema is not this code's.
        """
        check_library()
        sys.setswitchinterval(min(SWITCH_INTERVAL_S, sys.getswitchinterval()))
        statements = load(schema.folder / "sql", "sqlite")
        connection = await asyncio.to_thread(_open_and_migrate, path, schema)
        return cls(path, connection, statements)

    async def transact(self, body: Body[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run the body in the writer's thread; return after the commit."""
        return await self._writer.submit(lambda tx: body(tx, *args, **kwargs))

    async def read(self, body: Body[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run the body in a reader's thread, on what is committed now."""
        self._check_open()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, self._read, lambda tx: body(tx, *args, **kwargs))

    async def peek(self, body: Body[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run the body right here."""
        self._check_open()
        return self._read(lambda tx: body(tx, *args, **kwargs))

    async def ride(
        self,
        subscription: Subscription,
        look: Look[A, T],
        argument: A,
        *,
        timeout: float,
        unheard: Callable[[T], None] | None = None,
    ) -> T | None:
        """Wait for a hint, and look under the commit that gives it; see `perdure.store.riding`."""
        if subscription.is_hinted:
            await subscription.wait(0)
            return None
        ride = Ride(subscription, look, argument, unheard)
        self._rides.board(ride)
        try:
            news = await subscription.wait(timeout)
            if self._rides.leave(ride):
                return None
            seen = await ride.seen()
        except BaseException:
            self._rides.leave(ride)
            ride.give_up()
            raise
        if news:  # they came after the look
            subscription.wake(news)
        return seen

    async def close(self) -> None:
        """Finish what was accepted, then close all connections."""
        self._closed = True
        await self._writer.close()
        await asyncio.to_thread(self._readers.shutdown)
        while not self._idle.empty():
            self._idle.get().close()

    def _check_open(self) -> None:
        if self._closed:
            raise DatabaseUnavailable(database=self.name, reason="it is closed")

    def _read(self, begin: Callable[[SQLiteTx], Coroutine[Any, Any, T]]) -> T:
        try:
            connection = self._idle.get_nowait()
        except queue.Empty:
            connection = connect(self.path, durable=True)
            connection.execute("pragma query_only = on")
        try:
            connection.execute("begin")
            return drive(begin(SQLiteTx(connection, self._statements, self.name)))
        finally:
            if connection.in_transaction:
                connection.execute("rollback")
            self._idle.put(connection)


def check_library(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> None:
    """Raise `DatabaseTooOld` if Python's SQLite library is older than we need."""
    if version < OLDEST:
        found, needed = (".".join(map(str, numbers)) for numbers in (version, OLDEST))
        raise DatabaseTooOld(what="Python's SQLite library", found=found, needed=needed)


def connect(path: Path, *, durable: bool) -> sqlite3.Connection:
    """Open a connection as Perdure wants it; it may be passed between threads.

    Args:
        path: the file; made if there is none, in a folder that exists.
        durable: whether a commit waits for the disk, and so survives a power failure.
    """
    try:
        connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, cached_statements=512
        )
        connection.row_factory = sqlite3.Row
        for pragma in (
            f"busy_timeout = {BUSY_TIMEOUT_MS}",
            "journal_mode = wal",
            f"synchronous = {'full' if durable else 'normal'}",
            "foreign_keys = on",
            "cache_size = -65536",
            "journal_size_limit = 67108864",
        ):
            connection.execute(f"pragma {pragma}").fetchall()
    except sqlite3.Error as error:
        raise explain(error, str(path)) from error
    return connection


class _Executor:
    """What `migrate` needs, on SQLite; never suspends."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def execute(self, sql: str) -> None:
        self._connection.execute(sql)

    async def fetch(self, sql: str) -> list[Row]:
        return self._connection.execute(sql).fetchall()


def _open_and_migrate(path: Path, schema: Schema) -> sqlite3.Connection:
    migrations = load_migrations(schema, "sqlite")
    if not path.parent.is_dir():
        raise DatabaseUnavailable(database=path, reason=f"there is no folder {path.parent}")
    connection = connect(path, durable=schema.durable)
    try:
        connection.execute("begin immediate")
        drive(migrate(_Executor(connection), migrations, database=str(path)))
        connection.execute("commit")
    except BaseException as error:
        connection.close()
        if isinstance(error, sqlite3.Error):
            raise explain(error, str(path), statement="a migration") from error
        raise
    return connection
