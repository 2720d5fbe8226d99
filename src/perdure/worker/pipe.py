"""The supervisor's end of a pipe to one of its processes."""

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Generic, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from perdure.core.errors import TooLarge
from perdure.wire.executor import Frames, frame
from perdure.wire.model import Model

log = logging.getLogger(__name__)

Message = TypeVar("Message")


class Pipe(asyncio.Protocol, Generic[Message]):
    """Messages in and out; what was sent before the connection stands is kept until it does."""

    def __init__(self, adapter: TypeAdapter[Message], on_message: Callable[[Message], None]) -> None:
        """Read messages of a kind; each is given to `on_message` as it comes."""
        self._adapter = adapter
        self._on_message = on_message
        self._frames = Frames()
        self._transport: asyncio.Transport | None = None
        self._early: list[bytes] = []
        self._is_closing = False
        self.closed = asyncio.Event()

    async def open(self, sock: socket.socket) -> None:
        """Begin to read and write."""
        sock.setblocking(False)
        await asyncio.get_running_loop().create_connection(lambda: self, sock=sock)

    def send(self, message: Model) -> None:
        """Send a message; never blocks, and does nothing once the other side is gone."""
        data = frame(message)
        if self._transport is None:
            self._early.append(data)
        elif not self._transport.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        """Close the pipe: the process has no one to work for then, and ends."""
        self._is_closing = True
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send what has waited."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.writelines(self._early)
        self._early.clear()
        if self._is_closing:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Hand on each message that is complete; a broken stream is closed."""
        try:
            messages = [self._adapter.validate_json(body) for body in self._frames.feed(data)]
        except (ValidationError, TooLarge) as error:
            log.error("A process sent what is no message, and is ended: %s", error)
            self.close()
            return
        for message in messages:
            self._on_message(message)

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the other side is gone."""
        self._is_closing = True
        self.closed.set()
