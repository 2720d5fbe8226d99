"""The transport for blocking code, on the standard library (docs/decisions/0002-http-clients.md)."""

import http.client
import os
from collections.abc import Generator
from urllib.parse import urlsplit

from perdure.client.transport import ConnectionFailed, Request, Response

_PART = 65_536


class BlockingTransport:
    """Keeps as many connections to a server as threads use at once."""

    def __init__(self, api_url: str) -> None:
        parts = urlsplit(api_url)
        self._secure = parts.scheme == "https"
        self._host = parts.hostname or "127.0.0.1"
        self._port = parts.port
        self._prefix = parts.path
        self._process = os.getpid()
        # The last one given back is the first one taken; both are one step, which needs no lock.
        self._idle: list[http.client.HTTPConnection] = []

    def send(self, request: Request) -> Response:
        """Send a request once.

        Raises:
            ConnectionFailed: no answer came.
        """
        connection = self._take()
        was_kept = connection.sock is not None
        try:
            response = self._exchange(connection, request)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError) as error:
            connection.close()
            if not was_kept:
                raise ConnectionFailed(str(error)) from error
            return self.send(request)  # the server had closed the connection that we kept
        except (http.client.HTTPException, OSError) as error:
            connection.close()
            raise ConnectionFailed(str(error) or type(error).__name__) from error
        except BaseException:  # interrupted in the middle: an answer may still come on this connection
            connection.close()
            raise
        self._idle.append(connection)
        return response

    def stream(self, request: Request) -> Generator[Response]:
        """Send a request, and give its answer in parts, as it comes; one that is an error, in one.

        Raises:
            ConnectionFailed: no answer came, or it broke off.
        """
        connection = self._new()
        try:
            answer = self._send(connection, request)
            headers = {name.lower(): value for name, value in answer.getheaders()}
            if answer.status >= 400:
                yield Response(answer.status, answer.read(), headers)
                return
            while data := answer.read1(_PART):
                yield Response(answer.status, data, headers)
        except (http.client.HTTPException, OSError) as error:
            raise ConnectionFailed(str(error) or type(error).__name__) from error
        finally:
            connection.close()

    def close(self) -> None:
        """Close the connections that are not in use."""
        while self._idle:
            self._idle.pop().close()

    def _take(self) -> http.client.HTTPConnection:
        if self._process != os.getpid():  # a forked process must not speak on its parent's connections
            self.close()
            self._process = os.getpid()
        try:
            return self._idle.pop()
        except IndexError:
            return self._new()

    def _new(self) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        return kind(self._host, self._port)

    def _exchange(self, connection: http.client.HTTPConnection, request: Request) -> Response:
        answer = self._send(connection, request)
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return Response(answer.status, answer.read(), headers)

    def _send(self, connection: http.client.HTTPConnection, request: Request) -> http.client.HTTPResponse:
        connection.timeout = request.timeout
        if connection.sock is not None:
            connection.sock.settimeout(request.timeout)
        connection.request(request.method, self._prefix + request.path, request.body, dict(request.headers))
        return connection.getresponse()
