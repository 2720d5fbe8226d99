"""Tokens: made, and waited for as an approval."""

import inspect
from collections.abc import Callable
from datetime import datetime
from typing import Any

from perdure.client.calls.environment import claims
from perdure.client.tokens import sign
from perdure.core.clock import from_datetime
from perdure.resumable import resumable
from perdure.sdk import children, waits
from perdure.sdk.handle import clients
from perdure.sdk.wait import Approval, Token, TokenOptions
from perdure.wire.auth import Claims
from perdure.wire.waits import DEFAULT_TIMEOUT, CreatedToken

_LIFETIME = "24h"
"""How long a browser may answer with what it was given; the number is that of the official clients."""


async def create(options: TokenOptions) -> Token:
    """Make a token."""
    client = clients.asynchronous
    made = await client.tokens.create(**_keyed(options))
    key = client.access.secret_key
    if key not in _claims:
        _claims[key] = await client.send(claims())
    return _token(made, key)


def create_sync(options: TokenOptions) -> Token:
    """Make a token, blocking."""
    client = clients.blocking
    made = client.tokens.create(**_keyed(options))
    key = client.access.secret_key
    if key not in _claims:
        _claims[key] = client.send(claims())
    return _token(made, key)


@resumable
async def for_approval(ask: Callable[[Token], Any] | None, options: TokenOptions) -> Approval:
    """Make a token, ask somebody, and wait for a yes or no."""
    token = await create(options)
    if ask is not None:
        asked = ask(token)
        ask = None
        if inspect.isawaitable(asked):
            await asked
        asked = None
    return _approval(await waits.for_token(token.id, bool | Approval))


def block_for_approval(ask: Callable[[Token], Any] | None, options: TokenOptions) -> Approval:
    """Make a token, ask somebody, and wait for a yes or no, blocking."""
    token = create_sync(options)
    if ask is not None:
        waits.called(ask, token)
    return _approval(waits.block_for_token(token.id, bool | Approval))


def _approval(answer: bool | Approval) -> Approval:
    return Approval(answer) if isinstance(answer, bool) else answer


def _keyed(options: TokenOptions) -> TokenOptions:
    """Give the token of a run a key, if it has none, until its time is over: made again, it is the same."""
    family = children.current()
    if family is None or options.get("idempotency_key"):
        return options
    timeout = options.get("timeout") or DEFAULT_TIMEOUT
    if isinstance(timeout, datetime):
        timeout = max(0, from_datetime(timeout) - waits.now()) / 1000
    key = family.token_key(options.get("tags"))
    return {**options, "idempotency_key": key, "idempotency_key_ttl": timeout}


# What public tokens of an environment say of it, by its secret key.
_claims: dict[str, Claims] = {}


def _token(made: CreatedToken, key: str) -> Token:
    public = sign(_claims[key], key, [f"write:waitpoints:{made.id}"], _LIFETIME)
    return Token(made.id, made.url, public, made.is_cached)
