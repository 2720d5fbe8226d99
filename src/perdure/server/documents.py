"""What is no endpoint of the API: its description, and the server's numbers."""

import json
from importlib.metadata import version

from starlette.responses import Response

from perdure.server import metrics
from perdure.server.request import Request
from perdure.server.router import Found, Route
from perdure.server.services import Services
from perdure.store import overview, subjects
from perdure.wire.endpoints import ENDPOINTS
from perdure.wire.openapi import openapi


def routes(services: Services) -> list[Route]:
    """Return the routes of `/openapi.json` and `/metrics`."""
    described: list[bytes] = []  # made when first asked for

    async def describe(_request: Request, _found: Found) -> Response:
        if not described:
            document = openapi(ENDPOINTS, version=version("perdure"))
            described.append(json.dumps(document, ensure_ascii=False).encode())
        return Response(described[0], media_type="application/json")

    async def count(_request: Request, _found: Found) -> Response:
        counts = await services.engine.resources.db.read(overview.counts)
        dropped = await services.engine.resources.telemetry.read(subjects.dropped)
        text = services.metrics.expose(counts, dropped)
        return Response(text, headers={"content-type": metrics.CONTENT_TYPE})

    return [
        Route(name="openapi", method="GET", path="/openapi.json", answer=describe, from_browsers=True),
        Route(name="metrics", method="GET", path="/metrics", answer=count),
    ]
