"""What a run is known by as the maker of others: keys that its SDK gives to the runs and tokens it makes.

A run that goes on from a stored state, or is tried again, does again what it did after that state.  A child
that it triggers again has the key of the first time, and so is the same run: the key is made of the run, the
checkpoint that it came after (none: the top), the task and its payload, and a count of triggers that are
alike in all this.  The counts are stored with each state at a wait, so the key does not depend on where the
run has waited: a retry, which begins at the checkpoint or at the top, finds the children from after the waits
too.  A token that it makes again is the same token, so an answer to what was sent out first is heard; but a
try that follows an error asks anew.
"""

import hashlib
import json
import struct
from collections import Counter
from contextvars import ContextVar
from threading import Lock
from typing import Any

_BASE = struct.Struct(">I")
_COUNT = struct.Struct(">8sI")


class Children:
    """Counts what a run has triggered since its last checkpoint, or since the top."""

    def __init__(self, run: str, checkpoint: int, tries: int) -> None:
        self._run = run
        self._checkpoint = checkpoint
        self._tries = tries
        self._counts: Counter[bytes] = Counter()
        self._turn = Lock()

    def restart(self, checkpoint: int) -> None:
        """Take note of a newer checkpoint."""
        with self._turn:
            self._checkpoint = checkpoint
            self._counts.clear()

    def counted(self) -> bytes:
        """Return what a state at a wait keeps: the checkpoint, and the counts since then."""
        with self._turn:
            counts = b"".join(_COUNT.pack(*item) for item in self._counts.items())
            return _BASE.pack(self._checkpoint) + counts

    def go_on(self, counted: bytes) -> None:
        """Count on from a state at a wait."""
        with self._turn:
            (self._checkpoint,) = _BASE.unpack_from(counted)
            self._counts = Counter(dict(_COUNT.iter_unpack(counted[_BASE.size :])))

    def key(self, task: str, payload: Any) -> str:
        """Return the key of the next child: 64 hexadecimal digits."""
        return self._next(task, payload)

    def token_key(self, tags: Any) -> str:
        """Return the key of the next token."""
        return self._next(f"token of try {self._tries}", tags)

    def input_key(self, name: str) -> str:
        """Return the key of the next value that is taken from an input."""
        return self._next("input", name)

    def _next(self, task: str, payload: Any) -> str:
        like = hashlib.sha256(f"{task}\n{json.dumps(payload, sort_keys=True)}".encode())
        short = like.digest()[:8]  # a run has too few children for two of these to be the same
        with self._turn:
            self._counts[short] += 1
            facts = f"{self._run}\n{self._checkpoint}\n{like.hexdigest()}\n{self._counts[short]}"
        return hashlib.sha256(facts.encode()).hexdigest()


_current: ContextVar[Children | None] = ContextVar("perdure_children", default=None)


def begin(run: str, checkpoint: int, tries: int) -> None:
    """Begin an attempt, or go on with it.

    Args:
        run: its id.
        checkpoint: the number of the stored state it begins from; 0 is the top.  If that was stored at a
            wait, it says itself which checkpoint it came after (`Children.go_on`).
        tries: which of its tries this is; one that was lost does not count.
    """
    _current.set(Children(run, checkpoint, tries))


def current() -> Children | None:
    """Return what counts the children of the run that this code belongs to, or None outside of runs."""
    return _current.get()
