"""The transport for blocking code, on the standard library (docs/decisions/0002-http-clients.md)."""

import http.client
import os
import threading
from contextlib import suppress
from urllib.parse import urlsplit

from perdure.client.transport import ConnectionFailed, Request, Response


class BlockingTransport:
    """Keeps one connection to a server for each thread that uses it."""

    def __init__(self, api_url: str) -> None:
        parts = urlsplit(api_url)
        self._secure = parts.scheme == "https"
        self._host = parts.hostname or "127.0.0.1"
        self._port = parts.port
        self._prefix = parts.path
        self._local = threading.local()

    def send(self, request: Request) -> Response:
        """Send a request once.

        Raises:
            ConnectionFailed: no answer came.
        """
        connection = self._connection()
        was_kept = connection.sock is not None
        try:
            return self._exchange(connection, request)
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

    def _exchange(self, connection: http.client.HTTPConnection, request: Request) -> Response:
        connection.timeout = request.timeout
        if connection.sock is not None:
            connection.sock.settimeout(request.timeout)
        connection.request(request.method, self._prefix + request.path, request.body, dict(request.headers))
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return Response(answer.status, answer.read(), headers)

    def close(self) -> None:
        """Close this thread's connection."""
        with suppress(AttributeError):
            self._local.connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        # A forked process must not speak on its parent's connection.
        if getattr(self._local, "process", None) != os.getpid():
            kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
            self._local.connection = kind(self._host, self._port)
            self._local.process = os.getpid()
        return self._local.connection
