"""Tokens that runs wait for: made, shown, and completed by whoever may."""

from perdure.engine.tokens import TokenView, sign
from perdure.server import render
from perdure.server import tokens as public_tokens
from perdure.server.handles import Call, handles
from perdure.wire import endpoints
from perdure.wire import waits as wire
from perdure.wire.model import Nothing
from perdure.wire.values import CursorPage

TOKEN_SECONDS = 86_400
"""How long the public token that answers is good for; the official server's number."""


@handles(endpoints.tokens.CREATE_TOKEN)
async def create_token(call: Call, wanted: wire.CreateToken) -> wire.CreatedToken:
    """Make a token, and give its reader a public token that may complete it."""
    token, is_cached = await call.services.engine.tokens.create(call.environment, wanted)
    call.headers["x-trigger-jwt"] = public_tokens.sign(
        call.environment.id,
        call.environment.key,
        (f"write:waitpoints:{token.id}",),
        now=call.services.now(),
        seconds=TOKEN_SECONDS,
    )
    return wire.CreatedToken(id=token.id, is_cached=is_cached, url=_url(call, token.id))


@handles(endpoints.tokens.RETRIEVE_TOKEN)
async def retrieve_token(call: Call, _: Nothing, token: str) -> wire.Token:
    """Show a token."""
    return _shown(call, await call.services.engine.tokens.get(call.environment, token))


@handles(endpoints.tokens.LIST_TOKENS)
async def list_tokens(call: Call, wanted: wire.TokenFilter) -> wire.TokenPage:
    """List tokens."""
    page = await call.services.engine.tokens.list(call.environment, wanted)
    return wire.TokenPage(
        data=[_shown(call, view, in_full=False) for view in page.tokens],
        pagination=CursorPage(next=page.next, previous=page.previous),
    )


@handles(endpoints.tokens.COMPLETE_TOKEN)
async def complete_token(call: Call, answer: wire.CompleteToken, token: str) -> wire.Completed:
    """Complete a token; a second answer changes nothing."""
    call.require("write", ("waitpoints", token))
    by = "key" if call.grant and call.grant.scopes is None else "public token"
    await call.services.engine.tokens.complete(call.environment, token, answer.data, by=by)
    return wire.Completed()


@handles(endpoints.tokens.CALL_TOKEN_BACK)
async def call_token_back(call: Call, body: wire.CallbackBody, token: str, signature: str) -> wire.Completed:
    """Complete a token from outside; the URL itself is the permission."""
    engine = call.services.engine
    await engine.tokens.called_back(token, signature, body.data, engine.environments)
    return wire.Completed()


def _url(call: Call, token: str) -> str:
    scheme = call.request.header(b"x-forwarded-proto") or "http"
    host = call.request.header(b"host")
    path = endpoints.tokens.CALL_TOKEN_BACK.url(token=token, signature=sign(call.environment, token))
    return f"{scheme}://{host}{path}"


def _shown(call: Call, view: TokenView, *, in_full: bool = True) -> wire.Token:
    return render.token(view, _url(call, view.token.id), in_full=in_full)
