"""Tokens that runs wait for."""

from perdure.wire import waits
from perdure.wire.endpoint import KILOBYTE, Audience, Endpoint
from perdure.wire.model import Nothing

CREATE_TOKEN = Endpoint(
    name="createToken",
    method="POST",
    path="/api/v1/waitpoints/tokens",
    takes=waits.CreateToken,
    gives=waits.CreatedToken,
    summary="Make a token that runs can wait for.",
    limit=10 * KILOBYTE,
    errors=(400, 401),
)
LIST_TOKENS = Endpoint(
    name="listTokens",
    method="GET",
    path="/api/v1/waitpoints/tokens",
    takes=waits.TokenFilter,
    gives=waits.TokenPage,
    summary="List tokens, newest first, by any filter.",
)
RETRIEVE_TOKEN = Endpoint(
    name="retrieveToken",
    method="GET",
    path="/api/v1/waitpoints/tokens/{token}",
    takes=Nothing,
    gives=waits.Token,
    summary="Get a token.",
    errors=(401, 404),
)
COMPLETE_TOKEN = Endpoint(
    name="completeToken",
    method="POST",
    path="/api/v1/waitpoints/tokens/{token}/complete",
    takes=waits.CompleteToken,
    gives=waits.Completed,
    summary="Complete a token; the first answer counts.",
    audience=Audience.PUBLIC,
    errors=(400, 401, 403, 404, 413),
)
CALL_TOKEN_BACK = Endpoint(
    name="callTokenBack",
    method="POST",
    path="/api/v1/waitpoints/tokens/{token}/callback/{signature}",
    takes=waits.CallbackBody,
    gives=waits.Completed,
    summary="Complete a token from outside: the body, any JSON, becomes its data.",
    audience=Audience.OPEN,
    optional_body=True,
    errors=(404, 413),
)
