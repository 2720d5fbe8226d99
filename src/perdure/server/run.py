"""A server process, from its settings to its exit.

A stop (SIGTERM, SIGINT) is orderly: no new connection is taken, long polls are answered, what is under
way is finished, then the engine and the databases are closed.  A second signal does not wait.
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from jwt.warnings import InsecureKeyLengthWarning

from perdure.core.errors import PortInUse
from perdure.engine.engine import Engine
from perdure.engine.resources import EngineSettings, Resources
from perdure.server.app import App, create_app
from perdure.server.export import Exporter
from perdure.server.settings import DEFAULT_DATABASE_URL, DEFAULT_FOLDER, EnvironmentChoice, Settings
from perdure.store.connect import open_database
from perdure.store.rows import Environment
from perdure.store.schema import TELEMETRY

if sys.platform != "win32":
    import resource

    from uvloop import new_event_loop
else:
    from asyncio import new_event_loop

    resource = None

HEARTBEATS_PER_LEASE = 3
"""Two may be lost, and the lease is kept."""

_UNREAD_MS = 60_000
"""A client that takes nothing for so long is cut off by the system, where that can (Linux)."""

_BACKLOG = 2048
_KEEP_ALIVE_S = 75  # longer than clients keep a connection, so that none is closed under a request


@dataclass(frozen=True, kw_only=True)
class Serving:
    """A server that has begun to answer."""

    url: str
    environments: tuple[Environment, ...]


def serve(settings: Settings, on_ready: Callable[[Serving], None]) -> None:
    """Run a server until it is told to stop.

    Args:
        settings: how it is set up.
        on_ready: called once it answers.

    Raises:
        PortInUse: another program listens on the port.
        BadSetting: a setting can't be used.
        StorageError: the database can't be used.
    """
    # Keys have the length of the official ones; their 95 random bits or more are enough for HS256.
    warnings.filterwarnings("ignore", category=InsecureKeyLengthWarning)
    logging.getLogger("uvicorn.error").addFilter(_is_no_break)
    _open_more_files()
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(serve_here(settings, on_ready))


async def serve_here(settings: Settings, on_ready: Callable[[Serving], None]) -> None:
    """Run a server in this event loop until it is told to stop; see `serve`."""
    with listen(settings.host, settings.port) as listener:
        _make_default_folder(settings)
        db = await open_database(settings.database_url)
        telemetry = await open_database(settings.database_url, TELEMETRY)
        async with db, telemetry:
            engine = Engine(Resources(db=db, telemetry=telemetry, settings=_engine_settings(settings)))
            exporter = _exporter(engine, settings)
            environments = [await _ensure(engine, settings, choice) for choice in settings.environments]
            await engine.start()
            if exporter is not None:
                exporter.start()
            try:
                serving = Serving(url=_url(listener), environments=tuple(environments))
                await _answer(create_app(engine, exporter), listener, settings, lambda: on_ready(serving))
            finally:
                await engine.stop(settings.stop_seconds)
                if exporter is not None:
                    await exporter.stop()


def _exporter(engine: Engine, settings: Settings) -> Exporter | None:
    return settings.export and Exporter(engine.resources, engine.telemetry, settings.export)


def _engine_settings(settings: Settings) -> EngineSettings:
    return EngineSettings(
        lease_ms=settings.lease_ms,
        heartbeat_ms=settings.lease_ms // HEARTBEATS_PER_LEASE,
        run_retention_ms=settings.run_retention_ms,
        ttl_ms=settings.ttl_ms,
        log_retention_ms=settings.log_retention_ms,
        stream_retention_ms=settings.stream_retention_ms,
        max_watchers=settings.max_watchers,
    )


def _make_default_folder(settings: Settings) -> None:
    """Make the folder of the default database; one that the user names must exist, as it may be misspelt."""
    if settings.database_url == DEFAULT_DATABASE_URL:
        Path(DEFAULT_FOLDER).mkdir(exist_ok=True)


async def _ensure(engine: Engine, settings: Settings, choice: EnvironmentChoice) -> Environment:
    return await engine.environments.ensure(
        choice.slug, type=choice.type, key=choice.key, project=settings.project
    )


async def _answer(app: App, listener: socket.socket, settings: Settings, ready: Callable[[], None]) -> None:
    config = uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=round(settings.stop_seconds),
    )
    lag = asyncio.create_task(app.services.metrics.watch_loop())
    try:
        await _Server(config, app, ready).serve(sockets=[listener])
    finally:
        lag.cancel()


class _Server(uvicorn.Server):
    """Uvicorn's server, which tells when it answers and ends with exit code 0 when told to stop."""

    def __init__(self, config: uvicorn.Config, app: App, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._app = app
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.close()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at a signal; unlike uvicorn's own, this does not raise it again at the end."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        signals = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self.handle_exit) for number in signals}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on a port of this machine; 0 takes any free one.

    Raises:
        PortInUse: another program listens there, or this user may not.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise PortInUse(
            port=port, host=host, reason=os.strerror(error.errno) if error.errno else str(error)
        ) from None
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNREAD_MS)
    listener.setblocking(False)
    return listener


def _is_no_break(record: logging.LogRecord) -> bool:
    """Leave out what is no fault: events that break off, so that their reader asks again."""
    return "without completing response" not in record.getMessage()


def _open_more_files() -> None:
    """Let the process have as many connections as it may: each is a file."""
    if resource is not None:
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
