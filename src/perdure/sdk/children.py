"""What a run is known by as the maker of others: keys that its SDK gives to the runs and tokens it makes.

A run that goes on from a stored state does again what it did after that state.  A child that it triggers
again has the key of the first time, and so is the same run: the key is made of the run, the number of the
state, the task and its payload, and a count of triggers that are alike in all this.  A token that it makes
again is the same token, so an answer to what was sent out first is heard; but a try that follows an error
asks anew.
"""

import hashlib
import json
from collections import Counter
from contextvars import ContextVar
from threading import Lock
from typing import Any


class Children:
    """Counts what a run has triggered since its last stored state."""

    def __init__(self, run: str, snapshot: int, tries: int) -> None:
        self._run = run
        self._snapshot = snapshot
        self._tries = tries
        self._counts: Counter[str] = Counter()
        self._turn = Lock()

    def restart(self, snapshot: int) -> None:
        """Take note of a newer state."""
        with self._turn:
            self._snapshot = snapshot
            self._counts.clear()

    def key(self, task: str, payload: Any) -> str:
        """Return the key of the next child: 64 hexadecimal digits."""
        return self._next(task, payload)

    def token_key(self, tags: Any) -> str:
        """Return the key of the next token."""
        return self._next(f"token of try {self._tries}", tags)

    def _next(self, task: str, payload: Any) -> str:
        like = hashlib.sha256(f"{task}\n{json.dumps(payload, sort_keys=True)}".encode()).hexdigest()
        with self._turn:
            self._counts[like] += 1
            facts = f"{self._run}\n{self._snapshot}\n{like}\n{self._counts[like]}"
        return hashlib.sha256(facts.encode()).hexdigest()


_current: ContextVar[Children | None] = ContextVar("perdure_children", default=None)


def begin(run: str, snapshot: int, tries: int) -> None:
    """Begin an attempt, or go on with it.

    Args:
        run: its id.
        snapshot: the number of the stored state it begins from; 0 is the top.
        tries: which of its tries this is; one that was lost does not count.
    """
    _current.set(Children(run, snapshot, tries))


def current() -> Children | None:
    """Return what counts the children of the run that this code belongs to, or None outside of runs."""
    return _current.get()
