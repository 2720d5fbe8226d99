"""What a task prints goes into its run's log, line by line."""

import codecs
import contextlib
import io
import logging
import sys
from contextvars import ContextVar
from typing import Any, Literal, TextIO

from perdure.sdk import runtime
from perdure.sdk.log import RunHandler
from perdure.sdk.span import place_of

_MAX_LINE = 65_536
"""A line without an end is cut into pieces of this many characters."""

_partial: ContextVar[dict[str, str] | None] = ContextVar("perdure_partial_lines", default=None)
"""The unfinished line of each stream, for each attempt."""


_undecoded: ContextVar[dict[str, codecs.IncrementalDecoder] | None] = ContextVar(
    "perdure_undecoded", default=None
)
"""What has come of characters whose bytes are not all there yet, for each stream of each attempt."""


class RunBytes(io.BufferedIOBase):
    """The bytes of a `RunStream`: what is no UTF-8 is told with a mark in its place."""

    def __init__(self, stream: "RunStream", source: str) -> None:
        self._stream = stream
        self._source = source

    def write(self, data: Any, /) -> int:
        """Write bytes."""
        size = memoryview(data).nbytes
        if runtime.current.get() is None:
            self._stream.beneath.buffer.write(data)
            return size
        decoders = _undecoded.get()
        if decoders is None:
            decoders = {}
            _undecoded.set(decoders)
        decoder = decoders.get(self._source)
        if decoder is None:
            decoder = decoders[self._source] = codecs.getincrementaldecoder("utf-8")("replace")
        self._stream.write(decoder.decode(bytes(data)))
        return size

    def flush(self) -> None:
        """Flush the stream beneath."""
        self._stream.flush()

    def writable(self) -> bool:
        """Tell that this can be written to."""
        return True


class RunStream(io.TextIOBase):
    """Stands in for `sys.stdout` or `sys.stderr`: code inside a run writes to the run's log.

    Code outside of runs writes to the stream that was there before.
    """

    def __init__(self, source: Literal["stdout", "stderr"], beneath: TextIO) -> None:
        self._source: Literal["stdout", "stderr"] = source
        #: the stream that was there before
        self.beneath = beneath
        self._bytes = RunBytes(self, source)

    def write(self, text: str, /) -> int:
        """Write text; whole lines go to the log at once, the rest waits for its end."""
        host = runtime.current.get()
        if host is None:
            return self.beneath.write(text)
        partial = _lines()
        *lines, rest = (partial.get(self._source, "") + text).split("\n")
        whole = len(rest) // _MAX_LINE * _MAX_LINE
        lines += [rest[start : start + _MAX_LINE] for start in range(0, whole, _MAX_LINE)]
        partial[self._source] = rest[whole:]
        place = place_of(sys._getframe(1)) if lines else None
        for line in lines:
            host.log(_LEVELS[self._source], line.rstrip("\r"), None, self._source, place)
        return len(text)

    def flush(self) -> None:
        """Flush the stream beneath; an unfinished line waits for its end, or the attempt's."""
        with contextlib.suppress(ValueError, OSError):  # it may be closed
            self.beneath.flush()

    @property
    def buffer(self) -> RunBytes:  # type: ignore[override]
        """Where bytes are written."""
        return self._bytes

    def isatty(self) -> bool:
        """Tell that this is no terminal, so that programs print no colours into logs."""
        return runtime.current.get() is None and self.beneath.isatty()

    def fileno(self) -> int:
        """Return the number of the file beneath, for child processes."""
        return self.beneath.fileno()

    def writable(self) -> bool:
        """Tell that this can be written to."""
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the stream beneath."""
        return self.beneath.encoding


_LEVELS: dict[str, runtime.Level] = {"stdout": "info", "stderr": "warning"}


def install() -> None:
    """Capture prints and `logging` of this process; a second call changes nothing."""
    if not isinstance(sys.stdout, RunStream):
        sys.stdout = RunStream("stdout", sys.stdout)
    if not isinstance(sys.stderr, RunStream):
        sys.stderr = RunStream("stderr", sys.stderr)
    root = logging.getLogger()
    if not any(isinstance(handler, RunHandler) for handler in root.handlers):
        root.addHandler(RunHandler())
        if root.level > logging.INFO:
            root.setLevel(logging.INFO)


def begin() -> None:
    """Begin the lines of an attempt."""
    _partial.set({})
    _undecoded.set({})


def finish() -> None:
    """Log the unfinished lines of the attempt that ends."""
    host = runtime.current.get()
    for source, line in _lines().items():
        if line and host is not None:
            host.log(_LEVELS[source], line, None, source)  # type: ignore[arg-type]
    begin()


def _lines() -> dict[str, str]:
    partial = _partial.get()
    if partial is None:
        partial = {}
        _partial.set(partial)
    return partial
