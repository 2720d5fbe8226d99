"""Writing a stream from asyncio: what is written while something is on its way goes together after it."""

import asyncio
from typing import Generic, TypeVar

from perdure.client.calls.streams import Target
from perdure.sdk.codec import Codec
from perdure.sdk.handle import clients

T = TypeVar("T")

TOGETHER = 1_000
TOGETHER_BYTES = 256 * 1024
"""So much is sent at once, at most; a task that writes faster than that is sent waits."""


class Writer(Generic[T]):
    """Writes chunks of one stream."""

    def __init__(self, name: str, codec: Codec, run: str, attempt: int, *, target: Target) -> None:
        self._codec = codec
        self._writer = clients.asynchronous.streams.writer(run, name, target=target, attempt=attempt)
        self._lines: list[bytes] = []
        self._size = 0
        self._sending: asyncio.Task[None] | None = None

    async def write(self, chunk: T) -> None:
        """Write a chunk; it is on its way when this returns, or waits for room.

        Raises:
            Unwritable: it is no JSON.
            NotFound, RunEnded, TooLarge: what was written before could not be stored.
        """
        line = self._codec.write_json(chunk)
        while len(self._lines) >= TOGETHER or self._size >= TOGETHER_BYTES:
            await self._sent()
        self._lines.append(line)
        self._size += len(line)
        if self._sending is None:
            self._sending = asyncio.create_task(self._send())
        elif self._sending.done():
            await self._sent()
        else:
            await asyncio.sleep(0)  # what writes without waiting lets what sends have its turn

    async def close(self) -> None:
        """Wait until all is stored."""
        while self._sending is not None:
            await self._sent()

    async def _sent(self) -> None:
        """Wait for what is on its way, and begin to send what has come meanwhile."""
        sending = self._sending
        assert sending is not None
        try:
            await asyncio.shield(sending)
        finally:
            if sending.done() and self._sending is sending:
                self._sending = None
        if self._lines and self._sending is None:
            self._sending = asyncio.create_task(self._send())

    async def _send(self) -> None:
        while self._lines:
            lines, self._lines, self._size = self._lines, [], 0
            await self._writer.write_lines(lines)
