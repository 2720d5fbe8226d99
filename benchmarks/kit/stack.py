"""A whole Perdure for a benchmark: a server and a worker in processes of their own, on either database."""

import sqlite3
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import psutil

from perdure import AsyncClient
from perdure.store.schema import MAIN
from tests.support.postgres import durable_server
from tests.support.processes import server, worker
from tests.support.waiting import until

KEY = "tr_prod_0123456789abcdef0123"
DATABASES = ("sqlite", "postgres")


class Sqlite:
    """Looks into the server's SQLite file."""

    def __init__(self, file: Path) -> None:
        self.url = f"sqlite:///{file}"
        self._file = file

    async def value(self, query: str) -> int:
        with sqlite3.connect(self._file, timeout=30) as connection:
            return connection.execute(query).fetchone()[0]

    async def bytes(self) -> int:
        """Bytes in use: pages that are not free."""
        query = "select (page_count - freelist_count) * page_size from pragma_page_count, "
        return await self.value(query + "pragma_freelist_count, pragma_page_size")

    async def sizes(self) -> dict[str, int]:
        """Bytes of each table and index."""
        with sqlite3.connect(self._file, timeout=30) as connection:
            return dict(connection.execute("select name, sum(pgsize) from dbstat group by name").fetchall())

    async def compact(self) -> None:
        """Do nothing: what is deleted or replaced leaves free pages at once."""


class Postgres:
    """Looks into the server's PostgreSQL database."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def value(self, query: str) -> int:
        async with self._connected() as connection:
            return await connection.fetchval(query)

    async def bytes(self) -> int:
        """Bytes of all tables and indexes, the old versions of rows among them."""
        return sum((await self.sizes()).values())

    async def sizes(self) -> dict[str, int]:
        """Bytes of each table, with what it has out of line, and of each index."""
        query = (
            "select c.relname, pg_relation_size(c.oid) + case when c.reltoastrelid = 0 then 0 "
            "else pg_total_relation_size(c.reltoastrelid) end from pg_class as c "
            "where c.relkind in ('r', 'i') and c.relnamespace = $1::regnamespace"
        )
        async with self._connected() as connection:
            return {name: size for name, size in await connection.fetch(query, MAIN.name)}

    async def compact(self) -> None:
        """Leave only the rows as they are now; otherwise their old versions await the next vacuum."""
        async with self._connected() as connection:
            await connection.execute("vacuum full")

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Any]:
        connection = await asyncpg.connect(self.url, server_settings={"search_path": MAIN.name})
        try:
            yield connection
        finally:
            await connection.close()


@dataclass
class Stack:
    """A running server and worker."""

    client: AsyncClient
    database: Sqlite | Postgres
    server: psutil.Process
    worker: psutil.Process

    async def count(self, status: str) -> int:
        """How many runs have a status."""
        return await self.database.value(f"select count(*) from runs where status = '{status}'")

    async def until(self, status: str, count: int, seconds: float = 300) -> None:
        """Wait until so many runs have a status."""

        async def is_reached() -> bool:
            return await self.count(status) >= count

        await until(is_reached, f"{count} runs are {status}", seconds)

    def cpu(self) -> dict[str, float]:
        """Seconds of a processor that each part has used."""
        parts = {"server": [self.server], "supervisor": [self.worker]}
        parts["executors"] = self.worker.children(recursive=True)
        return {name: sum(sum(one.cpu_times()[:2]) for one in part) for name, part in parts.items()}

    def memory(self) -> tuple[int, int]:
        """Bytes that only the server has, and that only the worker's processes have."""
        return unshared(self.server), unshared(self.worker)

    def executors(self) -> int:
        """How many processes the worker has below it, its zygote aside."""
        return len(self.worker.children(recursive=True)) - 1


def unshared(process: psutil.Process) -> int:
    """Bytes of a process and of all below it that they share with nobody."""
    family = [process, *process.children(recursive=True)]
    return sum(one.memory_full_info().uss for one in family)


@contextmanager
def database(kind: str, folder: Path) -> Iterator[Sqlite | Postgres]:
    """An empty database, `sqlite` or `postgres`, that syncs its commits."""
    if kind == "sqlite":
        yield Sqlite(folder / "bench.db")
        return
    with durable_server() as url:
        yield Postgres(url)


@asynccontextmanager
async def stack(kind: str, tasks: str, **settings: str) -> AsyncIterator[Stack]:
    """Run a server and a worker.

    Args:
        kind: of database, `sqlite` or `postgres`.
        tasks: the source of the project's only module.
        settings: `PERDURE_*` variables of the server.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tasks").mkdir()
        (folder / "tasks" / "bench.py").write_text(tasks)
        (folder / "perdure.toml").write_text("")
        given = {"PERDURE_SECRET_KEY": KEY, **settings}
        with (
            database(kind, folder) as found,
            server(folder, PERDURE_DATABASE_URL=found.url, **given) as serving,
            worker(folder, serving, key=KEY, log=folder / "worker.log") as working,
        ):
            async with AsyncClient(serving.url, KEY) as client:

                async def is_connected() -> bool:
                    return bool((await client.workers()).workers)

                await until(is_connected, "the worker is connected")
                server_process = psutil.Process(serving.process.pid)
                yield Stack(client, found, server_process, psutil.Process(working.pid))
