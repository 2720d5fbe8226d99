"""What an endpoint is: said once here, mounted by the server, called by the clients."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar
from urllib.parse import quote

from perdure.wire.model import Model
from perdure.wire.values import JSON

In = TypeVar("In", bound=Model)
Out = TypeVar("Out", bound=Model)

KILOBYTE = 1024
MEGABYTE = 1024 * KILOBYTE

NDJSON = "application/x-ndjson"
"""A body of lines, each of them JSON."""


class Audience(StrEnum):
    """Who calls an endpoint, and so what key it asks for."""

    PUBLIC = "public"  # anyone with a secret key or a token with the right scope
    SECRET = "secret"  # only with an environment's secret key
    WORKER = "worker"  # workers; a secret key, and not in the public reference
    OPEN = "open"  # no key at all


@dataclass(frozen=True, kw_only=True)
class Endpoint(Generic[In, Out]):
    """One operation of the HTTP API."""

    #: the operation's name in OpenAPI, and what a handler is found by
    name: str
    method: str
    #: the path, with `{parameters}` that are one percent-encoded segment each
    path: str
    #: the model of the request body (of a GET: of the query)
    takes: type[In]
    gives: type[Out]
    #: one sentence for the reference
    summary: str
    audience: Audience = Audience.SECRET
    #: an empty body is taken for `{}`, instead of being refused
    optional_body: bool = False
    #: a body of more bytes is refused with 413
    limit: int = 3 * MEGABYTE
    #: what the body is; one in lines is read by the handler, as it comes
    media_type: str = JSON
    #: what the answer is; events are sent by the handler, as they come
    answers: str = JSON
    #: the status of its answer
    status: int = 200
    #: the other statuses it answers with, for the reference
    errors: tuple[int, ...] = field(default=(400, 401))

    def url(self, **parameters: str) -> str:
        """Return the path with its parameters filled in, each as one percent-encoded segment."""
        return self.path.format(**{name: quote(value, safe="") for name, value in parameters.items()})
