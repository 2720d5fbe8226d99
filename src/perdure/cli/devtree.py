"""The process tree of `perdure dev`: a server, a worker, and a watch on the files.

A save starts a new worker and tells the old one to stop: it takes no more runs, and those under way may
finish with the code they began with.  A process that is killed is started again, unless it would only
die again; a worker that can't start waits for the next save.
"""

import asyncio
import re
import signal
import subprocess
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from watchfiles import Change, awatch

from perdure.cli.children import Child, Patience, how_it_ended
from perdure.cli.devscreen import DevScreen
from perdure.cli.exits import Exit
from perdure.sdk.project import OWN_FILE, SHARED_FILE

_DRAIN_S = 40.0  # more than a worker gives its runs
_AT_ONCE_S = 5.0
_SERVER_S = 15.0
_SHORT_S = 1.5
_URL = re.compile(r"http://\S+")
_NO_CODE = frozenset({"__pycache__", "node_modules", "venv", "site-packages"})


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to run."""

    root: Path
    name: str
    #: the variables of both processes, the key among them
    variables: Mapping[str, str]
    #: the server's command
    server: tuple[str, ...]
    #: the worker's command
    worker: tuple[str, ...]
    reload: bool


class DevTree:
    """Runs until it is told to stop, or can't go on."""

    def __init__(self, plan: Plan) -> None:
        """Run this plan."""
        self._plan = plan
        self._screen = DevScreen()
        self._url = ""
        self._server: Child | None = None
        self._worker: Child | None = None
        self._leaving: set[asyncio.Task[None]] = set()
        self._stop = asyncio.Event()
        self._stop_at_once = asyncio.Event()
        self._saved = asyncio.Event()
        self._saved_files: list[str] = []

    async def run(self) -> int:
        """Run; return the exit code.

        SIGINT (Ctrl-C) and SIGTERM stop it in order; a second one stops it at once.
        """
        self._heed_signals()
        try:
            if not await self._start_server(self._plan.server):
                return Exit.OK if self._stop.is_set() else Exit.FAILED
            key = self._plan.variables["PERDURE_SECRET_KEY"]
            self._screen.show_header(self._plan.name, self._url, key, reload=self._plan.reload)
            await _first(self._keep_server(), self._keep_worker(), self._watch_files(), self._stop.wait())
            return Exit.OK if self._stop.is_set() else Exit.FAILED
        finally:
            await self._end_all()

    def _heed_signals(self) -> None:
        def heed() -> None:
            (self._stop_at_once if self._stop.is_set() else self._stop).set()

        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                loop.add_signal_handler(number, heed)
            except NotImplementedError:  # Windows
                signal.signal(number, lambda *_: loop.call_soon_threadsafe(heed))

    # The server.

    async def _start_server(self, command: tuple[str, ...]) -> bool:
        """Start the server and wait until it answers; False when it can't, which it has then said."""
        self._server = await Child.start(
            *command, folder=self._plan.root, variables=self._plan.variables, stdout=subprocess.PIPE
        )
        assert self._server.process.stdout is not None
        reading = asyncio.ensure_future(self._server.process.stdout.readline())
        await _first(asyncio.wait([reading]), self._stop.wait())
        match = _URL.search(reading.result().decode()) if reading.done() else None
        reading.cancel()
        if match is None and not self._stop.is_set():
            await self._server.ended(_AT_ONCE_S)
        self._url = match[0] if match else ""
        return match is not None

    async def _keep_server(self) -> None:
        """See to it that a server runs; return when none can."""
        patience = Patience()
        host, _, port = self._url.removeprefix("http://").rpartition(":")
        command = ("server", "--host", host.strip("[]"), "--port", port)
        while self._server is not None:
            await self._server.ended()
            self._screen.warn(f"The server {how_it_ended(self._server.code)}; starting it again.")
            if not patience.lasts() or not await self._start_server(command):
                self._screen.warn("The server does not stay up; stopping.")
                return
            self._screen.say("The server answers again.")

    # The worker.

    async def _keep_worker(self) -> None:
        """See to it that a worker with the latest code runs; return when none can."""
        patience = Patience()
        while True:
            self._saved.clear()
            variables = {**self._plan.variables, "PERDURE_API_URL": self._url}
            self._worker = await Child.start(*self._plan.worker, folder=self._plan.root, variables=variables)
            await _first(self._worker.ended(), self._saved.wait())
            if self._saved.is_set():
                self._replace(self._worker)
                continue
            again = (self._worker.was_killed or self._worker.code == 0) and patience.lasts()
            told = "; starting it again" if again else "; it starts again when you save a file"
            told = told if again or self._plan.reload else ""
            self._screen.warn(f"The worker {how_it_ended(self._worker.code)}{told}.")
            if not (again or self._plan.reload):
                return
            if not again:
                await self._saved.wait()

    def _replace(self, worker: Child) -> None:
        """Let a worker go, as another is about to start."""
        files = ", ".join(self._saved_files[:3]) + ", …" * (len(self._saved_files) > 3)
        self._screen.say(f"{files} changed; loading the new code.")
        self._let_go(worker)

    def _let_go(self, worker: Child) -> None:
        leaving = asyncio.create_task(self._see_off(worker))
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)

    async def _see_off(self, worker: Child) -> None:
        """Wait while a worker's runs finish, unless it has to be quick."""
        worker.tell_to_stop()
        await _first(worker.ended(_DRAIN_S), self._stop_at_once.wait())
        await worker.end(_AT_ONCE_S)

    # The files.

    async def _watch_files(self) -> None:
        """Take note of what is saved."""
        if self._plan.reload:
            try:
                async for changes in awatch(
                    self._plan.root, watch_filter=self._is_code, ignore_permission_denied=True
                ):
                    self._saved_files = sorted({self._inside(path) for _, path in changes})
                    self._saved.set()
            except (OSError, RuntimeError) as error:
                self._screen.warn(f"Saved files can't be noticed ({error}); start again to load new code.")
        await self._stop.wait()

    def _is_code(self, change: Change, path: str) -> bool:
        inside = Path(self._inside(path))
        hidden = any(part in _NO_CODE or part.startswith(".") for part in inside.parts)
        return not hidden and (inside.suffix == ".py" or str(inside) in (OWN_FILE, SHARED_FILE))

    def _inside(self, path: str) -> str:
        return str(Path(path).relative_to(self._plan.root))

    # The end.

    async def _end_all(self) -> None:
        """Stop the workers, and then the server, which they report to."""
        if self._worker is not None:
            self._let_go(self._worker)
        if self._leaving:
            _, still = await asyncio.wait(self._leaving, timeout=_SHORT_S)
            if still:
                self._screen.say("Stopping when what runs has finished; Ctrl-C again stops at once.")
                await asyncio.wait(still)
        if self._server is not None:
            await self._server.end(_AT_ONCE_S if self._stop_at_once.is_set() else _SERVER_S)


async def _first(*waits: Coroutine[Any, Any, Any]) -> None:
    """Wait until the first of these is done, and cancel the others; raise what it raised."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
