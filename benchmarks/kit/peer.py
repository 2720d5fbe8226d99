"""Runs a peer's program, with the peers' own environment: `./dev bench` makes it, `.venv-peers`."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-peers" / "bin" / "python"


def run(program: str, *arguments: object) -> float | None:
    """Return the number that a program of `benchmarks/peers` prints, or None if there are no peers."""
    if not PYTHON.exists():
        return None
    command = [PYTHON, ROOT / "benchmarks" / "peers" / f"{program}.py", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise RuntimeError(f"{program} failed:\n{done.stdout}{done.stderr}")
    return float(done.stdout.split()[-1])
