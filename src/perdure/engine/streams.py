"""Streams of runs: what a task writes for whoever reads it, now or later, from any place on.

A stream begins with its first chunk, or when it is opened, and ends with its run.  It only ever grows: a try
that follows an error adds to what the one before has written, and each chunk knows of which try it is.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from perdure.core.errors import NotFound, RunEnded, TooLarge
from perdure.engine.changes import channel_of_streams, touched
from perdure.engine.options import plain_text
from perdure.engine.resources import Resources
from perdure.store import runs, streams
from perdure.store.database import Tx
from perdure.store.rows import Environment
from perdure.store.streams import Block, Stream

INPUT = "$trigger.input:"
"""Begins the key of a stream that is sent to a run, as it does at the official server."""

MAX_KEY = 256
MAX_CHUNK = 1_000_000
"""The most characters of a chunk, as JSON."""

MAX_BYTES = 300 * 1024 * 1024
"""The most characters of a stream (Trigger.dev's number)."""

BLOCK_CHARACTERS = 64_000
"""Chunks that come together are stored in rows of so many characters, or of one chunk."""

KEPT_BLOCKS = 200
KEPT_MS = 5_000
"""So many answers are kept for others who read the same, and so long."""

Target = Literal["self", "parent", "root"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """Chunks of one writer."""

    #: each a JSON text in one line
    chunks: Sequence[str]
    #: who writes; what it sends again is stored once
    writer: str | None = None
    #: how many chunks it has sent before
    first: int = 0
    #: the try of the run that writes; 0 is somebody else
    attempt: int = 0


class Streams:
    """Writes and reads streams."""

    def __init__(self, resources: Resources) -> None:
        """Use these resources."""
        self._resources = resources
        # What follows a chunk never changes, once there is something, until all is forgotten.
        self._read: OrderedDict[tuple[str, str, int], tuple[int, list[Block]]] = OrderedDict()

    async def resolve(self, environment: Environment, run: str, target: Target) -> str:
        """Return the run that a run means by `self`, `parent` or `root`.

        Raises:
            NotFound: there is no such run in the environment.
        """
        row = await self._resources.db.read(runs.find, environment.id, run)
        if row is None:
            raise NotFound(kind="run", name=run)
        return {"self": row.id, "parent": row.parent or row.id, "root": row.root or row.id}[target]

    async def open(self, environment: Environment, run: str, key: str) -> None:
        """Begin a stream, unless it has begun.

        Raises:
            NotFound: there is no such run in the environment.
            RunEnded: the run has ended, and never wrote this stream.
        """
        now = self._resources.clock.now()
        await self._resources.db.transact(opened, environment.id, run, checked_key(key), now)

    async def append(self, environment: Environment, run: str, key: str, part: Part) -> int:
        """Add chunks to a stream; return how many of this writer are stored.

        Raises:
            NotFound: there is no such run in the environment.
            RunEnded: the run has ended, and never wrote this stream.
            TooLarge: a chunk, or the stream, is over the limit.
        """
        for chunk in part.chunks:
            if len(chunk) > MAX_CHUNK:
                raise TooLarge(what="A chunk of a stream", size=len(chunk), limit=MAX_CHUNK)
        now = self._resources.clock.now()
        return await self._resources.db.transact(_append, environment.id, run, checked_key(key), part, now)

    async def written(self, environment: Environment, run: str, key: str, writer: str) -> int:
        """Return how many chunks of a writer are stored.

        Raises:
            NotFound: there is no such stream in the environment.
        """
        return await self._resources.db.read(_written, environment.id, run, checked_key(key), writer)

    async def find(self, run: str, key: str) -> Stream | None:
        """Return a stream, or None while it has not begun."""
        return await self._resources.db.read(streams.find, run, key)

    async def blocks(self, run: str, key: str, first: int) -> list[Block]:
        """Return what follows in a stream, as much as is read at once; none if nothing does yet.

        Who reads the same place of a stream as another shares what that one has read.
        """
        name, now = (run, key, first), self._resources.clock.now()
        until, known = self._read.get(name, (0, []))
        if now < until:
            return known
        found = await self._resources.db.read(_blocks, run, key, first)
        if found:
            self._read[name] = now + KEPT_MS, found
            if len(self._read) > KEPT_BLOCKS:
                self._read.popitem(last=False)
        return found


def checked_key(key: str) -> str:
    """Return the key of a stream; raises BadOption."""
    return plain_text("stream", key)


async def opened(tx: Tx, environment: str, run: str, key: str, now: int) -> Stream:
    """Return a stream, which is locked, and begins now unless it has; raises NotFound, RunEnded."""
    found = await streams.lock(tx, run, key)
    if found is None:
        row = await runs.find(tx, environment, run)
        if row is None:
            raise NotFound(kind="run", name=run)
        if row.finished_at is not None:
            raise RunEnded(run=run, status=row.status)
        await touched(tx, [run], now)
        await streams.ensure(tx, environment, run, key, now=now)
        tx.hint(channel_of_streams(run))
        found = await streams.lock(tx, run, key)
        assert found is not None
    if found.environment != environment:
        raise NotFound(kind="run", name=run)
    return found


async def add(tx: Tx, stream: Stream, chunks: Sequence[str], attempt: int, now: int) -> None:
    """Add chunks to a stream that is locked; raises TooLarge."""
    size = stream.bytes + sum(map(len, chunks))
    if size > MAX_BYTES:
        raise TooLarge(what=f"Stream {stream.key} of run {stream.run}", size=size, limit=MAX_BYTES)
    await streams.append(tx, stream, list(_in_blocks(chunks, stream.length, attempt, now)))
    tx.hint(channel_of_streams(stream.run))


async def _append(tx: Tx, environment: str, run: str, key: str, part: Part, now: int) -> int:
    stream = await opened(tx, environment, run, key, now)
    if part.writer is None:
        await add(tx, stream, part.chunks, part.attempt, now)
        return len(part.chunks)
    known = await streams.written_by(tx, stream.id, part.writer)
    fresh = part.chunks[max(0, known - part.first) :]
    if fresh:
        known = part.first + len(part.chunks)
        await add(tx, stream, fresh, part.attempt, now)
        await streams.note_writer(tx, stream.id, part.writer, known)
    return known


async def _written(tx: Tx, environment: str, run: str, key: str, writer: str) -> int:
    stream = await streams.find(tx, run, key)
    if stream is None or stream.environment != environment:
        raise NotFound(kind="stream", name=key)
    return await streams.written_by(tx, stream.id, writer)


async def _blocks(tx: Tx, run: str, key: str, first: int) -> list[Block]:
    stream = await streams.find(tx, run, key)
    return await streams.blocks_from(tx, stream.id, first) if stream is not None else []


def _in_blocks(chunks: Sequence[str], first: int, attempt: int, now: int) -> Iterator[Block]:
    start, size = 0, 0
    for end, chunk in enumerate(chunks, 1):
        size += len(chunk)
        if size >= BLOCK_CHARACTERS or end == len(chunks):
            yield Block(first + start, first + end - 1, now, attempt, "\n".join(chunks[start:end]))
            start, size = end, 0
