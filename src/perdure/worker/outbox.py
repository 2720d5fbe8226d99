"""What an executor sends: everything goes through here, so that it arrives in order.

Log lines, spans and metadata are gathered and sent together, by the listening thread every now and then, or
before whatever else is sent.  When too much has gathered, whoever adds more waits: a task that prints
without end is slowed down to what the pipe takes, and memory stays bounded.

A sync task can be interrupted by a signal anywhere in `log`, so nothing there writes to the pipe: half
a frame would break the stream.  That nobody reads any more is no error here: whoever reads the pipe sees
it, too, and ends the process.
"""

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Any

from perdure.wire.executor import Changed, Logged, frame
from perdure.wire.model import Model
from perdure.wire.telemetry import SpanRecord
from perdure.wire.workers import LogLine, MetadataChanged

LINES_TOGETHER = 1000
"""A message has at most this many lines, or spans."""

_NUDGE = 64 * 1024
_FULL = 1024 * 1024
# What a change of metadata is counted as.
_CHANGE = 256
# What a span is counted as.
_SPAN = 512


class Outbox:
    """The writing end of an executor's pipe."""

    def __init__(self, pipe: socket.socket, nudge: Callable[[], None]) -> None:
        """Write to a pipe; `nudge` is called when `flush` should be called soon, from any thread."""
        self._pipe = pipe
        self._nudge = nudge
        # Reentrant: an object's `__del__` can print while its thread is adding a line.
        self._room = threading.Condition()
        self._lines: list[LogLine] = []
        self._changes: list[MetadataChanged] = []
        self._spans: dict[str, SpanRecord] = {}
        self._size = 0
        self._sending = threading.Lock()

    def log(self, line: LogLine) -> None:
        """Add a log line; waits while too much is unsent."""
        self._add(self._lines, line, len(line.message))

    def span(self, span: SpanRecord) -> None:
        """Add a span; one that was not sent since it began is sent once, as it is now."""
        with self._room:
            unsent = self._spans.get(span.id)
            if unsent is not None:
                self._spans[span.id] = span.model_copy(update={"is_new": unsent.is_new})
                return
            self._make_room()
            self._spans[span.id] = span
            self._grow(_SPAN)

    def change(self, change: MetadataChanged) -> None:
        """Add a change of a run's metadata or tags; waits while too much is unsent."""
        self._add(self._changes, change, _CHANGE)

    def send(self, message: Model) -> None:
        """Send everything that has gathered, and then a message."""
        data = frame(message)
        with self._sending, contextlib.suppress(OSError):
            self._drain()
            self._pipe.sendall(data)

    def flush(self) -> None:
        """Send everything that has gathered."""
        with self._sending, contextlib.suppress(OSError):
            self._drain()

    def _add(self, gathered: list[Any], item: Model, size: int) -> None:
        with self._room:
            self._make_room()
            gathered.append(item)
            self._grow(size)

    def _make_room(self) -> None:
        while self._size >= _FULL:
            self._nudge()
            self._room.wait()

    def _grow(self, size: int) -> None:
        before, self._size = self._size, self._size + size
        if before < _NUDGE <= self._size:
            self._nudge()

    def _drain(self) -> None:
        with self._room:
            lines, changes, spans = self._lines.copy(), self._changes.copy(), [*self._spans.values()]
            self._lines.clear()
            self._spans.clear()
            self._changes.clear()
            self._size = 0
            self._room.notify_all()
        for start in range(0, len(lines), LINES_TOGETHER):
            self._pipe.sendall(frame(Logged(lines=lines[start : start + LINES_TOGETHER])))
        for start in range(0, len(spans), LINES_TOGETHER):
            self._pipe.sendall(frame(Logged(spans=spans[start : start + LINES_TOGETHER])))
        for change in _merged(changes):
            self._pipe.sendall(frame(Changed(change=change)))


def _merged(changes: list[MetadataChanged]) -> list[MetadataChanged]:
    """Return one change for each run, in which the operations stand in their order."""
    by_run: dict[str, list[MetadataChanged]] = {}
    for change in changes:
        by_run.setdefault(change.run_id, []).append(change)
    return [
        MetadataChanged(
            run_id=run_id,
            fence=parts[0].fence,
            operations=[one for part in parts for one in part.operations],
            parent_operations=[one for part in parts for one in part.parent_operations],
            root_operations=[one for part in parts for one in part.root_operations],
            tags=[tag for part in parts for tag in part.tags],
        )
        for run_id, parts in by_run.items()
    ]
