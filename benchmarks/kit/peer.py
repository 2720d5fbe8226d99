"""Runs a peer's program, with the peers' own environment: `./dev bench` makes it, `.venv-peers`."""

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-peers" / "bin" / "python"


def run(program: str, *arguments: object) -> float | None:
    """Return the number that a program of `benchmarks/peers` prints, or None if there are no peers."""
    found = numbers(program, *arguments)
    return found[-1] if found else None


def numbers(program: str, *arguments: object) -> list[float]:
    """Return the numbers in the last line that a program prints, or none if there are no peers."""
    if not PYTHON.exists():
        return []
    command = [PYTHON, ROOT / "benchmarks" / "peers" / f"{program}.py", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise RuntimeError(f"{program} failed:\n{done.stdout}{done.stderr}")
    return [float(word) for word in done.stdout.splitlines()[-1].split()]


@contextmanager
def redis() -> Iterator[str | None]:
    """Run a Redis in memory; give its URL, or None if the machine has none."""
    program = shutil.which("redis-server")
    if program is None or not PYTHON.exists():
        yield None
        return
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [program, "--port", str(port), "--save", "", "--dir", folder], stdout=subprocess.DEVNULL
        )
        try:
            _wait_for(port)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.terminate()
            process.wait(20)


def _wait_for(port: int, seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
