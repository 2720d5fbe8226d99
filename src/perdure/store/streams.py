"""Streams of runs: chunks of JSON in the order in which they came.

Chunks that came together are one row, so that a million of them are some thousands of rows: cheap to write,
to read and to forget.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from perdure.store.database import Tx

READ_ROWS = 500
READ_CHARACTERS = 1_000_000
"""How much is read of a stream at once: rows and characters, at most, but at least one row."""


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream; the columns of its table, in order."""

    id: int
    environment: str
    run: str
    key: str
    created_at: int
    length: int
    bytes: int
    attempt: int
    attempt_from: int
    taken: int


@dataclass(frozen=True, slots=True)
class Block:
    """Chunks that came together, from `first` to `last`: `data` has a line of JSON for each."""

    first: int
    last: int
    time: int
    attempt: int
    data: str

    def chunks(self) -> list[str]:
        """Return the chunks, each a JSON text."""
        return self.data.split("\n")


async def find(tx: Tx, run: str, key: str) -> Stream | None:
    """Return a stream of a run, or None."""
    row = await tx.maybe("stream", run=run, key=key)
    return Stream(*row) if row else None


async def lock(tx: Tx, run: str, key: str) -> Stream | None:
    """Lock and return a stream of a run, or None."""
    row = await tx.maybe("lock_stream", run=run, key=key)
    return Stream(*row) if row else None


async def ensure(tx: Tx, environment: str, run: str, key: str, *, now: int) -> bool:
    """Make a stream of a run, unless it is there; return whether it was made."""
    return bool(await tx.run("insert_stream", environment=environment, run=run, key=key, now=now))


async def append(tx: Tx, stream: Stream, blocks: Sequence[Block]) -> None:
    """Add blocks, which go on where the stream ends, to a stream that is locked."""
    await tx.run("insert_stream_block", blocks=[{"stream": stream.id, **asdict(block)} for block in blocks])
    await tx.run(
        "grow_stream",
        id=stream.id,
        count=blocks[-1].last + 1 - stream.length,
        size=sum(len(block.data) for block in blocks),
        attempt=blocks[-1].attempt,
    )


async def written_by(tx: Tx, stream: int, writer: str) -> int:
    """Return how many chunks of a writer are stored."""
    row = await tx.maybe("stream_writer", stream=stream, writer=writer)
    return row["length"] if row else 0


async def note_writer(tx: Tx, stream: int, writer: str, length: int) -> None:
    """Note how many chunks of a writer are stored."""
    await tx.run("put_stream_writer", stream=stream, writer=writer, length=length)


async def blocks_from(tx: Tx, stream: int, first: int) -> list[Block]:
    """Return the next blocks of a stream; the first one may begin before the chunk that is asked for."""
    rows = await tx.all(
        "stream_blocks", stream=stream, first=first, limit=READ_ROWS, characters=READ_CHARACTERS
    )
    return [Block(*row) for row in rows]


async def lengths(tx: Tx, runs: Sequence[str]) -> dict[tuple[str, str], int]:
    """Return how long the streams of some runs are, by run and key."""
    return {(row["run"], row["key"]): row["length"] for row in await tx.all("stream_lengths", runs=runs)}


async def names(tx: Tx, runs: Sequence[str]) -> dict[str, list[str]]:
    """Return the names of what runs write, by run."""
    found: dict[str, list[str]] = {}
    for row in await tx.all("output_streams", runs=runs):
        found.setdefault(row["run"], []).append(row["key"])
    return found


@dataclass(frozen=True, slots=True)
class Take:
    """What a taker of an input got (the number of a chunk), or the token that it waits for."""

    token: str | None
    chunk: int | None


async def take_of(tx: Tx, stream: int, key: str) -> Take | None:
    """Return what a taker got, or None if it has not asked before."""
    row = await tx.maybe("input_take", stream=stream, key=key)
    return Take(*row) if row else None


async def put_take(tx: Tx, stream: int, key: str, take: Take) -> None:
    """Note what a taker got, or waits for."""
    await tx.run("put_input_take", stream=stream, key=key, token=take.token, chunk=take.chunk)


async def open_takes(tx: Tx, stream: int, *, limit: int) -> list[tuple[str, str]]:
    """Return the key and token of those who wait, the first to come first."""
    return [
        (row["key"], row["token"]) for row in await tx.all("open_input_takes", stream=stream, limit=limit)
    ]


async def drop_take(tx: Tx, stream: int, key: str) -> None:
    """Forget a taker that waits no more."""
    await tx.run("drop_input_take", stream=stream, key=key)


async def note_taken(tx: Tx, stream: int, taken: int) -> None:
    """Note how many chunks of an input are taken."""
    await tx.run("note_taken", id=stream, taken=taken)


async def old(tx: Tx, *, before: int, after: int, limit: int) -> list[int]:
    """Return some streams, in order, of runs that ended before a moment or are gone."""
    return [row["id"] for row in await tx.all("old_streams", before=before, after=after, limit=limit)]


async def forget(tx: Tx, stream: int, *, limit: int) -> bool:
    """Delete so many rows of a stream at most; return whether all of it is gone."""
    if await tx.run("delete_stream_blocks", stream=stream, limit=limit) == limit:
        return False
    for statement in ("delete_stream_writers", "delete_input_takes", "delete_stream"):
        await tx.run(statement, stream=stream)
    return True
