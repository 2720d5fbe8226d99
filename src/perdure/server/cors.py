"""Which pages of other sites may call: any, on the routes that take public tokens.

No cookie is ever read there, so the origin gives no right; the token does.
"""

from starlette.responses import Response

from perdure.server.request import Request
from perdure.server.router import Route

EXPOSED = (
    "x-trigger-jwt, x-trigger-jwt-claims, x-should-retry, x-ratelimit-limit, x-ratelimit-remaining, "
    "x-ratelimit-reset, x-stream-version, electric-offset, electric-handle, electric-schema, "
    "electric-cursor, electric-up-to-date"
)
"""Headers of ours that a page may read."""

_A_DAY = "86400"


def preflight(request: Request, routes: dict[str, Route]) -> Response:
    """Answer a browser that asks whether it may call."""
    methods = sorted(method for method, route in routes.items() if route.from_browsers)
    headers = {
        "access-control-allow-origin": "*",
        "access-control-allow-methods": ", ".join(methods),
        "access-control-allow-headers": request.header(b"access-control-request-headers") or "*",
        "access-control-max-age": _A_DAY,
        "vary": "access-control-request-headers",
    }
    return Response(status_code=204, headers=headers)


def expose(response: Response) -> None:
    """Let a page of another site read an answer, an error too."""
    response.headers["access-control-allow-origin"] = "*"
    response.headers["access-control-expose-headers"] = EXPOSED
