"""Streams cut into batches: by number, by size and by age; little is held at once."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from perdure.client import chunks
from perdure.client.chunks import AsyncChunks, Chunk, Chunks, Packed
from perdure.core.errors import BadOption


def pack(number: int, item: Any) -> Packed:
    return Packed("t", b'"n":%d}' % item)


class Source:
    """Items, and how many of them were given that no chunk has been taken of yet."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.given = 0
        self.taken = 0
        self.most = 0

    def next(self) -> Iterator[int]:
        for number in range(self.count):
            self.given += 1
            self.most = max(self.most, self.given - self.taken)
            yield number

    async def stream(self) -> AsyncIterator[int]:
        for number in self.next():
            yield number

    def take(self, chunk: Chunk) -> None:
        self.taken += len(chunk.lines)


async def cut(items: Any, packing: Any = pack) -> list[Chunk]:
    return [chunk async for chunk in AsyncChunks(items, packing)]


@pytest.mark.parametrize("count", [0, 1, 999, 1000, 1001, 2500])
async def test_a_chunk_has_a_thousand_items(count: int):
    for found in (await cut(range(count)), list(Chunks(range(count), pack))):
        assert [len(chunk.lines) for chunk in found] == [
            min(1000, count - first) for first in range(0, count, 1000)
        ]
        assert [chunk.first for chunk in found] == list(range(0, count, 1000))


async def test_a_line_has_its_index_in_the_batch():
    (first, second) = await cut(range(1001))

    assert first.lines[:2] == [b'{"index":0,"n":0}\n', b'{"index":1,"n":1}\n']
    assert second.lines == [b'{"index":0,"n":1000}\n']
    assert first.tasks == {"t"}


async def test_a_chunk_ends_when_it_is_large(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(chunks, "MAX_BYTES", 50)

    assert [len(chunk.lines) for chunk in await cut(range(7))] == [3, 3, 1]


async def test_an_item_does_not_wait_long_for_others(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(chunks, "PATIENCE_S", 0.01)
    sent = asyncio.Event()

    async def slow() -> AsyncIterator[int]:
        yield 1
        await sent.wait()
        yield 2

    found = []
    async for chunk in AsyncChunks(slow(), pack):
        found.append(len(chunk.lines))
        sent.set()
    assert found == [1, 1]


async def test_of_a_long_stream_two_chunks_are_held_at_once():
    source = Source(20_000)
    async for chunk in AsyncChunks(source.stream(), pack):
        source.take(chunk)
        await asyncio.sleep(0)  # it is sent, while the next is packed
    assert (source.taken, source.most <= 2_000) == (20_000, True)

    blocking = Source(20_000)
    for chunk in Chunks(blocking.next(), pack):
        blocking.take(chunk)
    assert (blocking.taken, blocking.most) == (20_000, 1_000)


async def test_an_item_that_can_not_be_packed_is_named_and_its_chunk_is_not_sent():
    def refuse(number: int, item: int) -> Packed:
        if item == 1_500:
            raise BadOption(option="delay", value="soon", expected="a duration")
        return pack(number, item)

    for go in (lambda found: _gather(found, refuse), lambda found: _gather_blocking(found, refuse)):
        found: list[int] = []
        with pytest.raises(BadOption, match="Item 1500: Option delay can't be 'soon'") as told:
            await go(found)
        assert found == [1000]
        assert told.value.__notes__ == ["The 1000 items sent before it are triggered."]


async def _gather(found: list[int], packing: Any) -> None:
    async for chunk in AsyncChunks(range(2_000), packing):
        found.append(len(chunk.lines))


async def _gather_blocking(found: list[int], packing: Any) -> None:
    for chunk in Chunks(range(2_000), packing):
        found.append(len(chunk.lines))


def test_blocking_code_goes_through_no_async_iterator():
    with pytest.raises(BadOption, match="it takes what `for` goes through; await an async call"):
        Chunks(Source(1).stream(), pack)  # type: ignore[arg-type]


async def test_an_error_of_the_stream_is_the_callers():
    async def broken() -> AsyncIterator[int]:
        yield 1
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await cut(broken())


async def test_whoever_stops_early_ends_the_stream():
    ended = asyncio.Event()

    async def endless() -> AsyncIterator[int]:
        try:
            while True:
                yield 1
        finally:
            ended.set()

    stream = aiter(AsyncChunks(endless(), pack))
    assert len((await anext(stream)).lines) == 1000
    await stream.aclose()  # type: ignore[attr-defined]
    await asyncio.wait_for(ended.wait(), 30)
