"""A stream of items, cut into batches: by their number, by their size, and by how long the first has waited.

However long the stream, no more is in memory than the batch that is on its way and the one that comes next.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from perdure.core.errors import BadOption, PerdureError
from perdure.wire.batches import MAX_ITEMS
from perdure.wire.endpoint import MEGABYTE

T = TypeVar("T")

Items: TypeAlias = Iterable[T]
AsyncItems: TypeAlias = Iterable[T] | AsyncIterable[T]
"""A stream of items, as code of the one kind and the other goes through it."""

MAX_BYTES = 8 * MEGABYTE
"""A batch of so many bytes is sent, whatever the number of its items."""

PATIENCE_S = 1.0
"""An item waits no longer for others."""


@dataclass(frozen=True, slots=True)
class Packed:
    """An item, ready to be sent but for its place in the batch."""

    task: str
    #: the JSON of a `wire.batches.BatchItem` without what comes first, its index
    json: bytes
    #: what it is known by in the run that triggers it
    implicit_key: str | None = None


Pack = Callable[[int, Any], Packed]
"""Packs an item of a stream, given its number in it."""


@dataclass
class Chunk:
    """Items that make one batch."""

    #: the number of the first one in the stream
    first: int
    lines: list[bytes] = field(default_factory=list)
    tasks: set[str] = field(default_factory=set)
    implicit_keys: list[str] = field(default_factory=list)
    size: int = 0
    begun: float = field(default_factory=time.monotonic)

    def add(self, item: Packed) -> None:
        """Take the next item, and give it its index."""
        line = b'{"index":%d,%s\n' % (len(self.lines), item.json)
        self.lines.append(line)
        self.size += len(line)
        self.tasks.add(item.task)
        if item.implicit_key is not None:
            self.implicit_keys.append(item.implicit_key)

    @property
    def is_full(self) -> bool:
        """Whether it is to be sent as it is."""
        return len(self.lines) >= MAX_ITEMS or self.size >= MAX_BYTES or self.waited >= PATIENCE_S

    @property
    def waited(self) -> float:
        """How long the first item has waited, in seconds."""
        return time.monotonic() - self.begun


class _Packer:
    """Packs the items of one stream into chunks."""

    def __init__(self, pack: Pack) -> None:
        self._pack = pack
        self._count = 0
        self._chunk: Chunk | None = None

    def add(self, item: Any) -> bool:
        """Take the next item; return whether a chunk is full."""
        try:
            packed = self._pack(self._count, item)
        except (PerdureError, TypeError, ValueError) as error:
            told = f"Item {self._count}: {error}"
            error.args = (told, *error.args[1:])
            if self._count:
                error.add_note(f"The {self._count - len(self)} items sent before it are triggered.")
            raise
        if self._chunk is None:
            self._chunk = Chunk(self._count)
        self._chunk.add(packed)
        self._count += 1
        return self._chunk.is_full

    def take(self) -> Chunk:
        """Return what is there."""
        chunk, self._chunk = self._chunk, None
        assert chunk is not None
        return chunk

    def patience(self) -> float:
        """Return how many seconds what is there, or comes next, may still wait."""
        return PATIENCE_S if self._chunk is None else max(0.0, PATIENCE_S - self._chunk.waited)

    def __len__(self) -> int:
        return 0 if self._chunk is None else len(self._chunk.lines)


class Chunks:
    """The chunks of an iterable, one at a time."""

    def __init__(self, items: Items[Any], pack: Pack) -> None:
        if isinstance(items, AsyncIterable):
            raise BadOption(
                option="items", value=items, expected="what `for` goes through; await an async call"
            )
        self._items = check_items(items)
        self._packer = _Packer(pack)

    def __iter__(self) -> Iterator[Chunk]:
        """Go through the chunks.

        Raises:
            PerdureError, TypeError: an item can't be packed; the error names its number.
        """
        for item in self._items:
            if self._packer.add(item):
                yield self._packer.take()
        if self._packer:
            yield self._packer.take()


class AsyncChunks:
    """The chunks of an iterable of either kind; the next is packed while one is sent."""

    def __init__(self, items: AsyncItems[Any], pack: Pack) -> None:
        self._items = check_items(items)
        self._packer = _Packer(pack)
        self._news = asyncio.Event()
        self._room = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[Chunk]:
        """Go through the chunks.

        Raises:
            PerdureError, TypeError: an item can't be packed; the error names its number.
        """
        packing = asyncio.create_task(self._pack_all())
        packing.add_done_callback(lambda _: self._news.set())
        try:
            while not packing.done():
                await self._wait()
                if len(self._packer) and not packing.done():
                    yield self._take()
            packing.result()
            if len(self._packer):
                yield self._take()
        finally:
            packing.cancel()

    async def _wait(self) -> None:
        """Wait for a full chunk, the end of the stream, or an item that has waited long enough."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), self._packer.patience())
        self._news.clear()

    def _take(self) -> Chunk:
        self._room.set()
        return self._packer.take()

    async def _pack_all(self) -> None:
        if isinstance(self._items, AsyncIterable):
            async for item in self._items:
                if self._packer.add(item):
                    await self._hand_over()
            return
        for item in self._items:
            if self._packer.add(item):
                await self._hand_over()

    async def _hand_over(self) -> None:
        self._room.clear()
        self._news.set()
        await self._room.wait()


def check_items(items: Any) -> Any:
    """Return items as they are, if they are many.

    Raises:
        BadOption: they are one value, such as a text or a mapping.
    """
    if isinstance(items, str | bytes | dict) or not isinstance(items, Iterable | AsyncIterable):
        raise BadOption(option="items", value=items, expected="a list, or anything to go through, of items")
    return items
