"""What `perdure doctor` looks at; each check says what is well, or what to do."""

import asyncio
import os
import platform
import sqlite3
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

from perdure.cli.catalog import import_tasks
from perdure.cli.folder import has_settings
from perdure.cli.screen import place_text
from perdure.client import Client
from perdure.client.settings import DEFAULT_API_URL, find_access
from perdure.core.errors import BadSetting, PerdureError, PortInUse, ServerUnreachable
from perdure.core.settings import SETTINGS, check_names
from perdure.sdk.project import load_project
from perdure.server.run import listen
from perdure.server.settings import read_settings
from perdure.store.checkup import look
from perdure.store.sqlite import check_library
from perdure.wire import endpoints
from perdure.wire.auth import EnvironmentIdentity

_OLDEST = (3, 11)
_CLOCK_S = 2.0
"""A larger difference between clocks makes moments confusing; nothing breaks by it."""


@dataclass(frozen=True)
class Check:
    """What was looked at, and what was found."""

    name: str
    ok: bool
    message: str


def check_all(root: Path) -> list[Check]:
    """Make every check, in an order in which the first that fails explains the others.

    Args:
        root: the project's folder.
    """
    checks = [
        _check("Python", _python),
        _check("SQLite", _sqlite),
        _check("Settings", _settings),
        _check("Project", lambda: _project(root)),
        *_tasks(root),
        _check("Database", lambda: _database(root)),
    ]
    return [*checks, *_server(root)]


class _Wrong(Exception):
    """A check that failed, with what to do."""


def _check(name: str, look_at: Callable[[], str]) -> Check:
    try:
        return Check(name, True, look_at())
    except (_Wrong, PerdureError) as error:
        return Check(name, False, str(error))


def _python() -> str:
    if sys.version_info < _OLDEST:
        raise _Wrong(f"{platform.python_version()} is too old; Perdure needs 3.11 or newer")
    return f"{platform.python_version()}, Perdure {version('perdure')}"


def _sqlite() -> str:
    check_library()
    return sqlite3.sqlite_version


def _settings() -> str:
    check_names(os.environ)
    given = [name for name in SETTINGS if name in os.environ]
    return ", ".join(given) or "none is given; the defaults hold"


def _project(root: Path) -> str:
    project = load_project(root)
    where = "settings found" if has_settings(root) else "no settings; `perdure init` writes some"
    return f"{project.name} in {root}, {where}"


def _tasks(root: Path) -> Iterator[Check]:
    try:
        found = import_tasks(root)
    except PerdureError:
        return  # the check of the project has told of it
    for problem in found.problems:
        yield Check("Import", False, f"{place_text(problem)}: {problem.message}")
    ids = ", ".join(task.id for task in found.tasks)
    yield Check("Tasks", bool(ids), ids or "there are none; `perdure init` writes a first one")


def _database(root: Path) -> str:
    url = read_settings({name: value for name, value in os.environ.items() if name in SETTINGS}).database_url
    return asyncio.run(look(url, root))


def _server(root: Path) -> Iterator[Check]:
    """Ask the server, if there is one, and check what it says; else check that one can be started."""
    try:
        access = find_access(folder=root)
    except PerdureError as error:
        yield Check("Key", False, str(error))
        return
    client = Client(access.api_url, access.secret_key, tries=1)
    try:
        client.call(endpoints.environment.HEALTH)
    except ServerUnreachable as error:
        yield _check("Port", lambda: _port(access.api_url))
        yield Check("Server", False, str(error))
        return
    except PerdureError as error:
        yield Check("Server", False, str(error))
        return
    asked = datetime.now(UTC)
    try:
        identity = client.whoami()
    except PerdureError as error:
        yield Check("Server", True, f"answers at {access.api_url}")
        yield Check("Key", False, f"{error}. Set PERDURE_SECRET_KEY to a key of this server's")
        return
    yield from _identity(identity, access.api_url, asked)


def _identity(identity: EnvironmentIdentity, url: str, asked: datetime) -> Iterator[Check]:
    ours = version("perdure")
    same = identity.server_version == ours
    told = "" if same else f", another version than this one, {ours}: install the same in both places"
    yield Check("Server", same, f"answers at {url}, version {identity.server_version}{told}")
    yield Check("Key", True, f"opens environment {identity.slug} of project {identity.project}")
    apart = abs((identity.time - asked).total_seconds())
    well = apart <= _CLOCK_S
    told = "" if well else "; set the clocks right (NTP), as delays and moments are by the server's"
    yield Check("Clock", well, f"{apart:.1f} s from the server's{told}")


def _port(url: str) -> str:
    """Check that a server could listen where none answers, if that is this machine."""
    parts = urlsplit(url)
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    if host not in ("127.0.0.1", "localhost", "::1"):
        return f"{port} of {host}, another machine"
    try:
        listen(host, port).close()
    except PortInUse as error:
        raise _Wrong(f"{error}") from None
    except (OSError, BadSetting) as error:
        raise _Wrong(str(error)) from None
    free = f"{port} is free"
    return free if url == DEFAULT_API_URL else f"{free}: `perdure dev --port {port}` would use it"
