"""Executors that are new interpreters; for systems on which a fork is not safe, or not there."""

import asyncio
import contextlib
import logging
import socket

from perdure.core.errors import ProjectUnloadable
from perdure.wire.executor import FROM_ZYGOTE, Discovered, Frames, Unloadable
from perdure.worker import system
from perdure.worker.launch import Child, Home, pair, run_child

log = logging.getLogger(__name__)

_READ = 65_536


class SpawnLauncher:
    """Starts an interpreter for each executor."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._spawning: dict[asyncio.Task[None], Child] = {}

    async def start(self) -> Discovered:
        """Have one process import the project, say what is in it, and end."""
        ours, theirs = pair()
        scout = await run_child("scout", self._home, theirs)
        try:
            with ours:
                message = await _first_message(ours)
        except asyncio.CancelledError:
            scout.kill()
            raise
        finally:
            await scout.wait()
        if isinstance(message, Discovered):
            return message
        reason = message.message if message else "importing it ended the process; see what it said last"
        raise ProjectUnloadable(reason=reason)

    def launch(self) -> Child:
        """Start an interpreter."""
        ours, theirs = pair()
        child = Child(ours, asyncio.get_running_loop().create_future(), kill=lambda: _kill(child))
        task = asyncio.create_task(self._spawn(child, theirs))
        self._spawning[task] = child
        task.add_done_callback(self._spawning.pop)
        return child

    async def stop(self) -> None:
        """Kill what still runs, and wait until it has ended."""
        for child in list(self._spawning.values()):
            child.kill()
        if self._spawning:
            await asyncio.wait(list(self._spawning))

    async def _spawn(self, child: Child, theirs: socket.socket) -> None:
        """Start the process and stay with it until it has ended."""
        status = None
        try:
            process = await run_child("executor", self._home, theirs)
            child.pid = process.pid
            if child.is_doomed:
                child.kill()
            status = await process.wait()
            system.kill_group(process.pid)  # what it left in its session
        except OSError as error:
            log.error("An executor could not be started: %s", error)
        finally:
            theirs.close()
            if not child.exited.done():
                child.exited.set_result(status)


def _kill(child: Child) -> None:
    child.is_doomed = True
    if child.pid is not None and not child.exited.done():
        system.kill_tree(child.pid)


async def _first_message(sock: socket.socket) -> Discovered | Unloadable | None:
    frames = Frames()
    loop = asyncio.get_running_loop()
    with contextlib.suppress(OSError):
        while data := await loop.sock_recv(sock, _READ):
            for body in frames.feed(data):
                message = FROM_ZYGOTE.validate_json(body)
                return message if isinstance(message, Discovered | Unloadable) else None
    return None
