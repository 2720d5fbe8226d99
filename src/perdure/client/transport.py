"""What is sent, what comes back, and when it is sent again: the same for both clients.

A request that may have arrived is repeated under the same idempotency key, so the server does the work
once however often it is asked.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from urllib.parse import urlencode

from pydantic import ValidationError

from perdure.client.settings import Access
from perdure.core.errors import BadAnswer, KeyRefused, PerdureError, ServerUnreachable, Unauthorized
from perdure.wire.endpoint import Endpoint, In, Out
from perdure.wire.problem import Problem, raise_for
from perdure.wire.realtime import EVENTS
from perdure.wire.streams import STREAMS_VERSION

# The vocabulary of statuses that this client reads; without it the server uses an older one.
QUIET_S = 45.0
"""A server says something every 15 seconds on a stream; one silent for so long is asked again."""

API_VERSION = "2025-07-16"
TIMEOUT = 30.0
"""Seconds that an answer may take, beyond what the request itself asks to wait."""

_RETRIED = frozenset({408, 409, 429, 500, 502, 503, 504})
_FIRST_DELAY = 0.1
_FACTOR = 2.5
_MAX_DELAY = 10.0


@dataclass(frozen=True)
class Request:
    """One call, ready to be sent; `path` carries the query."""

    method: str
    path: str
    body: bytes | None
    headers: Mapping[str, str]
    #: seconds until the answer is given up
    timeout: float = TIMEOUT


@dataclass(frozen=True)
class Response:
    """What came back; the names of headers are in lower case."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class ConnectionFailed(Exception):
    """The server could not be reached, or the connection broke; the request may have arrived."""


def build(
    access: Access,
    endpoint: Endpoint[In, Out],
    body: In | None,
    path: Mapping[str, str],
    more: Mapping[str, str] = MappingProxyType({}),
) -> Request:
    """Return the request that calls an endpoint.

    Args:
        access: the server and the key.
        endpoint: what to call.
        body: what it takes; of a GET, it becomes the query.
        path: the values of the path's parameters.
        more: more headers.
    """
    url = endpoint.url(**path)
    wire = body.to_wire() if body is not None and endpoint.method == "GET" else {}
    if wire:
        url += "?" + urlencode({name: _query_text(value) for name, value in wire.items()})
    headers = {
        "authorization": f"Bearer {access.secret_key}",
        "content-type": endpoint.media_type,
        "x-trigger-api-version": API_VERSION,
        "x-trigger-request-idempotency-key": str(uuid.uuid4()),
        **more,
    }
    sent = body.to_json() if body is not None and endpoint.method != "GET" else None
    return Request(endpoint.method, url, sent, headers, TIMEOUT + float(getattr(body, "wait", 0) or 0))


def build_stream(request: Request, last_id: str | None) -> Request:
    """Return a request whose answer is events: from the beginning, or after the last that was heard."""
    headers = {**request.headers, "accept": EVENTS, STREAMS_VERSION: "v2"}
    if last_id is not None:
        headers["last-event-id"] = last_id
    return replace(request, headers=headers, timeout=QUIET_S)


def read(access: Access, endpoint: Endpoint[In, Out], response: Response) -> Out:
    """Return what an endpoint gave, or raise what it answered with.

    Raises:
        PerdureError: the error of `perdure.core.errors` that the server told.
        BadAnswer: what answers is not a Perdure server.
    """
    if response.status >= 400:
        problem = _problem(response)
        if response.status == Unauthorized.status:
            raise KeyRefused(
                url=access.api_url, reason=problem.error.rstrip("."), key=_hidden(access.secret_key)
            )
        raise_for(response.status, problem)
    if response.status >= 300:
        raise BadAnswer(endpoint=endpoint.name, reason=f"it answered {response.status}, a redirect")
    try:
        return endpoint.gives.model_validate_json(response.body or b"{}")
    except ValidationError as error:
        raise BadAnswer(endpoint=endpoint.name, reason=str(error)) from None


def next_delay(tried: int, tries: int, response: Response | None) -> float | None:
    """Return how many seconds to wait before the next try, or None when the answer stands.

    Args:
        tried: how often the request was sent, 1 or more.
        tries: how often it may be sent in all.
        response: what came back; None when the connection failed.
    """
    if tried >= tries or not (response is None or _is_retried(response)):
        return None
    return min(_MAX_DELAY, _FIRST_DELAY * _FACTOR ** (tried - 1))


def unreachable(access: Access, error: ConnectionFailed) -> PerdureError:
    """Return the error for a server that does not answer."""
    return ServerUnreachable(url=access.api_url, reason=str(error))


def _hidden(key: str) -> str:
    """Return what may be shown of a key."""
    return key[:12] + "…"


def _is_retried(response: Response) -> bool:
    wish = response.headers.get("x-should-retry")
    return wish == "true" if wish else response.status in _RETRIED


def _problem(response: Response) -> Problem:
    try:
        return Problem.model_validate_json(response.body)
    except ValidationError:
        text = response.body[:200].decode(errors="replace")
        return Problem(error=f"The server answered {response.status}: {text}")


def _query_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
