"""Perdure's own processes, started as a user starts them and always ended."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_S = 30
STOP_S = 20

SOURCE = Path(__file__).parents[2] / "src"


@dataclass
class Server:
    """A server that answers."""

    url: str
    process: subprocess.Popen[str]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Tell it to stop; return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(STOP_S)


def variables(**more: str) -> dict[str, str]:
    """Return the environment variables of a process of ours: this one's, without its `PERDURE_*`."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("PERDURE_")}
    path = os.pathsep.join(filter(None, [str(SOURCE), own.get("PYTHONPATH", "")]))
    return {**own, "PYTHONPATH": path, **more}


@contextmanager
def server(folder: Path, **settings: str) -> Iterator[Server]:
    """Run a server in a folder, on a free port unless one is set.

    Args:
        folder: where it runs; its database is there unless one is set.
        settings: `PERDURE_*` variables.
    """
    with (folder / "server.log").open("a") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "perdure.server"],
            cwd=folder,
            env=variables(**{"PERDURE_PORT": "0", **settings}),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        match = re.search(r"http://\S+", line)
        if match is None:
            process.wait(STOP_S)
            raise RuntimeError(f"the server did not start: {line} {(folder / 'server.log').read_text()}")
        yield Server(match[0], process)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(STOP_S)
        if process.stdout is not None:
            process.stdout.close()


@contextmanager
def worker(
    project: Path, server: Server, *, key: str, log: Path, options: Sequence[str] = ()
) -> Iterator[subprocess.Popen[str]]:
    """Run a worker of a project, connected to a server, and end it.

    Args:
        project: the project's folder.
        server: where it asks for runs.
        key: the environment's secret key.
        log: the file that takes what it prints.
        options: of its command line.
    """
    with log.open("a") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "perdure.worker", str(project), *options],
            env=variables(PERDURE_API_URL=server.url, PERDURE_SECRET_KEY=key),
            stdout=output,
            stderr=output,
            text=True,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_S)
