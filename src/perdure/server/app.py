"""The application: every route, and what surrounds a request.

It is plain ASGI with a router of its own: this is the hot path, and each layer of middleware around it
would cost as much as the request.
"""

from time import perf_counter

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from perdure.core.errors import NotFound
from perdure.engine.engine import Engine
from perdure.server import (
    batches,
    cors,
    dead_letters,
    documents,
    health,
    identity,
    otlp,
    problems,
    queues,
    realtime,
    runs,
    schedules,
    streams,
    tasks,
    traces,
    waitpoints,
    workers,
)
from perdure.server.auth import Authenticator
from perdure.server.export import Exporter
from perdure.server.handles import handlers_of
from perdure.server.metrics import Metrics
from perdure.server.request import ClientGone, Request
from perdure.server.router import Found, Route, Router
from perdure.server.services import Services
from perdure.wire.problem import Problem

HANDLERS = tuple(
    handler
    for module in (
        runs,
        realtime,
        streams,
        batches,
        dead_letters,
        queues,
        schedules,
        waitpoints,
        tasks,
        traces,
        workers,
        identity,
        health,
    )
    for handler in handlers_of(module)
)
"""The handlers of all endpoints."""


class App:
    """An ASGI application that answers for one engine."""

    def __init__(self, services: Services) -> None:
        """Mount every route."""
        self.services = services
        routes = [handler.route(services) for handler in HANDLERS]
        self._router = Router([*routes, *documents.routes(services), *otlp.routes(services)])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await _refuse(scope, receive, send)
            return
        started = perf_counter()
        request = Request(scope, receive)
        found = self._router.find(request.path)
        route = _choose(found, request.method)
        try:
            response = await self._answer(request, found, route)
        except ClientGone:
            return
        if route is not None and route.from_browsers and b"origin" in request.headers:
            cors.expose(response)
        await response(scope, receive, send)
        name = route.name if route else "none"
        self.services.metrics.observe(name, response.status_code, perf_counter() - started)

    async def _answer(self, request: Request, found: Found | None, route: Route | None) -> Response:
        try:
            if found is None:
                raise NotFound(kind="route", name=request.path.decode("latin-1"))
            if route is None:
                return _without_route(request, found)
            return await route.answer(request, found)
        except ClientGone:
            raise
        except Exception as error:
            return problems.answer(error)

    def close(self) -> None:
        """End the long polls: the server stops."""
        self.services.holding.close()


def create_app(engine: Engine, exporter: Exporter | None = None) -> App:
    """Return the application of an engine, which is started and stopped by whoever made it.

    Args:
        engine: the engine.
        exporter: what sends on what is seen, if that is done.
    """
    resources = engine.resources
    return App(
        Services(
            engine=engine,
            authenticator=Authenticator(engine.environments, resources.clock),
            metrics=Metrics(exporter.counts if exporter else None),
        )
    )


def _choose(found: Found | None, method: str) -> Route | None:
    return found.routes.get("GET" if method == "HEAD" else method) if found else None


def _without_route(request: Request, found: Found) -> Response:
    """Answer a method that nothing at this path takes."""
    if request.method == "OPTIONS" and any(route.from_browsers for route in found.routes.values()):
        return cors.preflight(request, found.routes)
    allowed = ", ".join(sorted(found.routes))
    problem = Problem(error=f"Method {request.method} is not allowed here; use {allowed}", code="bad_method")
    return problems.respond(problem, 405, {"allow": allowed})


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer what is no HTTP request: a server that wants to start us, or a web socket."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1000})
        return
    while scope["type"] == "lifespan":
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
