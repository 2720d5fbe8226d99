"""A project, a server and a worker, each a process that can be killed, and 200 runs."""

import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from perdure.client import AsyncClient
from perdure.core.lifecycle import Status
from tests.cli.command import Running, running
from tests.support.waiting import until

KEY = "tr_prod_0123456789abcdef0123"
RUNS = 200
PASSING = 60
AT_ONCE = 20
LEASE_SECONDS = "5"
TRIES = 100


@dataclass
class World:
    """The folder of a project, and where its server is."""

    folder: Path
    database_url: str
    port: str = "0"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def server(self) -> Iterator[Running]:
        """Run the server while the block lasts, always at the same port."""
        settings = {
            "PERDURE_SECRET_KEY": KEY,
            "PERDURE_DATABASE_URL": self.database_url,
            "PERDURE_LEASE_SECONDS": LEASE_SECONDS,
        }
        with running("server", "--port", self.port, folder=self.folder, **settings) as command:
            self.port = command.until("Perdure answers at").split()[3].rpartition(":")[2]
            yield command

    @contextmanager
    def worker(self) -> Iterator[Running]:
        """Run a worker while the block lasts."""
        settings = {"PERDURE_SECRET_KEY": KEY, "PERDURE_API_URL": self.url}
        options = ("--concurrency", str(AT_ONCE), "--quiet")
        with running("worker", *options, folder=self.folder, **settings) as command:
            yield command

    def client(self) -> AsyncClient:
        """Return a client that goes on trying while the server is away."""
        return AsyncClient(self.url, KEY, tries=TRIES)

    async def trigger(self, client: AsyncClient, number: int) -> str:
        """Trigger a run, again and again until it is acknowledged; return its id."""
        payload = {
            "number": number,
            "effects": str(self._effects),
            "gate": str(self._gate),
            "passing": PASSING,
        }
        return (await client.trigger("work", payload, idempotency_key=f"number {number}")).id

    def open_gate(self) -> None:
        """Let the runs go on that wait, and all others pass."""
        self._gate.touch()

    def effects(self) -> Counter[int]:
        """Return how often the body of each run was begun."""
        return Counter(int(line) for line in self._effects.read_text().split())

    async def ids(self, client: AsyncClient, **filters: str) -> list[str]:
        """Return the ids of runs."""
        return [run.id async for run in client.runs.list(size=100, **filters)]

    async def until_in_the_middle(self, client: AsyncClient) -> None:
        """Wait until the first runs have been reported, and as many as the worker may hold have begun."""

        async def is_reached() -> bool:
            begun = self._effects.exists() and self.effects().total() == PASSING + AT_ONCE
            return begun and len(await self.ids(client, status=Status.COMPLETED)) == PASSING

        await until(is_reached, f"{PASSING} runs are completed and {AT_ONCE} are under way")

    async def until_all_are_completed(self, client: AsyncClient) -> None:
        async def is_reached() -> bool:
            return len(await self.ids(client, status=Status.COMPLETED)) == RUNS

        await until(is_reached, f"{RUNS} runs are completed")

    @property
    def _effects(self) -> Path:
        return self.folder / "effects"

    @property
    def _gate(self) -> Path:
        return self.folder / "gate"


def kill(*commands: Running) -> None:
    """Kill processes as a failing machine does: at once, and without a word."""
    for command in commands:
        command.send(signal.SIGKILL)
    for command in commands:
        assert command.end() == -signal.SIGKILL
