"""A body of lines, taken as it comes, so that a stream of any length takes no more memory than a few."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass

from perdure.server.request import Request

PAUSE_S = 0.1
"""A client that sends nothing for so long has what it sent taken in."""

_HEAD = 4096
_DRAINED = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Line:
    """A line: its number, from 1, and its bytes; of one that is too long only the first."""

    number: int
    data: bytes
    #: how many bytes it has
    size: int

    @property
    def is_cut(self) -> bool:
        """Whether it is too long."""
        return len(self.data) < self.size


class Cutter:
    """Cuts bytes into lines; blank ones are left out."""

    def __init__(self, limit: int) -> None:
        """Take lines of so many bytes."""
        self.lines: deque[Line] = deque()
        #: bytes of these lines
        self.size = 0
        self._limit = limit
        self._parts: list[bytes] = []
        self._length = 0
        self._number = 0

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes."""
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            self._keep(end)
            self.end()
        self._keep(rest)

    def end(self) -> None:
        """End the line."""
        data, size = b"".join(self._parts), self._length
        self._parts, self._length = [], 0
        self._number += 1
        if data.strip():
            self.lines.append(Line(self._number, data, size))
            self.size += len(data)

    def take(self, count: int) -> list[Line]:
        """Return the first lines, so many at most."""
        taken = [self.lines.popleft() for _ in range(min(count, len(self.lines)))]
        self.size -= sum(len(line.data) for line in taken)
        return taken

    def _keep(self, part: bytes) -> None:
        if not part:
            return
        self._length += len(part)
        if self._length <= self._limit:
            self._parts.append(part)
        elif self._parts:
            self._parts = [b"".join(self._parts)[:_HEAD]]
        else:
            self._parts = [part[:_HEAD]]


async def groups(request: Request, *, limit: int, count: int, size: int) -> AsyncIterator[list[Line]]:
    """Go through the lines of a body in groups, each as soon as it is full or the client pauses.

    Args:
        request: whose body.
        limit: how many bytes a line may have.
        count: how many lines a group has at most.
        size: after how many bytes a group is full.

    Raises:
        ClientGone: the body ended early; the last groups are lost.
    """
    cutter, chunks = Cutter(limit), request.chunks()
    coming: asyncio.Task[bytes | None] | None = None
    try:
        while True:
            coming = coming or asyncio.ensure_future(_next(chunks))
            await asyncio.wait({coming}, timeout=PAUSE_S if cutter.lines else None)
            if not coming.done():
                yield cutter.take(count)
                continue
            chunk, coming = coming.result(), None
            if chunk is None:
                break
            cutter.feed(chunk)
            while len(cutter.lines) >= count or cutter.size >= size:
                yield cutter.take(count)
        cutter.end()
        while cutter.lines:
            yield cutter.take(count)
    finally:
        if coming is not None:
            coming.cancel()


async def drain(request: Request) -> None:
    """Read what is left of a body, so that a client which still sends it hears what is wrong with it."""
    left = _DRAINED
    async for chunk in request.chunks():
        left -= len(chunk)
        if left < 0:
            return


async def _next(chunks: AsyncIterator[bytes]) -> bytes | None:
    return await anext(chunks, None)
