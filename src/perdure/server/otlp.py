"""`/otlp/v1/traces`, `/logs` and `/metrics`: where other programs send what they see, by OpenTelemetry.

These are no endpoints of ours: OTLP/HTTP says how they are called and what they answer.
"""

import zlib

from starlette.responses import Response

from perdure import wire
from perdure.core.errors import Invalid, TooLarge, WrongMediaType
from perdure.server.request import Request
from perdure.server.router import Answer, Found, Route
from perdure.server.services import Services
from perdure.wire.endpoint import MEGABYTE, Audience

PREFIX = "/otlp/v1/"
LIMIT = 16 * MEGABYTE
"""The most bytes of a body, before and after it is decompressed."""

_KINDS = ("application/x-protobuf", "application/json")
_WHY = "records without ids or times, or over the limit of their trace, are dropped"


def routes(services: Services) -> list[Route]:
    """Return a route for each kind of thing that is sent."""
    return [
        Route(name=f"otlp_{signal}", method="POST", path=PREFIX + signal, answer=_taker(services, signal))
        for signal in ("traces", "logs", "metrics")
    ]


def _taker(services: Services, signal: str) -> Answer:
    async def take(request: Request, _found: Found) -> Response:
        authorization = request.headers.get(b"authorization", b"")
        grant = await services.authenticator.grant(authorization, Audience.SECRET)
        request.check_length(LIMIT)
        kind = _kind(request)
        seen = wire.otlp.read(signal, await _body(request), kind)
        dropped = await services.engine.ingest.take(grant.environment, seen)
        return Response(wire.otlp.answer(signal, kind, seen.rejected + dropped, _WHY), media_type=kind)

    return take


def _kind(request: Request) -> str:
    given = request.header(b"content-type")
    kind = given.partition(";")[0].strip().lower()
    if kind not in _KINDS:
        raise WrongMediaType(given=given, expected=" or ".join(_KINDS))
    return kind


async def _body(request: Request) -> bytes:
    """Read the body, decompressed.

    Raises:
        Invalid: it is compressed in another way than by gzip, or broken.
        TooLarge: it is, or becomes, too large.
    """
    body = await request.body(LIMIT)
    encoding = request.header(b"content-encoding").strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding != "gzip":
        raise Invalid(f"The body is encoded as {encoding!r}; send it as it is, or as gzip")
    unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        unpacked = unpacking.decompress(body, LIMIT + 1)
    except zlib.error as error:
        raise Invalid(f"The body is no gzip: {error}") from None
    if len(unpacked) > LIMIT:
        raise TooLarge(what="The body, decompressed,", size=len(unpacked), limit=LIMIT)
    if not unpacking.eof:
        raise Invalid("The body is no gzip: it ends early")
    return unpacked
