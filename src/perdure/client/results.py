"""Waiting for a run, or a batch of them, to end."""

import time

from perdure.core.duration import Duration, to_seconds

LONGEST_WAIT = 30.0
"""Seconds that one request is held open; proxies often cut those of a minute."""


class Deadline:
    """How long there still is to wait for a run or a batch."""

    def __init__(self, name: str, timeout: Duration | None, *, kind: str = "Run") -> None:
        self._name = f"{kind} {name}"
        self._timeout = timeout
        self._end = None if timeout is None else time.monotonic() + to_seconds(timeout)

    def next_wait(self) -> float:
        """Return how many seconds the next request may be held open."""
        return LONGEST_WAIT if self._end is None else max(0.0, min(LONGEST_WAIT, self._left()))

    def check(self) -> None:
        """Raise TimeoutError when the time is over."""
        if self._end is not None and self._left() <= 0:
            raise TimeoutError(f"{self._name} has not ended within {self._timeout!r}; it goes on.")

    def _left(self) -> float:
        return (self._end or 0.0) - time.monotonic()
