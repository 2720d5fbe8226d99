"""A client that reads an answer while it is written, event by event."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.server.api import MODERN, Api

PATIENCE = 20


@dataclass
class Event:
    """A server-sent event."""

    name: str | None
    id: str | None
    data: Any


@dataclass
class Watching:
    """An answer under way."""

    started: asyncio.Future[dict[str, Any]]
    frames: asyncio.Queue[bytes | None] = field(default_factory=asyncio.Queue)
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    #: whether the answer was finished, as HTTP means it
    is_complete: bool = False
    text: str = ""
    _buffer: str = ""

    async def event(self) -> Event | None:
        """Return the next event, or None at the end of the answer; comments are left out."""
        while True:
            block = await self._block()
            if block is None:
                return None
            if not block.startswith(":"):
                return _parse(block)

    async def all(self) -> list[Event]:
        """Return all events to the end of the answer."""
        found = []
        while (event := await self.event()) is not None:
            found.append(event)
        return found

    async def comment(self) -> str:
        """Return the next comment."""
        while True:
            block = await self._block()
            assert block is not None
            if block.startswith(":"):
                return block

    async def _block(self) -> str | None:
        while "\n\n" not in self._buffer:
            frame = await asyncio.wait_for(self.frames.get(), PATIENCE)
            if frame is None:
                return None
            self._buffer += frame.decode()
        block, _, self._buffer = self._buffer.partition("\n\n")
        return block


def _parse(block: str) -> Event:
    fields = dict(line.split(": ", 1) for line in block.split("\n"))
    return Event(fields.get("event"), fields.get("id"), json.loads(fields["data"]))


@asynccontextmanager
async def watching(
    api: Api, path: str, *, token: str | None = None, is_read: asyncio.Event | None = None, **headers: str
) -> AsyncIterator[Watching]:
    """Ask for a path and read what comes inside the block; then go away.

    Args:
        api: the server.
        path: with its query.
        token: the credentials, instead of the key; empty for none.
        is_read: while it is not set, the client reads nothing.
        headers: more of them; `_` stands for `-`.
    """
    found = Watching(asyncio.get_running_loop().create_future())
    gone = asyncio.Event()
    key = api.environment.key if token is None else token
    given = {"accept": "text/event-stream", **MODERN, **({"authorization": f"Bearer {key}"} if key else {})}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    parts = urlsplit(path)
    scope = {
        "type": "http",
        "method": "GET",
        "path": parts.path,
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
    }
    asked = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> dict[str, Any]:
        for message in asked:
            return message
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            found.status = message["status"]
            found.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            found.started.set_result(found.headers)
            return
        if is_read is not None:
            await is_read.wait()
        found.text += message["body"].decode()
        found.is_complete = not message.get("more_body", False)
        found.frames.put_nowait(message["body"])

    async def run() -> None:
        try:
            await api.app(scope, receive, send)
        finally:
            found.frames.put_nowait(None)

    job = asyncio.create_task(run())
    try:
        await asyncio.wait_for(asyncio.shield(found.started), PATIENCE)
        yield found
    finally:
        gone.set()
        await asyncio.wait_for(job, PATIENCE)
