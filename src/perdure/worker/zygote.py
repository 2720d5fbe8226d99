"""The zygote: imports the user's code once, and forks executors from there in milliseconds.

It has one thread and no event loop, so that a fork copies nothing half-done.  It speaks to the
supervisor over one socket; with each `Fork` comes the executor's end of a pipe.  When the socket
closes, the supervisor is gone: the zygote kills what it forked, with all that those started, and ends.
"""

import atexit
import contextlib
import gc
import os
import selectors
import signal
import socket
import sys
import traceback
from collections import deque
from collections.abc import Callable

from perdure.wire.executor import TO_ZYGOTE, Exited, Fork, Forked, Frames, Kill, frame
from perdure.worker import system

_READ = 65_536
_FILES = 64
# Killing a family can bring up children that were in no list yet; this many rounds end it.
_ROUNDS = 100


class Zygote:
    """Forks executors as told, and buries them."""

    def __init__(self, control: socket.socket, executor: Callable[[socket.socket], None]) -> None:
        """Serve a supervisor.

        Args:
            control: the socket to it.
            executor: what a fork does with its pipe; when it returns, the fork ends.
        """
        self._control = control
        self._executor = executor
        self._frames = Frames()
        self._pipes: deque[int] = deque()
        self._executors: set[int] = set()
        self._woken, self._wake = socket.socketpair()
        # What the user's code started while it was imported belongs to all executors, and stays.
        self._helpers = set(system.children(os.getpid()))

    def serve(self) -> None:
        """Do what the supervisor says, until it is gone."""
        gc.collect()
        gc.freeze()  # the collector then leaves the imported objects' pages shared
        for end in (self._woken, self._wake):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ, self._read)
            selector.register(self._woken, selectors.EVENT_READ, self._bury)
            while all([key.data() for key, _ in selector.select()]):
                pass
        self._end()

    def _read(self) -> bool:
        """Do what is asked, and tell whether the supervisor is still there."""
        try:
            data, files, _, _ = socket.recv_fds(self._control, _READ, _FILES)
        except OSError:
            return False
        self._pipes.extend(files)
        for body in self._frames.feed(data):
            match TO_ZYGOTE.validate_json(body):
                case Fork():
                    self._fork(self._pipes.popleft())
                case Kill(pid=pid) if pid in self._executors:
                    system.kill_tree(pid)
        return bool(data)

    def _fork(self, pipe: int) -> None:
        parent = os.getpid()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            self._become_executor(parent, pipe)
        os.close(pipe)
        self._executors.add(pid)
        self._tell(Forked(pid=pid))

    def _become_executor(self, parent: int, pipe: int) -> None:
        """Run an executor in the process that was just forked; does not return."""
        code = 1
        try:
            system.die_with_parent(parent)
            system.lead_session()
            system.adopt_orphans()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for inherited in (self._control, self._woken, self._wake):
                inherited.close()
            self._executor(socket.socket(fileno=pipe))
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            # As an interpreter ends, but without going back up the zygote's own stack.
            with contextlib.suppress(BaseException):
                atexit._run_exitfuncs()
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    def _bury(self) -> bool:
        """Tell of the executors that have ended, and kill what they left."""
        with contextlib.suppress(BlockingIOError):
            self._woken.recv(_READ)
        with contextlib.suppress(ChildProcessError):
            while found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                if found.si_pid in self._executors:
                    system.kill_group(found.si_pid)
                _, status = os.waitpid(found.si_pid, 0)
                if found.si_pid in self._executors:
                    self._executors.remove(found.si_pid)
                    self._tell(Exited(pid=found.si_pid, status=os.waitstatus_to_exitcode(status)))
        for orphan in set(system.children(os.getpid())) - self._executors - self._helpers:
            system.kill_tree(orphan)
        return True

    def _tell(self, message: Forked | Exited) -> None:
        with contextlib.suppress(OSError):  # the supervisor is gone, which the next read sees
            self._control.sendall(frame(message))

    def _end(self) -> None:
        """Leave no process behind."""
        self._helpers = set()
        for pid in self._executors:
            system.kill_tree(pid)
        for _ in range(_ROUNDS):
            if not system.has_children():
                return
            system.kill_children()
