"""Executors forked from a zygote; Linux."""

import asyncio
import logging
import socket
from collections import deque

from perdure.core.errors import ProjectUnloadable
from perdure.wire.executor import (
    FROM_ZYGOTE,
    Discovered,
    Exited,
    Fork,
    Forked,
    Frames,
    FromZygote,
    Kill,
    Unloadable,
    frame,
)
from perdure.worker import system
from perdure.worker.launch import Child, Home, pair, run_child

log = logging.getLogger(__name__)

_READ = 65_536


class ForkLauncher:
    """Has a zygote fork executors; when the zygote is gone, the next launch starts another."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._zygote: asyncio.subprocess.Process | None = None
        self._control: socket.socket | None = None
        self._frames = Frames()
        self._discovered: asyncio.Future[Discovered] | None = None
        self._restarting: asyncio.Task[None] | None = None
        # What is not sent yet, with the file that goes along; and the forks that are not answered yet.
        self._unsent: deque[tuple[Fork | Kill, socket.socket | None]] = deque()
        self._asked: deque[Child] = deque()
        self._children: dict[int, Child] = {}

    async def start(self) -> Discovered:
        """Start the zygote, and return what it found in the project."""
        loop = asyncio.get_running_loop()
        ours, theirs = pair()
        self._frames = Frames()
        self._discovered = loop.create_future()
        self._zygote = await run_child("zygote", self._home, theirs)
        self._control = ours
        loop.add_reader(ours, self._read)
        self._send()
        return await self._discovered

    def launch(self) -> Child:
        """Ask the zygote for a fork."""
        ours, theirs = pair()
        child = Child(ours, asyncio.get_running_loop().create_future(), kill=lambda: self._kill(child))
        self._asked.append(child)
        self._post(Fork(), theirs)
        if self._control is None and self._restarting is None:
            self._restarting = asyncio.create_task(self._restart())
        return child

    async def stop(self) -> None:
        """Close the zygote's socket, at which it kills what it has forked, and ends."""
        if self._restarting is not None:
            self._restarting.cancel()
        self._disconnect()
        if self._zygote is not None:
            if self._discovered is not None and self._discovered.cancelled():
                self._zygote.kill()  # it imports, and would not see that its socket is closed
            await self._zygote.wait()

    async def _restart(self) -> None:
        log.warning("The process that forks executors is gone; starting another.")
        try:
            await self.start()
        except ProjectUnloadable as error:
            log.error("%s", error)
            self._disconnect()
        finally:
            self._restarting = None

    def _kill(self, child: Child) -> None:
        # The zygote does it: until it has buried a child, no other process can get the child's number.
        child.is_doomed = True
        if child.pid is not None and not child.exited.done():
            self._post(Kill(pid=child.pid))

    def _post(self, message: Fork | Kill, theirs: socket.socket | None = None) -> None:
        self._unsent.append((message, theirs))
        self._send()

    def _send(self) -> None:
        """Send what is unsent, as far as the socket takes it."""
        control = self._control
        if control is None:
            return
        loop = asyncio.get_running_loop()
        while self._unsent:
            message, theirs = self._unsent[0]
            try:
                socket.send_fds(control, [frame(message)], [theirs.fileno()] if theirs else [])
            except BlockingIOError:
                loop.add_writer(control, self._send)
                return
            except OSError:  # the zygote is gone; the reader sees it, too
                return
            self._unsent.popleft()
            if theirs is not None:
                theirs.close()
        loop.remove_writer(control)

    def _read(self) -> None:
        assert self._control is not None
        try:
            data = self._control.recv(_READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._disconnect()
            return
        for body in self._frames.feed(data):
            self._take(FROM_ZYGOTE.validate_json(body))

    def _take(self, message: FromZygote) -> None:
        match message:
            case Forked(pid=pid):
                child = self._asked.popleft()
                child.pid = pid
                self._children[pid] = child
                if child.is_doomed:
                    self._post(Kill(pid=pid))
            case Exited(pid=pid, status=status):
                _resolve(self._children.pop(pid).exited, status)
            case Discovered():
                if self._discovered is not None and not self._discovered.done():
                    self._discovered.set_result(message)
            case Unloadable(message=reason):
                self._fail(reason)

    def _fail(self, reason: str) -> None:
        if self._discovered is not None and not self._discovered.done():
            self._discovered.set_exception(ProjectUnloadable(reason=reason))

    def _disconnect(self) -> None:
        """Let go of the zygote; whatever it has forked dies with it."""
        if self._control is not None:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._control)
            loop.remove_writer(self._control)
            self._control.close()
            self._control = None
        self._fail("importing it ended the process; what it said last stands above")
        for pid in self._children:
            system.kill_group(pid)
        for _, theirs in self._unsent:
            if theirs is not None:
                theirs.close()
        self._unsent.clear()
        lost = [*self._children.values(), *self._asked]
        self._children.clear()
        self._asked.clear()
        for child in lost:
            _resolve(child.exited, None)


def _resolve(future: asyncio.Future[int | None], status: int | None) -> None:
    if not future.done():
        future.set_result(status)
