"""The task of the crash tests.  Loaded by workers, not by pytest."""

import os
import time
from pathlib import Path

from perdure import task

RECORD = len("000\n")


@task(id="work")
def work(number: int, effects: str, gate: str, passing: int) -> int:
    """Leave an effect; once so many have been left, wait for the gate."""
    if _leave(effects, number) >= passing:
        while not Path(gate).exists():
            time.sleep(0.02)
    return number


def _leave(effects: str, number: int) -> int:
    """Append a record, which no kill can cut in two; return how many stood before it."""
    file = os.open(effects, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(file, f"{number:03}\n".encode())
        return os.lseek(file, 0, os.SEEK_CUR) // RECORD - 1
    finally:
        os.close(file)
