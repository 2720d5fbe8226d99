"""The `perdure` command, run as a user runs it: a process of its own."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tests.support.processes import variables

PATIENCE = 60.0


@dataclass
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def perdure(*arguments: str, folder: Path, stdin: str = "", **settings: str) -> Done:
    """Run a command to its end, in a folder, with these `PERDURE_*` variables and no others."""
    done = subprocess.run(
        [sys.executable, "-m", "perdure", *arguments],
        cwd=folder,
        env=variables(**settings),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    return Done(done.returncode, done.stdout, done.stderr)


@dataclass
class Running:
    """A command that goes on, and what it has said so far."""

    process: subprocess.Popen[str]
    said: list[str] = field(default_factory=list)
    _ended: bool = False
    _lines: queue.SimpleQueue[str | None] = field(default_factory=queue.SimpleQueue)

    def __post_init__(self) -> None:
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self._lines.put(line)
        self._lines.put(None)

    def until(self, *texts: str) -> str:
        """Wait for a line with all of these texts in it, and return it."""
        while True:
            try:
                line = self._lines.get(timeout=PATIENCE)
            except queue.Empty:
                raise AssertionError(f"it did not say {texts}, but: {''.join(self.said)}") from None
            if line is None:
                self._ended = True
                raise AssertionError(f"it ended without saying {texts}, but: {''.join(self.said)}")
            self.said.append(line)
            if all(text in line for text in texts):
                return line

    def read_to_the_end(self) -> None:
        """Read what it still says, until it says no more."""
        while not self._ended:
            line = self._lines.get(timeout=PATIENCE)
            self._ended = line is None
            self.said.append(line or "")

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    def end(self) -> int:
        """Wait for its end, and return its exit code."""
        return self.process.wait(PATIENCE)

    def family(self) -> list[psutil.Process]:
        """Return the processes it has started, and those they have."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def child(self, command: str) -> psutil.Process:
        """Return the process of a command that `dev` has started."""
        (found,) = [one for one in psutil.Process(self.process.pid).children() if command in one.cmdline()]
        return found


@contextmanager
def running(*arguments: str, folder: Path, **settings: str) -> Iterator[Running]:
    """Run a command while the block lasts."""
    process = subprocess.Popen(
        [sys.executable, "-m", "perdure", *arguments],
        cwd=folder,
        env=variables(**settings),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    command = Running(process)
    try:
        yield command
    finally:
        if process.poll() is None:
            family = command.family()
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            for left in psutil.wait_procs(family, timeout=PATIENCE)[1]:
                os.kill(left.pid, signal.SIGKILL)
        command.read_to_the_end()


@dataclass
class Dev:
    """A `perdure dev` that is ready."""

    folder: Path
    url: str
    command: Running

    def perdure(self, *arguments: str, **more: Any) -> Done:
        """Run a command against it, as in another terminal of the same project."""
        return perdure(*arguments, **{"folder": self.folder, "PERDURE_API_URL": self.url, **more})


@contextmanager
def dev(folder: Path, *arguments: str, **settings: str) -> Iterator[Dev]:
    """Run `perdure dev` on a free port until the block ends."""
    with running("dev", "--port", "0", *arguments, folder=folder, **settings) as command:
        url = command.until("Server", "http://").split()[-1]
        command.until("Ready")
        yield Dev(folder, url, command)
