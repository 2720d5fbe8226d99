"""A real server, and workers over the project of ill-behaved tasks."""

import asyncio
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perdure.client import AsyncClient
from perdure.core.lifecycle import Status
from perdure.wire.runs import Run
from perdure.worker import main as program
from perdure.worker.options import WorkerOptions
from perdure.worker.supervisor import Supervisor
from tests.support import processes
from tests.worker.driver import PATIENCE

KEY = "tr_dev_0123456789abcdef0123456789abcdef"


@dataclass
class World:
    """A server, a client, and workers when asked for."""

    server: processes.Server
    client: AsyncClient
    project: Path
    key: str = KEY

    @asynccontextmanager
    async def worker(self, **options: Any) -> AsyncIterator[Supervisor]:
        """Run a worker in this process until the block ends."""
        supervisor = program.build(
            self.project,
            WorkerOptions(**{"poll_seconds": 2.0, "max_backoff_seconds": 0.2, **options}),
            api_url=self.server.url,
            secret_key=self.key,
        )
        work = asyncio.create_task(supervisor.run())
        connected = asyncio.create_task(supervisor.connected.wait())
        await asyncio.wait([work, connected], return_when=asyncio.FIRST_COMPLETED, timeout=PATIENCE)
        try:
            yield supervisor
        finally:
            connected.cancel()
            supervisor.stop()
            await asyncio.wait_for(work, PATIENCE)

    @contextmanager
    def worker_process(self, **variables: str) -> Iterator[subprocess.Popen]:
        """Run a worker as a program."""
        settings = {"PERDURE_API_URL": self.server.url, "PERDURE_SECRET_KEY": self.key, **variables}
        process = subprocess.Popen(
            [sys.executable, "-m", "perdure.worker", str(self.project)],
            env=processes.variables(**settings),
        )
        try:
            yield process
        finally:
            process.kill()
            process.wait(PATIENCE)

    async def trigger(self, task: str, payload: dict[str, Any] | None = None, **options: Any) -> str:
        return (await self.client.trigger(task, payload or {}, **{"max_attempts": 1, **options})).id

    async def until(self, run: str, status: Status) -> None:
        """Wait until a run has a status."""
        async with asyncio.timeout(PATIENCE):
            while (await self.client.runs.retrieve(run)).status != status:  # noqa: ASYNC110 -- of another process
                await asyncio.sleep(0.01)

    @property
    def port(self) -> str:
        """Where the server listens."""
        return self.server.url.rpartition(":")[2]

    async def end(self, run: str) -> Run:
        """Return the run when it has ended."""
        await asyncio.wait_for(self.client.runs.result(run, timeout=PATIENCE), PATIENCE)
        return await self.client.runs.retrieve(run)

    async def run(self, task: str, payload: dict[str, Any] | None = None, **options: Any) -> Run:
        return await self.end(await self.trigger(task, payload, **options))

    async def log_of(self, run: str) -> str:
        return "\n".join([event.message async for event in self.client.runs.events(run)])


@asynccontextmanager
async def opened(folder: Path, database_url: str, *tasks: Path, **settings: str) -> AsyncIterator[World]:
    """Make a project of some task files in an empty folder, and run a server there until the block ends."""
    (folder / "perdure.toml").write_text('project = "tried"\n')
    (folder / "tasks").mkdir()
    for file in tasks:
        shutil.copy(file, folder / "tasks")
    settings = {"PERDURE_SECRET_KEY": KEY, "PERDURE_DATABASE_URL": database_url, **settings}
    with processes.server(folder, **settings) as server:
        async with AsyncClient(server.url, KEY) as client:
            yield World(server, client, folder)
