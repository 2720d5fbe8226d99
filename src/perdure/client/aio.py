"""The transport for asyncio, on aiohttp (docs/decisions/0002-http-clients.md)."""

import asyncio
import os
from dataclasses import dataclass

import aiohttp
import yarl

from perdure.client.transport import ConnectionFailed, Request, Response

_CONNECTIONS = 100


@dataclass(frozen=True)
class _Place:
    """Where a session may be used: its connections belong to one loop of one process."""

    process: int
    loop: asyncio.AbstractEventLoop


class AsyncTransport:
    """Keeps connections to one server, for each event loop that it is used in."""

    def __init__(self, api_url: str) -> None:
        self._api_url = api_url
        self._sessions: dict[_Place, aiohttp.ClientSession] = {}

    async def send(self, request: Request) -> Response:
        """Send a request once.

        Raises:
            ConnectionFailed: no answer came.
        """
        try:
            async with self._session().request(
                request.method,
                # Without `encoded` the path would be normalised, and the %2F of an id lost.
                yarl.URL(self._api_url + request.path, encoded=True),
                data=request.body,
                headers=request.headers,
                timeout=aiohttp.ClientTimeout(total=request.timeout),
                allow_redirects=False,
            ) as answer:
                headers = {name.lower(): value for name, value in answer.headers.items()}
                return Response(answer.status, await answer.read(), headers)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ConnectionFailed(str(error) or type(error).__name__) from error

    async def close(self) -> None:
        """Close the connections of this event loop."""
        session = self._sessions.pop(_here(), None)
        if session is not None:
            await session.close()

    def _session(self) -> aiohttp.ClientSession:
        here = _here()
        session = self._sessions.get(here)
        if session is None or session.closed:
            self._forget_dead_loops()
            connector = aiohttp.TCPConnector(limit=_CONNECTIONS, keepalive_timeout=30)
            session = aiohttp.ClientSession(connector=connector, trust_env=True)
            self._sessions[here] = session
        return session

    def _forget_dead_loops(self) -> None:
        """Drop the sessions of closed loops and of the process this one was forked from."""
        for place, session in list(self._sessions.items()):
            if place.process != os.getpid() or place.loop.is_closed():
                del self._sessions[place]
                session.detach()


def _here() -> _Place:
    return _Place(os.getpid(), asyncio.get_running_loop())
