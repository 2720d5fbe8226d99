"""What every request goes through: `@handles(endpoint)` makes a function the handler of an endpoint.

    @handles(endpoints.runs.CANCEL_RUN)
    async def cancel(call: Call, _: Nothing, run: str) -> RunId: ...

The order is that of the official server: key, length of the body, parameters, query, headers, body; then
the handler finds the thing, asks `call.require(…)` whether a token may have it, and does its work.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Concatenate, Generic, TypeVar, cast

from pydantic import ValidationError
from starlette.responses import Response

from perdure.core.errors import Invalid
from perdure.server import problems, vocabulary
from perdure.server.auth import Grant, Resource
from perdure.server.request import Request
from perdure.server.router import Found, Route
from perdure.server.services import Services
from perdure.store.rows import Environment
from perdure.wire.endpoint import Audience, Endpoint
from perdure.wire.model import Model, Nothing
from perdure.wire.realtime import EVENTS
from perdure.wire.values import JSON

In = TypeVar("In", bound=Model)
Out = TypeVar("Out", bound=Model)

_NOTHING = Nothing()


@dataclass(slots=True)
class Call:
    """One call of an endpoint: who asks, and of what."""

    services: Services
    request: Request
    grant: Grant | None
    #: headers of the answer
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> Environment:
        """The environment of the key or token."""
        assert self.grant is not None, "an open endpoint has no environment"
        return self.grant.environment

    def require(self, action: str, *resources: Resource) -> None:
        """Refuse the call unless it may do this to one of the resources; see `Grant.require`."""
        assert self.grant is not None, "an open endpoint has no environment"
        self.grant.require(action, *resources)


@dataclass(frozen=True, slots=True)
class Handler(Generic[In, Out]):
    """An endpoint and the function that answers it."""

    endpoint: Endpoint[In, Out]
    function: Callable[Concatenate[Call, In, ...], Awaitable[Out | Response]]

    def route(self, services: Services) -> Route:
        """Return the route that leads here."""

        async def answer(request: Request, found: Found) -> Response:
            call = await self._accept(services, request)
            parameters = found.decode()
            given = await self._read(request)
            try:
                result = await self.function(call, given, **parameters)
            except ValidationError as error:
                # A defect of ours: an answer that does not fit.  It must not look like the caller's.
                raise RuntimeError(f"the answer of {self.endpoint.name} does not fit its model") from error
            if isinstance(result, Response):
                return result
            rendered = self._render(call, result)
            return Response(rendered, self.endpoint.status, call.headers, media_type=JSON)

        endpoint = self.endpoint
        return Route(
            name=endpoint.name,
            method=endpoint.method,
            path=endpoint.path,
            answer=answer,
            from_browsers=endpoint.audience is Audience.PUBLIC,
        )

    async def _accept(self, services: Services, request: Request) -> Call:
        endpoint, grant = self.endpoint, None
        if endpoint.audience is not Audience.OPEN:
            authorization = request.headers.get(b"authorization") or self._from_query(request)
            grant = await services.authenticator.grant(authorization, endpoint.audience)
        if endpoint.media_type == JSON:  # of other bodies the limit is that of a line
            request.check_length(endpoint.limit)
        return Call(services, request, grant)

    def _from_query(self, request: Request) -> bytes:
        """Return a public token from the query: a page's `EventSource` can send no headers."""
        token = request.query().get("token", "") if self.endpoint.answers == EVENTS else ""
        return f"Bearer {token}".encode() if token.count(".") == 2 else b""

    async def _read(self, request: Request) -> In:
        endpoint = self.endpoint
        if endpoint.media_type != JSON:
            return endpoint.takes()  # the handler reads the body, as it comes
        body = await request.body(endpoint.limit)
        if endpoint.takes is Nothing:
            return cast(In, _NOTHING)  # the official client calls even these with a JSON content type
        if endpoint.method == "GET":
            return _read_query(endpoint.takes, request)
        return _read_body(endpoint.takes, body, optional=endpoint.optional_body)

    def _render(self, call: Call, result: Out) -> bytes:
        if vocabulary.is_modern(call.request):
            return result.to_json()
        return vocabulary.to_legacy_json(result)


def handles(
    endpoint: Endpoint[In, Out],
) -> Callable[[Callable[Concatenate[Call, In, ...], Awaitable[Out | Response]]], Handler[In, Out]]:
    """Make a function the handler of an endpoint.

    The function gets the call, what the endpoint takes, and the path's parameters as keywords; it
    returns what the endpoint gives, or the answer itself.
    """

    def decorate(
        function: Callable[Concatenate[Call, In, ...], Awaitable[Out | Response]],
    ) -> Handler[In, Out]:
        return Handler(endpoint, function)

    return decorate


def handlers_of(module: Any) -> list[Handler[Any, Any]]:
    """Return the handlers that a module defines."""
    return [value for value in vars(module).values() if isinstance(value, Handler)]


def _read_query(model: type[In], request: Request) -> In:
    try:
        return model.model_validate(request.query())
    except ValidationError as error:
        raise problems.invalid_query(error) from None


def _read_body(model: type[In], body: bytes, *, optional: bool) -> In:
    if not body:
        if not optional:
            raise Invalid("Request body is empty")
        body = b"{}"
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise problems.invalid_body(error) from None
