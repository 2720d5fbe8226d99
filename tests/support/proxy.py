"""Stands between a server and its clients, and holds a message on its way: a kill then hits that moment."""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.support.waiting import PATIENCE_S

Side = Literal["request", "answer"]
"""A request that has not arrived, or the answer to one that was carried out."""

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

_LIMIT = 2**24
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


@dataclass(frozen=True)
class Message:
    """A request or an answer of HTTP/1.1, with its head as it is."""

    head: bytes
    body: bytes

    @property
    def path(self) -> str:
        """Of a request: where it goes."""
        return self.head.split(b" ", 2)[1].decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body or b"null")


@dataclass(frozen=True, kw_only=True)
class Place:
    """A place on the way of messages."""

    #: what passes there: requests that have not arrived, or answers to what was done
    side: Side
    path: re.Pattern[str]
    #: looks at the body of the request, and of the answer if it is there, as JSON
    is_it: Callable[[Any, Any], bool] = lambda request, answer: True


@dataclass
class Gate:
    """Holds what comes to a place."""

    place: Place
    _caught: asyncio.Event = field(default_factory=asyncio.Event)
    _opened: asyncio.Event = field(default_factory=asyncio.Event)

    async def caught(self, patience: float = PATIENCE_S) -> None:
        """Wait until it holds something, for so many seconds."""
        try:
            await asyncio.wait_for(self._caught.wait(), patience)
        except TimeoutError:
            raise AssertionError(f"nothing came to {self.place} in {patience:.0f} s") from None

    async def pass_through(self) -> None:
        self._caught.set()
        await self._opened.wait()

    def open(self) -> None:
        """Hold nothing any more; once is enough."""
        self._opened.set()


class Proxy:
    """Passes requests on to a server, one connection there for each that comes."""

    def __init__(self) -> None:
        #: the server's port
        self.target = 0
        self.url = ""
        self._gates: list[Gate] = []
        self._connections: set[asyncio.Task[None]] = set()

    @contextmanager
    def gate(self, place: Place) -> Iterator[Gate]:
        """Close a gate, until it is opened or the block ends."""
        gate = Gate(place)
        self._gates.append(gate)
        try:
            yield gate
        finally:
            self._gates.remove(gate)
            gate.open()

    def cut(self) -> None:
        """Break all connections, with whatever is on its way."""
        for connection in self._connections:
            connection.cancel()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection of a client's until either side, or `cut`, ends it."""
        connection = asyncio.current_task()
        assert connection is not None
        self._connections.add(connection)
        server: Streams | None = None
        try:
            server = await asyncio.open_connection("127.0.0.1", self.target, limit=_LIMIT)
            await self._pass_on((reader, writer), server)
        except (OSError, EOFError, asyncio.CancelledError):
            pass  # both ends see the connection break
        finally:
            self._connections.discard(connection)
            for _, end in filter(None, [(reader, writer), server]):
                end.transport.abort()

    async def _pass_on(self, client: Streams, server: Streams) -> None:
        coming = asyncio.create_task(_read(client[0]))
        try:
            while True:
                request = await coming
                coming = asyncio.create_task(_read(client[0]))
                answering = asyncio.create_task(self._answer(request, server))
                try:
                    # A client that sends nothing before it is answered has gone when its stream ends.
                    await asyncio.wait({coming, answering}, return_when=asyncio.FIRST_COMPLETED)
                    if not answering.done():
                        return
                    client[1].write(answering.result())
                    await client[1].drain()
                finally:
                    answering.cancel()
        finally:
            coming.cancel()
            await asyncio.wait({coming})
            if not coming.cancelled():
                coming.exception()

    async def _answer(self, request: Message, server: Streams) -> bytes:
        await self._halt("request", request)
        server[1].write(request.head + request.body)
        answer = await _read(server[0])
        await self._halt("answer", request, answer)
        return answer.head + answer.body

    async def _halt(self, side: str, request: Message, answer: Message | None = None) -> None:
        for gate in list(self._gates):
            place = gate.place
            if place.side != side or not place.path.search(request.path):
                continue
            if place.is_it(request.json, answer.json if answer else None):
                await gate.pass_through()


async def _read(reader: asyncio.StreamReader) -> Message:
    """Read a message; raises EOFError when there are no more."""
    head = await reader.readuntil(b"\r\n\r\n")
    if b"transfer-encoding" in head.lower():
        raise AssertionError("the proxy passes on no message in chunks")
    length = _LENGTH.search(head)
    return Message(head, await reader.readexactly(int(length[1])) if length else b"")


@asynccontextmanager
async def proxy() -> AsyncIterator[Proxy]:
    """Run a proxy, on a free port, until the block ends."""
    made = Proxy()
    listening = await asyncio.start_server(made.serve, "127.0.0.1", 0, limit=_LIMIT)
    made.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        listening.close()
        made.cut()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(listening.wait_closed(), PATIENCE_S)
