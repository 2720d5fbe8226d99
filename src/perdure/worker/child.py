"""How every process of a worker begins: `python -m perdure.worker.child ROLE PROJECT [FILE]`.

The roles: the *zygote* imports the project and forks executors; the *scout* imports it, says what is in
it, and ends; the *executor* imports it and runs attempts.  FILE is the number of the socket to the
supervisor; on Windows the socket comes through standard input.
"""

import os
import socket
import sys
import threading
import traceback
from pathlib import Path

from perdure.core.errors import PerdureError
from perdure.sdk.discover import Catalog, discover
from perdure.sdk.project import load_project
from perdure.wire.executor import Discovered, Unloadable, frame
from perdure.worker import system
from perdure.worker.executor import Executor, warm_up
from perdure.worker.instrument import instrument, wanted
from perdure.worker.zygote import Zygote


def main() -> None:
    """Be what the command line says."""
    role, root, *rest = sys.argv[1:]
    pipe = _pipe(rest)
    if role == "executor":
        tasks = discover(load_project(Path(root))).tasks
        instrument(wanted(os.environ))
        Executor(pipe, tasks).run()
        return
    catalog = _import(Path(root), pipe)
    if role == "zygote":
        warm_up()
        Zygote(pipe, lambda theirs: Executor(theirs, catalog.tasks).run()).serve()


def _pipe(rest: list[str]) -> socket.socket:
    if sys.platform == "win32":
        return socket.fromshare(sys.stdin.buffer.read())
    return socket.socket(fileno=int(rest[0]))


def _import(root: Path, pipe: socket.socket) -> Catalog:
    """Import the project, and tell the supervisor what is in it."""
    supervisor = os.getppid()
    # Nothing else would end an import that hangs after its supervisor is gone.
    system.die_with_parent(supervisor)
    threads = set(threading.enumerate())
    try:
        names = wanted(os.environ)
        catalog = discover(load_project(root))
        instrument(names)
    except PerdureError as error:
        pipe.sendall(frame(Unloadable(message=str(error))))
        sys.exit(1)
    except BaseException as error:
        traceback.print_exc()
        pipe.sendall(frame(Unloadable(message=f"{type(error).__name__}: {error}")))
        sys.exit(1)
    system.die_with_parent(supervisor, wanted=False)
    system.adopt_orphans()
    pipe.sendall(
        frame(
            Discovered(
                tasks=[task.manifest() for task in catalog.tasks.values()],
                queues=catalog.queues,
                problems=catalog.problems,
                code_hash=catalog.code_hash,
                threads=[thread.name for thread in threading.enumerate() if thread not in threads],
            )
        )
    )
    return catalog


if __name__ == "__main__":
    main()
