"""SQLite in a simulation: the real library, writer and files; only the thread and the disk are simulated.

A process's connections end with it, as the operating system sees to: what was not committed is rolled back.
Faults strike where the driver speaks to the disk: before a transaction begins, before its commit, and after.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Self

from perdure.store.schema import MAIN, TELEMETRY, Schema
from perdure.store.sqlite import SQLiteDatabase, _open_and_migrate
from perdure.store.sqlite_writer import Writer
from perdure.store.statements import Statements, load
from tests.simulation.faults import Fault
from tests.simulation.process import Process, current

open_file = sqlite3.connect
"""The driver's own, which a simulation replaces."""


class Disk:
    """What the connections of a simulation do at a commit; see `Connection`."""

    def __init__(
        self, strike: Callable[[Process], Fault | None], committed: Callable[[Process], None]
    ) -> None:
        """Watch commits.

        Args:
            strike: is asked before a transaction of a process whether a fault strikes it.
            committed: is told of each commit that changed something.
        """
        self.strike = strike
        self.committed = committed

    def connect(self, path: Any, **options: Any) -> sqlite3.Connection:
        """Stand in for `sqlite3.connect`."""
        connection = open_file(path, factory=Connection, **options)
        process = current.get()
        assert process is not None, "only processes open files"
        connection.process = process
        connection.disk = self if "telemetry" not in str(path) else None
        process.on_death.append(connection.close)
        return connection


class Connection(sqlite3.Connection):
    """A connection of a process, which dies with it."""

    process: Process
    disk: Disk | None
    _fault: Fault | None = None
    _before = 0

    def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
        """Run a statement; at a transaction's ends, the disk has a say."""
        self.process.check()
        if self.disk is not None:
            if sql == "begin immediate":
                self._begin(self.disk)
            elif sql == "commit":
                return self._commit(self.disk)
        if sql == "pragma synchronous = full":  # processes die here, machines do not
            sql = "pragma synchronous = off"
        return super().execute(sql, *arguments)

    def _begin(self, disk: Disk) -> None:
        self._before = self.total_changes
        self._fault = disk.strike(self.process)
        if self._fault is not None and self._fault.kind in ("locked", "lost"):
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = sqlite3.SQLITE_BUSY
            raise error

    def _commit(self, disk: Disk) -> sqlite3.Cursor:
        kind = self._fault.kind if self._fault is not None else ""
        if kind == "die before commit":
            self.process.die()
            self.process.check()
        if kind == "unknown":
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR
            raise error
        cursor = super().execute("commit")
        if self.total_changes != self._before:
            disk.committed(self.process)
        if kind == "die after commit":
            self.process.die()
            self.process.check()
        return cursor


class InlineWriter(Writer):
    """The writer without its thread: each group is committed in one step, and answered in another."""

    def _start(self) -> None:
        self._is_busy = False

    def _flush(self) -> None:
        super()._flush()
        if not self._is_busy and not self._arrived.empty():
            self._is_busy = True
            loop: Any = self._loop
            loop.call_later(loop.moment(), self._turn)

    def _turn(self) -> None:
        group = self._arrived.get()
        self._take_more(group)
        self._commit(group)
        loop: Any = self._loop
        loop.call_later(loop.moment(), self._answer, group)
        self._is_busy = False
        self._flush()

    async def close(self) -> None:
        """Nobody closes a writer here: its process dies."""
        raise NotImplementedError


class SimulatedSQLite(SQLiteDatabase):
    """A SQLite database of a simulated process."""

    writer = InlineWriter

    @classmethod
    async def open(cls, path: Path, schema: Schema) -> Self:
        """Open the file as a server does; the statements are read once for all of them."""
        connection = await asyncio.to_thread(_open_and_migrate, path, schema)
        return cls(path, connection, _statements(schema.name))


@cache
def _statements(schema: str) -> Statements:
    (found,) = [one for one in (MAIN, TELEMETRY) if one.name == schema]
    return load(found.folder / "sql", "sqlite")
