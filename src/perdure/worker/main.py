"""A worker as a program: finds the project and the server, heeds signals, and ends with a code."""

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Callable
from pathlib import Path

from perdure.client import AsyncClient, Client
from perdure.client.settings import find_access
from perdure.core.errors import Forbidden, PerdureError, Unauthorized
from perdure.sdk.project import load_project
from perdure.worker.launch import Home
from perdure.worker.options import WorkerOptions
from perdure.worker.supervisor import Supervisor

log = logging.getLogger(__name__)

DONE = 0
FAILED = 1
WRONG_KEY = 5
"""The exit code of a worker that the server refuses."""


def build(
    folder: Path,
    options: WorkerOptions | None = None,
    *,
    api_url: str | None = None,
    secret_key: str | None = None,
) -> Supervisor:
    """Return the worker of a project; nothing starts before its `run`.

    Args:
        folder: the project's folder.
        options: how it is set up.
        api_url: the server; else `PERDURE_API_URL`, else this machine.
        secret_key: the key; else `PERDURE_SECRET_KEY`, else the key of `perdure dev`.

    Raises:
        NoSecretKey: there is no key in any of these places.
        BadSetting: the project's settings are wrong.
    """
    root = load_project(folder).root
    access = find_access(api_url, secret_key, folder=root)
    # Tasks trigger other tasks, and do so by the same server.
    variables = {
        **os.environ,
        "PERDURE_API_URL": access.api_url,
        "PERDURE_SECRET_KEY": access.secret_key,
    }
    # The supervisor has its own way to try again.
    return Supervisor(
        Home(root, variables),
        AsyncClient(access.api_url, access.secret_key, tries=1),
        Client(access.api_url, access.secret_key, tries=1),
        options,
    )


async def work(supervisor: Supervisor) -> int:
    """Run a worker until a signal or the server ends it, and return the exit code.

    SIGTERM and SIGINT (Ctrl-C) drain; the second one stops at once.
    """
    with _heeding_signals(supervisor):
        try:
            await supervisor.run()
        except (Unauthorized, Forbidden) as error:
            log.error("%s Set PERDURE_SECRET_KEY to a key of this server's.", error)
            return WRONG_KEY
        except PerdureError as error:
            log.error("%s", error)
            return FAILED
    return DONE


@contextlib.contextmanager
def _heeding_signals(supervisor: Supervisor):
    loop = asyncio.get_running_loop()
    came: list[int] = []

    def heed(number: int) -> None:
        came.append(number)
        if len(came) == 1:
            log.info("Stopping when what runs has finished; once more (Ctrl-C) stops at once.")
        (supervisor.drain if len(came) == 1 else supervisor.stop)()

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [_on(loop, number, heed) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            with contextlib.suppress(NotImplementedError):
                loop.remove_signal_handler(number)
            signal.signal(number, handler)


def _on(loop: asyncio.AbstractEventLoop, number: int, heed: Callable[[int], None]):
    """Call a function on a signal, and return what handled it before."""
    before = signal.getsignal(number)
    try:
        loop.add_signal_handler(number, heed, number)
    except NotImplementedError:  # Windows
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(heed, number))
    return before
