"""The transport for blocking code, on the standard library (docs/decisions/0002-http-clients.md)."""

import http.client
import os
from urllib.parse import urlsplit

from perdure.client.transport import ConnectionFailed, Request, Response


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
            kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
            return kind(self._host, self._port)

    def _exchange(self, connection: http.client.HTTPConnection, request: Request) -> Response:
        connection.timeout = request.timeout
        if connection.sock is not None:
            connection.sock.settimeout(request.timeout)
        connection.request(request.method, self._prefix + request.path, request.body, dict(request.headers))
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return Response(answer.status, answer.read(), headers)
