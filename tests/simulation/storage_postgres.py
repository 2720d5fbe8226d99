"""PostgreSQL in a simulation: a real server, spoken to by the real driver, one transaction at a time.

When a socket of a real server has something to read can't be decided from here.  So a transaction is one step
of the virtual loop: it runs to its end on an ordinary loop, which blocks the virtual one and takes no virtual
time.  Which transaction comes when, the simulation alone decides; that two are under way at once, each
waiting for the other's locks, does not happen here (`tests/engine/test_circles.py` is for that).
"""

import asyncio
import time
from asyncio import events
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import asyncpg

from perdure.store import catalog
from perdure.store.database import Body, Database, P
from perdure.store.hints import Hints
from perdure.store.postgres import CONNECTIONS, PostgresDatabase, _options
from perdure.store.postgres_pool import Pool
from perdure.store.postgres_tx import PostgresTx
from perdure.store.schema import MAIN, Schema
from perdure.store.statements import Statements, load
from tests.simulation.faults import Fault
from tests.simulation.grounds import ENVIRONMENT, statements
from tests.simulation.invariants import Seen, see
from tests.simulation.process import Process, current
from tests.simulation.storage import Disk
from tests.support.databases import PostgresDatabases

T = TypeVar("T")

_real_time = time.monotonic
_LOST = "connection was closed in the middle of operation"
_HAS_WRITTEN = "select pg_current_xact_id_if_assigned() is not null"


class _RealLoop(asyncio.SelectorEventLoop):
    """An ordinary loop, whose time goes on while the simulation's stands."""

    def time(self) -> float:
        return _real_time()


class Connection:
    """A driver's connection of a process, which faults strike; see `storage.Connection`."""

    def __init__(self, real: Any, process: Process, disk: Disk | None, wrote: Callable[[], None]) -> None:
        self._real = real
        self._process = process
        self._disk = disk
        self._wrote = wrote
        self._fault: Fault | None = None
        process.on_death.append(real.terminate)

    def __getattr__(self, name: str) -> Any:
        self._process.check()
        return getattr(self._real, name)

    async def execute(self, sql: str, *arguments: Any, timeout: float | None = None) -> str:
        """Run a statement; at a transaction's ends, faults have a say."""
        self._process.check()
        if self._disk is not None and sql == "begin":
            self._fault = self._disk.strike(self._process)
            if self._fault is not None and self._fault.kind in ("locked", "lost"):
                self._lose()
        if self._disk is not None and sql == "commit":
            return await self._commit()
        return await self._real.execute(sql, *arguments, timeout=timeout)

    async def _commit(self) -> str:
        fault, self._fault = self._fault, None
        kind = fault.kind if fault is not None else ""
        has_written = await self._real.fetchval(_HAS_WRITTEN)
        if kind == "die before commit":
            await self._real.execute("rollback")
            self._process.die()
            self._process.check()
        if kind == "unknown" and fault is not None and fault.at % 2:
            await self._real.execute("rollback")
            self._lose()
        status = await self._real.execute("commit")
        if has_written:
            self._wrote()
        if kind == "die after commit":
            self._process.die()
            self._process.check()
        if kind == "unknown":
            self._lose()
        return status

    def _lose(self) -> None:
        self._real.terminate()
        raise asyncpg.ConnectionDoesNotExistError(_LOST)


class _Notifier:
    """Hints between the servers of a simulation."""

    def __init__(self, ground: "PostgresGround") -> None:
        self.hints = Hints(forward=lambda channels: ground.forward(self.hints, channels))

    async def close(self) -> None:
        """Nothing is open."""


class SimulatedPostgres(PostgresDatabase):
    """A PostgreSQL database of a simulated process."""

    ground: "PostgresGround"

    async def transact(self, body: Body[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run the body as one step."""
        work = super().transact
        return await self.ground.soon(lambda: work(body, *args, **kwargs))

    async def read(self, body: Body[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run the body as one step."""
        work = super().read
        return await self.ground.soon(lambda: work(body, *args, **kwargs))


class PostgresGround:
    """A database that is emptied for each simulation."""

    def __init__(self, databases: PostgresDatabases) -> None:
        self._databases = databases
        self._loop = _RealLoop()
        self._statements = statements("postgres")
        self._opened: dict[str, Statements] = {}
        self._wrote = False

    def begin(self, disk: Disk) -> None:
        """Empty the database."""
        self._disk = disk
        self._listening: list[tuple[Process, Hints]] = []
        self._url = self._databases.emptied()
        self._observer = self._do(asyncpg.connect(**_options(self._url, MAIN)))
        self._do(catalog.add_environment(self._observing(), ENVIRONMENT))

    async def open(self, schema: Schema) -> Database:
        """Open the database in the process that calls."""
        process = current.get()
        assert process is not None
        disk = self._disk if schema is MAIN else None

        async def connect() -> Any:
            real = await asyncpg.connect(**_options(self._url, schema))
            return Connection(real, process, disk, self._note_write)

        if schema.name not in self._opened:
            self._opened[schema.name] = load(schema.folder / "sql", "postgres")
        notifier: Any = _Notifier(self)
        self._listening.append((process, notifier.hints))
        pool = Pool(connect, CONNECTIONS)
        database = SimulatedPostgres(pool, notifier, self._opened[schema.name], name="simulated")
        database.ground = self
        return database

    def look(self, *, is_whole: bool) -> Seen:
        """Read it by a connection of its own."""
        return self._do(see(self._observing(), is_whole))

    def end(self) -> None:
        """Let go of the observer; what else is open ends when the database is emptied."""
        self._observer.terminate()
        self._do(asyncio.sleep(0))

    def soon(self, work: Callable[[], Coroutine[Any, Any, T]]) -> Awaitable[T]:
        """Do something on the ordinary loop, in one step of the virtual one."""
        return asyncio.get_running_loop().run_in_executor(None, self._in_one_step, work)

    def forward(self, sender: Hints, channels: frozenset[str]) -> None:
        """Tell the other servers what one hints at, a moment later."""
        loop: Any = self._virtual
        for process, hints in self._listening:
            if hints is not sender and process.is_alive:
                loop.call_later(loop.moment(), hints.deliver, channels, context=process.context.copy())

    def _in_one_step(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        process = current.get()
        self._virtual = asyncio.get_running_loop()
        self._wrote = False
        try:
            return self._do(work())
        finally:
            if self._wrote and process is not None:
                self._disk.committed(process)

    def _note_write(self) -> None:
        self._wrote = True

    def _observing(self) -> PostgresTx:
        return PostgresTx(self._observer, self._statements, "the observed database")

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        virtual = events._get_running_loop()
        events._set_running_loop(None)
        try:
            return self._loop.run_until_complete(work)
        finally:
            events._set_running_loop(virtual)
