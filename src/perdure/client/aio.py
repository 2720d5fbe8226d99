"""The transport for asyncio, on aiohttp (docs/decisions/0002-http-clients.md)."""

import asyncio
import io
import os
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from urllib.request import getproxies, proxy_bypass

import aiohttp
import yarl

from perdure.client.transport import ConnectionFailed, Request, Response

_CONNECTIONS = 100
_KEPT_SECONDS = 30
_LARGE = 2**20  # bytes; aiohttp warns of more in one piece


@dataclass(frozen=True)
class _Place:
    """Where a session may be used: its connections belong to one loop of one process."""

    process: int
    loop: asyncio.AbstractEventLoop


class AsyncTransport:
    """Keeps connections to one server, for each event loop that it is used in."""

    def __init__(self, api_url: str) -> None:
        self._api_url = api_url
        self._sessions: dict[_Place, _Session] = {}

    async def send(self, request: Request) -> Response:
        """Send a request once.

        Raises:
            ConnectionFailed: no answer came.
        """
        session = await self._session()
        try:
            async with session.request(
                request.method,
                # Without `encoded` the path would be normalised, and the %2F of an id lost.
                yarl.URL(self._api_url + request.path, encoded=True),
                data=_in_pieces(request.body),
                headers=request.headers,
                timeout=aiohttp.ClientTimeout(total=request.timeout),
                allow_redirects=False,
            ) as answer:
                headers = {name.lower(): value for name, value in answer.headers.items()}
                return Response(answer.status, await answer.read(), headers)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ConnectionFailed(str(error) or type(error).__name__) from error

    async def stream(self, request: Request) -> AsyncGenerator[Response]:
        """Send a request, and give its answer in parts, as it comes; one that is an error, in one.

        Raises:
            ConnectionFailed: no answer came, or it broke off.
        """
        quiet = aiohttp.ClientTimeout(total=None, sock_connect=request.timeout, sock_read=request.timeout)
        # Not among the connections that are shared: it is in use for long.
        connector = aiohttp.TCPConnector(limit=1)
        try:
            async with (
                aiohttp.ClientSession(connector=connector, trust_env=True, timeout=quiet) as session,
                session.get(
                    yarl.URL(self._api_url + request.path, encoded=True),
                    headers=request.headers,
                    allow_redirects=False,
                ) as answer,
            ):
                headers = {name.lower(): value for name, value in answer.headers.items()}
                if answer.status >= 400:
                    yield Response(answer.status, await answer.read(), headers)
                    return
                async for data in answer.content.iter_any():
                    yield Response(answer.status, data, headers)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ConnectionFailed(str(error) or type(error).__name__) from error

    async def close(self) -> None:
        """Close the connections of this event loop."""
        session = self._sessions.pop(_here(), None)
        if session is not None:
            await session.close()

    async def _session(self) -> aiohttp.ClientSession:
        here = _here()
        session = self._sessions.get(here)
        if session is None or session.http.closed:
            self._forget_closed_loops()
            session = self._sessions[here] = await _Session.open(self._api_url)
        return session.http

    def _forget_closed_loops(self) -> None:
        """Drop the sessions of closed loops.

        Those of the process this one was forked from are kept as they are: to close them would also
        change what the parent waits for, as both have one `epoll`.
        """
        for place in list(self._sessions):
            if place.process == os.getpid() and place.loop.is_closed():
                del self._sessions[place]


def _in_pieces(body: bytes | None) -> bytes | io.BytesIO | None:
    """Return a body as aiohttp is to send it: a large one in pieces, so that it does not hold up the loop."""
    return io.BytesIO(body) if body and len(body) > _LARGE else body


class _Session:
    """A session that its event loop closes, when nobody else does."""

    def __init__(
        self, http: aiohttp.ClientSession, life: AsyncGenerator[aiohttp.ClientSession, None]
    ) -> None:
        self.http = http
        self._life = life

    @classmethod
    async def open(cls, api_url: str) -> "_Session":
        # What runs a loop (`asyncio.run`, uvicorn) closes the loop's asynchronous generators at its end.
        life = _life(api_url)
        return cls(await anext(life), life)

    async def close(self) -> None:
        await self._life.aclose()


async def _life(api_url: str) -> AsyncGenerator[aiohttp.ClientSession, None]:
    connector = aiohttp.TCPConnector(limit=_CONNECTIONS, keepalive_timeout=_KEPT_SECONDS)
    jar = aiohttp.DummyCookieJar()
    proxy = _proxy(yarl.URL(api_url))
    async with aiohttp.ClientSession(connector=connector, cookie_jar=jar, proxy=proxy) as session:
        yield session


def _proxy(url: yarl.URL) -> yarl.URL | None:
    """Return the proxy that the environment names for a server, if it names one.

    With `trust_env` aiohttp asks the environment, and reads `~/.netrc`, for each request anew and in a
    thread, which takes longer than the request.
    """
    found = getproxies().get(url.scheme)
    if not found or url.host is None or proxy_bypass(url.host):
        return None
    return yarl.URL(found)


def _here() -> _Place:
    return _Place(os.getpid(), asyncio.get_running_loop())
