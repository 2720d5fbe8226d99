# Written by ./dev gen from perdure/client/asynchronous; edit that.

"""Streams of runs, for blocking code."""

import secrets
from collections.abc import Generator
from contextlib import closing
from typing import Any

from pydantic_core import from_json, to_json

from perdure.client.call import Watcher
from perdure.client.calls import streams as calls
from perdure.client.calls.streams import Record, Start, Target
from perdure.wire.streams import StreamRecords


class Streams:
    """What runs write, and what is sent to them."""

    def __init__(self, client: Watcher) -> None:
        self._client = client

    def read(self, run: str, stream: str, *, start: Start = 0) -> Generator[Record]:
        """Go through the chunks of a stream, those that are there and those to come, until its run has ended.

        A connection that breaks is made again, and the reader goes on where it was.

        Args:
            run: whose stream it is.
            stream: its name.
            start: the number of the first chunk; or `"latest"`, only what is yet to come; or `"attempt"`,
                what the run's last try has written.

        Raises:
            NotFound: there is no such run in this environment.
        """
        with closing(self._records(calls.read(run, stream, start))) as records:
            yield from records

    def read_input(self, run: str, input: str, *, start: Start = 0) -> Generator[Record]:
        """Go through what was sent to a run, and is, until it has ended; see `read`."""
        with closing(self._records(calls.read_input(run, input, start))) as records:
            yield from records

    def _records(self, call: Any) -> Generator[Record]:
        with closing(self._client.events(call)) as events:
            for event in events:
                if event.name == "batch":
                    batch = StreamRecords.model_validate_json(event.data)
                    for record in batch.records:
                        data = from_json(record.body)["data"]
                        yield Record(data, record.seq_num, batch.attempt, record.timestamp)

    def writer(self, run: str, stream: str, *, target: Target = "self", attempt: int = 0) -> "Writer":
        """Return what writes to a stream of a run, its parent or its root.

        Args:
            run: the run.
            stream: the stream's name.
            target: whose stream it is.
            attempt: the try of the run that writes; 0 is somebody else.
        """
        return Writer(self._client, run, stream, target=target, attempt=attempt)

    def append(self, run: str, stream: str, *chunks: Any, target: Target = "self") -> None:
        """Add chunks, any values that JSON can hold, to a stream of a run, its parent or its root.

        Raises:
            NotFound: there is no such run in this environment.
            RunEnded: it has ended, and never wrote this stream.
        """
        self.writer(run, stream, target=target).write(*chunks)

    def send(self, run: str, input: str, data: Any) -> None:
        """Send a value to a run that has not ended; one that waits for it goes on.

        Raises:
            NotFound: there is no such run in this environment.
            RunEnded: it has ended.
        """
        self._client.send(calls.send(run, input, data))


class Writer:
    """Writes to a stream; what is sent twice, as an answer was lost, is stored once."""

    def __init__(
        self, client: Watcher, run: str, stream: str, *, target: Target = "self", attempt: int = 0
    ) -> None:
        self._client = client
        self._place = {"run": run, "target": target, "stream": stream}
        self._attempt = attempt
        self._writer = secrets.token_hex(8)
        self._written = 0

    def write(self, *chunks: Any) -> None:
        """Add chunks; return when they are stored.

        Raises:
            NotFound: there is no such run in this environment.
            RunEnded: it has ended, and never wrote this stream.
            TooLarge: a chunk, or the stream, is over the limit.
        """
        self.write_lines([to_json(chunk, inf_nan_mode="strings") for chunk in chunks])

    def write_lines(self, lines: list[bytes]) -> None:
        """Add chunks that are JSON already, each in one line."""
        call = calls.write(
            self._place,
            b"\n".join(lines),
            writer=self._writer,
            first=self._written,
            attempt=self._attempt,
        )
        self._client.send(call)
        self._written += len(lines)
