"""The network of a simulation: requests on their way from who sends them to a server's application.

A message takes its time, and may be lost on the way there or back, come twice, or find a connection that
breaks while the answer is held open.  Nobody is told more than a broken connection would tell.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import urlsplit

from perdure.client import AsyncClient
from perdure.client.transport import ConnectionFailed, Request, Response
from tests.simulation.faults import Fault, Faults
from tests.simulation.process import Process, current
from tests.simulation.trace import Trace

URL = "http://perdure.simulated"
KEY = "tr_prod_0123456789abcdef0123"

App = Callable[..., Any]
Tap = Callable[[Request, Response], None]
"""Is shown each answer that a server gave, whether it arrives or not."""


@dataclass(eq=False)
class Connection:
    """A request under way at a server."""

    request: Request
    broken: asyncio.Event = field(default_factory=asyncio.Event)
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    _is_read: bool = False

    async def receive(self) -> dict[str, Any]:
        """Give the request, and then wait for the end of the connection."""
        if not self._is_read:
            self._is_read = True
            return {"type": "http.request", "body": self.request.body or b"", "more_body": False}
        await self.broken.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        """Take a part of the answer."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode().lower(): value.decode() for name, value in message["headers"]}
        else:
            self.body += message.get("body", b"")

    def scope(self) -> dict[str, Any]:
        """Return what ASGI says of the request."""
        parts = urlsplit(self.request.path)
        length = [(b"content-length", str(len(self.request.body or b"")).encode())]
        return {
            "type": "http",
            "http_version": "1.1",
            "method": self.request.method,
            "scheme": "http",
            "path": parts.path,
            "raw_path": parts.path.encode(),
            "query_string": parts.query.encode(),
            "headers": [(k.lower().encode(), v.encode()) for k, v in self.request.headers.items()] + length,
            "client": ("10.0.0.1", 1),
            "server": ("10.0.0.2", 80),
        }


class Network:
    """Where servers are found, and what happens on the way."""

    def __init__(self, dice: Random, faults: Faults, trace: Trace, tap: Tap) -> None:
        self._dice = dice
        self._faults = faults
        self._trace = trace
        self._tap = tap
        #: the applications that answer, and the processes they are in
        self.servers: dict[Process, App] = {}

    async def send(self, request: Request) -> Response:
        """Carry a request to some server, and its answer back.

        Raises:
            ConnectionFailed: no answer came.
        """
        sender = current.get()
        assert sender is not None
        fault = self._faults.at("message", sender.name)
        name = urlsplit(request.path).path
        if fault is not None:
            self._trace.add("{} {}: {}", request.method, name, fault)
        try:
            async with asyncio.timeout(request.timeout):
                return await self._carry(request, fault)
        except TimeoutError:
            raise ConnectionFailed("no answer came in time") from None

    async def _carry(self, request: Request, fault: Fault | None) -> Response:
        kind = fault.kind if fault is not None else ""
        amount = fault.amount if fault is not None else 0.0
        await asyncio.sleep(self._way() + (amount if kind == "delay" else 0.0))
        if kind == "lose request":
            await asyncio.sleep(amount)
            raise ConnectionFailed("the connection was reset")
        sender = current.get()
        if sender is not None and sender.cut_off_until > asyncio.get_running_loop().time():
            raise ConnectionFailed("there is no way to it")
        if not self.servers:
            raise ConnectionFailed("nobody listens there")
        server = self._dice.choice(list(self.servers))
        connection, double = Connection(request), None
        answered = self._serve(server, connection)
        if kind == "double":
            double = Connection(request)
            self._serve(server, double)
        try:
            await asyncio.wait([answered], timeout=amount if kind == "cut" else None)
            await asyncio.sleep(self._way())
            is_cut_off = sender is not None and sender.cut_off_until > asyncio.get_running_loop().time()
            is_lost = kind in ("cut", "lose answer") or is_cut_off
            if not answered.done() or answered.result() is None or is_lost:
                raise ConnectionFailed("the connection was reset")
            return Response(connection.status, connection.body, connection.headers)
        finally:
            connection.broken.set()
            if double is not None:
                double.broken.set()

    def _serve(self, server: Process, connection: Connection) -> asyncio.Future[bool | None]:
        """Have a request answered; the future has None if the server dies first."""
        answered: asyncio.Future[bool | None] = asyncio.get_running_loop().create_future()

        def settle(value: bool | None) -> None:
            if not answered.done():
                answered.set_result(value)

        sender = current.get()
        assert sender is not None
        sender.on_death.append(connection.broken.set)
        server.on_death.append(lambda: settle(None))
        server.spawn(self._answer(self.servers[server], connection, settle))
        return answered

    async def _answer(self, app: App, connection: Connection, settle: Callable[[bool | None], None]) -> None:
        request, name = connection.request, urlsplit(connection.request.path).path
        self._trace.add("{} {}", request.method, name)
        await app(connection.scope(), connection.receive, connection.send)
        self._trace.add("{} {} -> {}", request.method, name, connection.status)
        if connection.status:
            self._tap(request, Response(connection.status, connection.body, connection.headers))
        settle(True if connection.status else None)

    def _way(self) -> float:
        """Return how long a message is under way: a millisecond, and sometimes much longer."""
        return 0.0003 + 0.02 * self._dice.random() ** 6


class Wire:
    """The transport of a client: `perdure.client.aio.AsyncTransport`, over the simulated network."""

    def __init__(self, network: Network) -> None:
        self._network = network

    async def send(self, request: Request) -> Response:
        """Send a request once."""
        return await self._network.send(request)

    async def close(self) -> None:
        """There is nothing to close."""


def client_of(network: Network, *, tries: int) -> AsyncClient:
    """Return a client of the simulated servers, for any process: the one it is used in sends."""
    client = AsyncClient(URL, KEY, tries=tries)
    client._transport = Wire(network)  # type: ignore[assignment]
    return client
