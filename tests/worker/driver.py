"""Drives real processes of a worker over their real pipes, in place of a supervisor."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import to_json

from perdure.wire.executor import (
    FROM_EXECUTOR,
    FROM_ZYGOTE,
    Begin,
    Discovered,
    Exited,
    Finished,
    Fork,
    Forked,
    Frames,
    Logged,
    Ready,
    Start,
    Stop,
    frame,
)
from perdure.wire.manifests import RetryPolicy
from perdure.wire.model import Model
from perdure.wire.workers import Assignment, LogLine, WorkerEnvironment
from tests.support.processes import variables

PATIENCE = 30
"""Seconds after which a process that says nothing is a failure of the test."""

ENVIRONMENT = WorkerEnvironment(id="env_1", slug="dev", type="dev", project="tests")


def assignment(task: str, payload: dict[str, Any] | None = None, **changes: Any) -> Assignment:
    """Return a run as the server hands it out."""
    facts = {
        "run_id": f"run_{time.monotonic_ns()}",
        "fence": 1,
        "task": task,
        "attempt": 1,
        "payload": to_json(payload or {}).decode(),
        "queue": f"task/{task}",
        "max_attempts": 3,
        "retry": RetryPolicy(),
        "version": "20260101.1",
        "created_at": datetime.now(UTC),
    }
    return Assignment(**{**facts, **changes})


class Line:
    """Our end of a pipe."""

    def __init__(self, sock: socket.socket, adapter: TypeAdapter) -> None:
        self.sock = sock
        sock.settimeout(PATIENCE)
        self._frames = Frames()
        self._adapter = adapter
        self._read: list[Any] = []

    def send(self, message: Model) -> None:
        self.sock.sendall(frame(message))

    def next(self) -> Any:
        """Return the next message, or None at the end."""
        while not self._read:
            data = self.sock.recv(65_536)
            if not data:
                return None
            self._read += [self._adapter.validate_json(body) for body in self._frames.feed(data)]
        return self._read.pop(0)

    def messages(self) -> Iterator[Any]:
        """Return what comes until the other side closes."""
        while (message := self.next()) is not None:
            yield message


class ExecutorDriver(Line):
    """An executor."""

    def __init__(self, sock: socket.socket, pid: int, *, is_shared: bool = False) -> None:
        super().__init__(sock, FROM_EXECUTOR)
        self.pid = pid
        self.lines: list[LogLine] = []
        self.others: list[Any] = []
        self.send(Begin(environment=ENVIRONMENT, is_shared=is_shared))
        assert isinstance(self.next(), Ready)

    def start(self, task: str, payload: dict[str, Any] | None = None, **changes: Any) -> Assignment:
        run = assignment(task, payload, **changes)
        self.send(Start(run=run))
        return run

    def finish(self) -> Finished:
        """Return how the next attempt ended; lines go to `lines`, everything else to `others`."""
        for message in self.messages():
            if isinstance(message, Finished):
                return message
            if isinstance(message, Logged):
                self.lines += message.lines
            else:
                self.others.append(message)
        raise AssertionError("the executor ended without a result")

    def run(self, task: str, payload: dict[str, Any] | None = None, **changes: Any) -> Finished:
        self.start(task, payload, **changes)
        return self.finish()

    def stop(self, run: Assignment) -> None:
        self.send(Stop(run_id=run.run_id))

    def warnings(self) -> str:
        """What Perdure itself said."""
        return "\n".join(line.message for line in self.lines if line.source == "perdure")


class ZygoteDriver(Line):
    """A zygote."""

    def __init__(self, sock: socket.socket, process: subprocess.Popen) -> None:
        super().__init__(sock, FROM_ZYGOTE)
        self.process = process
        self._executors: list[ExecutorDriver] = []
        message = self.next()
        assert isinstance(message, Discovered), message
        assert message.problems == []
        self.discovered = message

    def executor(self, *, is_shared: bool = False) -> ExecutorDriver:
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self.sock, [frame(Fork())], [theirs.fileno()])
        while not isinstance(message := self.next(), Forked):
            pass
        self._executors.append(ExecutorDriver(ours, message.pid, is_shared=is_shared))
        return self._executors[-1]

    def close_executors(self) -> None:
        """Let go of every executor."""
        while self._executors:
            self._executors.pop().sock.close()

    def status_of(self, pid: int) -> int:
        """Wait until an executor has ended, and return how."""
        for message in self.messages():
            if isinstance(message, Exited) and message.pid == pid:
                return message.status
        raise AssertionError("the zygote ended")


@contextmanager
def zygote(root: Path, **settings: str) -> Iterator[ZygoteDriver]:
    """Run a zygote over a project, with these `PERDURE_*` variables."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-m", "perdure.worker.child", "zygote", str(root), str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                cwd=root,
                env=variables(PERDURE_SECRET_KEY="tr_dev_0123456789abcdef0123456789abcdef", **settings),
            )
        try:
            driver = ZygoteDriver(ours, process)
            yield driver
            driver.close_executors()
        finally:
            ours.close()
            process.wait(PATIENCE)


def await_text(file: Path, text: str) -> list[str]:
    """Wait until a process has written a word into a file, and return all its words."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if file.exists() and text in (words := file.read_text().split()):
            return words
        time.sleep(0.01)
    raise AssertionError(f"no {text} in {file}")


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; a zombie does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def await_death(pid: int) -> None:
    """Wait until a process has ended."""
    until = time.monotonic() + PATIENCE
    while is_alive(pid):
        assert time.monotonic() < until, f"process {pid} is still there"
        time.sleep(0.01)
