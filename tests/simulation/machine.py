"""The machine that a simulation runs on: its clock, its entropy, and its disk.

Nothing of Perdure is replaced.  What is replaced is what Perdure asks the world for: the time of day, the
monotonic clock, random bytes, and the driver's way to open a SQLite file.
"""

import os
import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.simulation.loop import VirtualLoop
from tests.simulation.process import current

START_NS = 1_767_225_600_000_000_000 + 37 * 1_000_000_000
"""2026-01-01T00:00:37Z: not on a minute, where schedules tick."""


@contextmanager
def machine(loop: VirtualLoop, dice: random.Random, connect: Callable[..., Any]) -> Iterator[None]:
    """Let this Python process run on simulated hardware.

    Args:
        loop: has the time.
        dice: gives what the system's entropy would.
        connect: stands in for `sqlite3.connect`.
    """

    def now_ns() -> int:
        process = current.get()
        skew_ms = process.skew_ms if process is not None else 0
        return START_NS + round(loop.time() * 1e9) + skew_ms * 1_000_000

    replaced: list[tuple[Any, str, Any]] = [
        (time, "time_ns", now_ns),
        (time, "time", lambda: now_ns() / 1e9),
        (time, "monotonic", loop.time),
        (os, "urandom", dice.randbytes),
        (random, "_urandom", dice.randbytes),  # where `secrets` takes it from
        (sqlite3, "connect", connect),
    ]
    before = [(where, name, getattr(where, name)) for where, name, _ in replaced]
    of_all = random.getstate()
    random.seed(dice.getrandbits(64))
    for where, name, value in replaced:
        setattr(where, name, value)
    try:
        yield
    finally:
        for where, name, value in before:
            setattr(where, name, value)
        random.setstate(of_all)
