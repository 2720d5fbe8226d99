"""Commands that are started by `perdure dev` end with it, however it ends."""

import os
import signal
import threading
from contextlib import suppress
from typing import Annotated

import typer

Parent = Annotated[int | None, typer.Option("--parent", hidden=True, help="End when this process does.")]


def end_with(parent: int | None) -> None:
    """Have this process end when its parent does.

    Args:
        parent: the parent's process id; None if it is to outlive it.
    """
    from perdure.worker import system

    if parent is None:
        return
    if system.IS_LINUX:
        system.die_with_parent(parent)
    else:
        threading.Thread(target=_follow, args=(parent,), daemon=True).start()


def _follow(parent: int) -> None:
    """Wait for another process's end, and stop this one."""
    import psutil

    with suppress(psutil.NoSuchProcess):
        psutil.Process(parent).wait()
    os.kill(os.getpid(), signal.SIGTERM)
