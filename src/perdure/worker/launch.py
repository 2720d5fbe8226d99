"""How executors come to be: one interface, two ways of it.

`fork.ForkLauncher` (Linux) keeps a zygote that has imported the user's code, and lets it fork.
`spawn.SpawnLauncher` (anywhere) starts a new interpreter for each, which imports the code anew.
"""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from perdure.wire.executor import Discovered


@dataclass(frozen=True)
class Home:
    """What every process of a worker starts from."""

    #: the project's folder, which is also their working directory
    root: Path
    #: their environment variables
    variables: Mapping[str, str]


@dataclass(eq=False)
class Child:
    """A process that was started, or is about to be."""

    #: the supervisor's end of its pipe
    sock: socket.socket
    #: resolves, when it has ended, to its exit code, the negative number of a signal, or None if unseen
    exited: asyncio.Future[int | None]
    #: kills it at once, with all it has started
    kill: Callable[[], None]
    #: None until it is known
    pid: int | None = None
    #: it was killed, or is to be as soon as it is there
    is_doomed: bool = False


class Launcher(Protocol):
    """Starts executors of one version of the user's code."""

    async def start(self) -> Discovered:
        """Import the project, and return what is in it.

        Raises:
            ProjectUnloadable: it can't be imported at all.
        """
        ...

    def launch(self) -> Child:
        """Start an executor; what is written to its pipe meanwhile waits for it."""
        ...

    async def stop(self) -> None:
        """Kill whatever still runs."""
        ...


def pair() -> tuple[socket.socket, socket.socket]:
    """Return the supervisor's end of a new pipe, ready for an event loop, and the child's."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    return ours, theirs


async def run_child(role: str, home: Home, theirs: socket.socket) -> asyncio.subprocess.Process:
    """Start `python -m perdure.worker.child`, and give it its end of a pipe, which is then closed here.

    Args:
        role: what it is to be; see `child.ROLES`.
        home: where it works.
        theirs: its end.
    """
    command = [sys.executable, "-m", "perdure.worker.child", role, str(home.root)]
    if sys.platform == "win32":
        process = await asyncio.create_subprocess_exec(
            *command, stdin=subprocess.PIPE, cwd=home.root, env=dict(home.variables)
        )
        assert process.stdin is not None
        process.stdin.write(theirs.share(process.pid))
        process.stdin.write_eof()
    else:
        process = await asyncio.create_subprocess_exec(
            *command,
            str(theirs.fileno()),
            stdin=subprocess.DEVNULL,
            cwd=home.root,
            env=dict(home.variables),
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
    theirs.close()
    return process
