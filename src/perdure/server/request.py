"""A request, as ASGI gives it."""

from collections.abc import AsyncIterator
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope

from perdure.core.errors import Invalid, TooLarge

# The official server's text, before what it leaves out: the size, the limit and the next step.
_TOO_LARGE = "Request body too large: it"


class ClientGone(Exception):
    """The client closed the connection before it had its answer."""


class Request:
    """The parts of a request that are used, and its body when asked for."""

    __slots__ = ("_is_read", "_receive", "_scope", "headers", "method")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        """Wrap one ASGI request."""
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.method: str = scope["method"]
        self._scope = scope
        self._receive = receive
        self._is_read = False

    @property
    def path(self) -> bytes:
        """The path as it came, percent-encoded, without the query."""
        raw: bytes | None = self._scope.get("raw_path")
        return raw if raw is not None else self._scope["path"].encode()

    def header(self, name: bytes) -> str:
        """Return a header's value, or an empty text."""
        return self.headers.get(name, b"").decode("latin-1")

    def query(self) -> dict[str, str]:
        """Return the parameters of the query; the last of a name counts.

        Raises:
            Invalid: it is no UTF-8.
        """
        text = self._scope["query_string"].decode("latin-1")
        try:
            return dict(parse_qsl(text, keep_blank_values=True, errors="strict"))
        except ValueError as error:
            raise Invalid("Query Error", details=[{"message": str(error)}]) from None

    def check_length(self, limit: int) -> None:
        """Refuse a body that announces more bytes than the limit, before it is read.

        Raises:
            TooLarge: it is longer.
            Invalid: the length is no number.
        """
        announced = self.headers.get(b"content-length", b"0")
        if not announced.isdigit():
            raise Invalid("Headers Error", details=[{"path": "content-length", "message": "is no number"}])
        if int(announced) > limit:
            raise TooLarge(what=_TOO_LARGE, size=int(announced), limit=limit)

    async def body(self, limit: int) -> bytes:
        """Read the body; a chunked one, whose length nobody announced, is counted as it comes.

        Raises:
            TooLarge: it is longer than the limit, in bytes.
            ClientGone: it ended early.
        """
        chunks, size = [], 0
        async for chunk in self.chunks():
            size += len(chunk)
            if size > limit:
                raise TooLarge(what=_TOO_LARGE, size=size, limit=limit)
            chunks.append(chunk)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Read the body, or what is left of it, as it comes.

        Raises:
            ClientGone: it ended early.
        """
        while not self._is_read:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            self._is_read = not message.get("more_body", False)
            yield message.get("body", b"")

    async def gone(self) -> None:
        """Return when the client has closed the connection; to be asked after the body was read."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
