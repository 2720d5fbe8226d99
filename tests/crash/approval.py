"""The example of an order that waits for a person: its server, its worker, and what is left of an order."""

import asyncio
import shutil
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx
import psutil

from perdure.client import AsyncClient
from perdure.core.lifecycle import Status
from perdure.wire.runs import Run
from perdure.wire.waits import Token
from tests.support import processes
from tests.support.proxy import Proxy, proxy
from tests.support.waiting import until

Victim = Literal["server", "worker"]

EXAMPLE = Path(__file__).parents[2] / "examples" / "approval"
KEY = "tr_prod_0123456789abcdef0123"
LEASE_SECONDS = "5"
PATIENCE_S = 240.0
"""Several shops are opened anew at once, on whatever is left of the machine."""
TRIES = 100
ORDER = {"id": "o1", "amount": 99.5}
ANSWER = b'{"approved": true, "by": "Ada"}'
FORM = {"content-type": "application/x-www-form-urlencoded"}  # as `curl -d` says it


@dataclass(frozen=True)
class Left:
    """What an order leaves behind."""

    status: str
    receipt: Any
    #: how often each thing was done
    effects: dict[str, int]
    tokens: int
    children: int
    #: what became of its runs, for whoever reads a failure
    story: str = field(default="", compare=False)


@dataclass
class Lane:
    """A shop with one order at a time.

    Its worker speaks to its server by way of a proxy, as does the manager who approves; the test itself asks
    the server directly.
    """

    folder: Path
    database_url: str
    proxy: Proxy
    order: str = ""
    port: str = "0"
    _lives: dict[Victim, ExitStack] = field(default_factory=dict)
    _pids: dict[Victim, int] = field(default_factory=dict)
    _manager: asyncio.Task[None] | None = None

    # The processes.

    async def open(self, stack: AsyncExitStack) -> None:
        """Start the server and the worker; the stack ends them."""
        stack.push_async_callback(lambda: self.kill(*list(self._lives)))
        await self.start("server")
        client = AsyncClient(f"http://127.0.0.1:{self.port}", KEY, tries=TRIES)
        self.client = await stack.enter_async_context(client)
        await self.start("worker")

        async def is_connected() -> bool:
            return bool((await self.client.tasks()).tasks)

        await until(is_connected, "the worker is connected", PATIENCE_S)

    async def start(self, *names: Victim) -> None:
        """Start them, the server first, and always at the same port."""
        for name in sorted(names):
            life = ExitStack()
            program = self._server() if name == "server" else self._worker()
            process = await asyncio.to_thread(life.enter_context, program)
            self._lives[name], self._pids[name] = life, process.pid

    async def kill(self, *names: Victim) -> None:
        """Kill them as a failing machine does: at once, and without a word."""
        dying = [psutil.Process(self._pids[name]) for name in names]
        families = [member for process in dying for member in process.children(recursive=True)]
        for process in dying:
            process.kill()
        self.proxy.cut()
        for name in names:
            await asyncio.to_thread(self._lives.pop(name).close)
        # What a worker has started ends because the worker has.
        left = (await asyncio.to_thread(psutil.wait_procs, families, PATIENCE_S))[1]
        assert left == [], f"the killed worker has left {left}"

    @contextmanager
    def _server(self) -> Iterator[subprocess.Popen[str]]:
        settings = {
            "PERDURE_SECRET_KEY": KEY,
            "PERDURE_DATABASE_URL": self.database_url,
            "PERDURE_LEASE_SECONDS": LEASE_SECONDS,
            "PERDURE_PORT": self.port,
        }
        with processes.server(self.folder, **settings) as server:
            self.port = server.url.rpartition(":")[2]
            self.proxy.target = int(self.port)
            self._known_as = replace(server, url=self.proxy.url)
            yield server.process

    @contextmanager
    def _worker(self) -> Iterator[subprocess.Popen[str]]:
        log = self.folder / "worker.log"
        options = ("--concurrency", "1")
        with processes.worker(self.folder, self._known_as, key=KEY, log=log, options=options) as process:
            yield process

    # An order.

    async def begin(self) -> None:
        """Begin an order that may fail no attempt at all."""
        self._ledger.unlink(missing_ok=True)
        self._manager = None
        self.order = (await self.client.trigger("process-order", ORDER, max_attempts=1)).id
        self._since = (await self.run()).created_at

    def approve(self) -> None:
        """Let the manager answer as soon as there is something to answer."""
        if self._manager is None:
            self._manager = asyncio.create_task(self._approve())

    async def _approve(self) -> None:
        async def is_asked() -> bool:
            return bool(await self._tokens())

        async def is_heard() -> bool:
            try:
                answer = await http.post(self.proxy.url + path, content=ANSWER, headers=FORM)
            except httpx.TransportError:
                return False
            assert answer.status_code == 200, answer.text
            return True

        await until(is_asked, f"the manager is asked about {self.order}", PATIENCE_S)
        path = urlsplit((await self._tokens())[-1].url).path  # what was sent first
        async with httpx.AsyncClient(timeout=PATIENCE_S) as http:
            await until(is_heard, "the manager is heard", PATIENCE_S)

    async def end(self) -> Left:
        """Wait until the order has ended, approved if it was not yet; return what it leaves."""
        self.approve()
        assert self._manager is not None
        await self._manager
        await self.client.runs.result(self.order, PATIENCE_S)
        run = await self.run()
        done = Counter(line.split()[1] for line in self._ledger.read_text().splitlines())
        tokens = await self._tokens()
        children = [child.id for child in run.related_runs.children]
        story = "; ".join([await self._story(one) for one in (run.id, *children)])
        return Left(run.status, run.output, dict(done), len(tokens), len(children), story)

    async def _story(self, run: str) -> str:
        """Tell what became of a run, each step with its second of the order."""
        steps: list[str] = []
        async for event in self.client.runs.events(run):
            if event.kind != "log":
                steps.append(f"{(event.time - self._since).total_seconds():.1f} s {event.message}")
        return ", ".join(steps)

    async def run(self) -> Run:
        return await self.client.runs.retrieve(self.order)

    async def has(self, *statuses: Status) -> bool:
        """Tell whether the order has one of these statuses."""
        return (await self.run()).status in statuses

    async def child_has(self, task: str, *statuses: Status) -> bool:
        """Tell whether the order's child has one of these statuses."""
        children = (await self.run()).related_runs.children
        return any(child.task_identifier == task and child.status in statuses for child in children)

    async def _tokens(self) -> list[Token]:
        """Return the order's tokens, newest first."""
        return [token async for token in self.client.tokens.list() if token.created_at >= self._since]

    @property
    def _ledger(self) -> Path:
        return self.folder / "ledger.txt"


@asynccontextmanager
async def lane(folder: Path, database_url: str) -> AsyncIterator[Lane]:
    """Open a shop in a new folder, and close it at the end of the block."""
    left_behind = shutil.ignore_patterns("ledger.txt", ".perdure", "__pycache__")
    shutil.copytree(EXAMPLE, folder, ignore=left_behind)
    async with AsyncExitStack() as stack:
        made = Lane(folder, database_url, await stack.enter_async_context(proxy()))
        await made.open(stack)
        yield made
