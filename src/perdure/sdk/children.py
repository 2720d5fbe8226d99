"""What a run is known by as the parent of others: keys that its SDK gives to the runs it triggers.

A run that goes on from a stored state does again what it did after that state.  A child that it triggers
again has the key of the first time, and so is the same run: the key is made of the run, the number of the
state, the task and its payload, and a count of triggers that are alike in all this.
"""

import hashlib
import json
from collections import Counter
from contextvars import ContextVar
from threading import Lock
from typing import Any


class Children:
    """Counts what a run has triggered since its last stored state."""

    def __init__(self, run: str, snapshot: int) -> None:
        self._run = run
        self._snapshot = snapshot
        self._counts: Counter[str] = Counter()
        self._turn = Lock()

    def restart(self, snapshot: int) -> None:
        """Take note of a newer state."""
        with self._turn:
            self._snapshot = snapshot
            self._counts.clear()

    def key(self, task: str, payload: Any) -> str:
        """Return the key of the next child: 64 hexadecimal digits."""
        like = hashlib.sha256(f"{task}\n{json.dumps(payload, sort_keys=True)}".encode()).hexdigest()
        with self._turn:
            self._counts[like] += 1
            facts = f"{self._run}\n{self._snapshot}\n{like}\n{self._counts[like]}"
        return hashlib.sha256(facts.encode()).hexdigest()


_current: ContextVar[Children | None] = ContextVar("perdure_children", default=None)


def begin(run: str, snapshot: int) -> None:
    """Begin an attempt, or go on with it, from a stored state; 0 is the top."""
    _current.set(Children(run, snapshot))


def current() -> Children | None:
    """Return what counts the children of the run that this code belongs to, or None outside of runs."""
    return _current.get()
