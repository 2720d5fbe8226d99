"""The database of a simulation: new for each, opened by its servers, and looked at by its invariants."""

import shutil
import sqlite3
from pathlib import Path
from typing import Protocol

from perdure.store import catalog
from perdure.store import database as store
from perdure.store.connect import open_database, sqlite_path
from perdure.store.rows import Environment
from perdure.store.schema import MAIN, TELEMETRY, Schema
from perdure.store.sqlite_tx import SQLiteTx, drive
from perdure.store.statements import Statements, load
from tests.simulation.invariants import Seen, see
from tests.simulation.machine import START_NS
from tests.simulation.network import KEY
from tests.simulation.storage import Disk, SimulatedSQLite, open_file

HERE = Path(__file__).parent

ENVIRONMENT = Environment(
    id="env_simulated",
    slug="prod",
    type="prod",
    project="simulation",
    key=KEY,
    current_version=None,
    concurrency_limit=6,
    created_at=START_NS // 1_000_000,
)


class Ground(Protocol):
    """A database, made anew for each simulation."""

    def begin(self, disk: Disk) -> None:
        """Empty it."""
        ...

    async def open(self, schema: Schema) -> store.Database:
        """Open it in the process that calls."""
        ...

    def look(self, *, is_whole: bool) -> Seen:
        """Read what the invariants are about, as it is committed now."""
        ...

    def end(self) -> None:
        """Let go of it."""
        ...


def statements(dialect: store.Dialect) -> Statements:
    """Return the store's statements, and those of `looks.sql`."""
    both = load(MAIN.folder / "sql", dialect), load(HERE / "sql", dialect)
    return Statements({name: some[name] for some in both for name in some})


async def add_environment(url: str) -> None:
    """Migrate a database, and add the one environment that all of a simulation is in."""
    for schema in (TELEMETRY, MAIN):
        async with await open_database(url, schema) as db:
            if schema is MAIN:
                await db.transact(catalog.add_environment, ENVIRONMENT)


class SQLiteGround:
    """Copies of a file that was migrated once."""

    def __init__(self, folder: Path) -> None:
        """Use a folder, preferably in memory; `add_environment` has made its `template.db`."""
        self._template = folder
        self._folder = folder / "now"
        self._url = f"sqlite:///{self._folder / 'perdure.db'}"
        self._statements = statements("sqlite")
        self._observer: sqlite3.Connection | None = None

    @staticmethod
    def template(folder: Path) -> str:
        """Return the URL of the file to be migrated."""
        return f"sqlite:///{folder / 'perdure.db'}"

    def begin(self, disk: Disk) -> None:
        """Copy the template."""
        self._folder.mkdir()
        for file in self._template.glob("*.db"):
            shutil.copy(file, self._folder)
        self._observer = open_file(self._folder / "perdure.db", isolation_level=None, cached_statements=64)
        self._observer.row_factory = sqlite3.Row

    async def open(self, schema: Schema) -> store.Database:
        """Open the copy."""
        return await SimulatedSQLite.open(sqlite_path(self._url, schema), schema)

    def look(self, *, is_whole: bool) -> Seen:
        """Read it by a connection of its own."""
        assert self._observer is not None
        return drive(see(SQLiteTx(self._observer, self._statements, "the observed database"), is_whole))

    def end(self) -> None:
        """Remove the copy."""
        if self._observer is not None:
            self._observer.close()
        shutil.rmtree(self._folder)
