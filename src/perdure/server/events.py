"""Server-sent events: an answer that goes on, event by event, for as long as the client reads.

The first bytes go out at once, so that a proxy which holds headers back until there is a body lets them
through; a comment now and then keeps the connection from being taken for dead.  A client that does not read
is dropped: what it watches is let go at once, and it is told when it reads again.  That the end of a
connection means nothing (the server stops, or dropped the client) shows in the body, which is not finished;
what is really over says so.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from perdure.core.errors import ServerStopping, TooManyWatch
from perdure.server.request import ClientGone, Request
from perdure.server.services import Services
from perdure.wire.problem import Problem
from perdure.wire.realtime import EVENTS

HEARTBEAT_S = 15.0
"""A client hears something so often."""

PING = b": ping\n\n"
_HELLO = b": hello\n\n"

HEADERS = {
    "cache-control": "no-store, no-transform",
    "x-accel-buffering": "no",  # nginx, and what is built like it
}


def event(data: bytes, *, name: str | None = None, id: str | None = None) -> bytes:
    """Return an event; `data` is one line."""
    head = (f"event: {name}\n" if name else "") + (f"id: {id}\n" if id is not None else "")
    return head.encode() + b"data: " + data + b"\n\n"


def end() -> bytes:
    """Return the event that says that no more will come."""
    return event(b"{}", name="end")


class EventStream(Response):
    """An answer of events."""

    def __init__(
        self,
        services: Services,
        request: Request,
        frames: AsyncGenerator[bytes, None],
        *,
        kind: str = EVENTS,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Answer a request.

        Args:
            services: of the server.
            request: whose answer it is; its body has been read.
            frames: the events, whole; none for longer than `HEARTBEAT_S` but a `PING`.  An empty one is left
                out.  When there are no more, the answer is complete.
            kind: the type of the answer; of one that is no events, there are no comments.
            headers: more of them.

        Raises:
            TooManyWatch: as many watch already as may.
        """
        most = services.engine.resources.settings.max_watchers
        if services.watching.count >= most:
            raise TooManyWatch(count=most)
        super().__init__(None, 200, {**HEADERS, **(headers or {})}, media_type=kind)
        self.raw_headers = [header for header in self.raw_headers if header[0] != b"content-length"]
        self._services = services
        self._request = request
        self._frames = frames
        self._is_events = kind == EVENTS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events until there are no more, or nobody reads them."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        watching = self._services.watching
        watching.count += 1
        self._services.metrics.watchers.inc()
        try:
            is_complete = await self._services.hold(self._request, self._pump(send))
        except (ClientGone, ServerStopping):
            return
        finally:
            watching.count -= 1
            self._services.metrics.watchers.dec()
            await self._frames.aclose()
        if is_complete:
            await send({"type": "http.response.body", "body": b""})
            return
        self._services.metrics.dropped.inc()
        if self._is_events:
            await send(_body(_told_too_slow()))

    async def _pump(self, send: Send) -> bool:
        """Send events; return whether all were sent, and not too slowly."""
        try:
            async for frame in self._with_hello(self._frames):
                async with asyncio.timeout(self._services.watching.patience_s):
                    await send(_body(frame))
        except TimeoutError:
            return False
        return True

    async def _with_hello(self, frames: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        if self._is_events:
            yield _HELLO
        async for frame in frames:
            if frame and (self._is_events or frame != PING):
                yield frame


def _body(data: bytes) -> dict[str, object]:
    return {"type": "http.response.body", "body": data, "more_body": True}


def _told_too_slow() -> bytes:
    text = "This connection was dropped: nothing was read from it. Ask again; `Last-Event-ID` goes on."
    return event(Problem(error=text, code="too_slow").to_json(), name="error")
