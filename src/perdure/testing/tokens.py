"""Tokens in memory, by the engine's rules."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from perdure.core.errors import NotFound
from perdure.engine import options
from perdure.engine.queries import token_query
from perdure.engine.tokens import TokenView, new_token, sign
from perdure.server import render
from perdure.store import tokens as store
from perdure.testing.setting import API_URL, ENVIRONMENT
from perdure.wire import endpoints
from perdure.wire import waits as wire
from perdure.wire.values import JSON


class Tokens:
    """The tokens of a test."""

    def __init__(self) -> None:
        self._kept: dict[str, TokenView] = {}

    def __iter__(self) -> Iterator[TokenView]:
        return iter(self._kept.values())

    def find(self, token: str) -> TokenView | None:
        """Return a token, or None."""
        return self._kept.get(token)

    def get(self, token: str) -> TokenView:
        """Return a token; raises NotFound."""
        if token not in self._kept:
            raise NotFound(kind="waitpoint token", name=token)
        return self._kept[token]

    def create(self, wanted: wire.CreateToken, now: int) -> wire.CreatedToken:
        """Make a token, unless an idempotency key stands for one; raises BadOption."""
        made = new_token(ENVIRONMENT, wanted, now)
        key = made.token.idempotency_key
        for kept in reversed(self._kept.values()):
            if key and kept.token.idempotency_key == key and (kept.token.key_expires_at or 0) > now:
                return _created(kept.token, is_cached=True)
        self._kept[made.token.id] = made
        return _created(made.token, is_cached=False)

    def finish(self, token: str, now: int, *, by: str, data: Any = None) -> bool:
        """Complete a token, unless somebody has; return whether nobody had."""
        kept = self.get(token)
        if not kept.is_open:
            return False
        output = None if data is None else options.to_text(data)
        done = replace(kept.token, completed_at=now, completed_by=by, output=output, output_type=JSON)
        self._kept[token] = replace(kept, token=done)
        return True

    def due(self, moment: int) -> list[str]:
        """Return the open tokens whose time is over at a moment."""
        return [k.token.id for k in self if k.is_open and (k.token.timeout_at or moment + 1) <= moment]

    def page(self, wanted: wire.TokenFilter, now: int) -> wire.TokenPage:
        """Return tokens, newest first: all that fit, on one page."""
        query = token_query(wanted, now)
        tests: list[Callable[[TokenView], bool]] = [
            lambda k: query.since <= k.token.created_at <= query.until,
            lambda k: query.key is None or k.token.idempotency_key == query.key,
            lambda k: query.tags is None or bool({*query.tags} & {*k.tags}),
            lambda k: query.statuses is None or render.token_status(k.token) in query.statuses,
        ]
        found = [kept for kept in self if all(test(kept) for test in tests)]
        return wire.TokenPage(data=[shown(kept) for kept in reversed(found)])


def shown(kept: TokenView) -> wire.Token:
    """Return a token as the API shows it."""
    return render.token(kept, _url(kept.token.id))


def _created(token: store.Token, *, is_cached: bool) -> wire.CreatedToken:
    return wire.CreatedToken(id=token.id, is_cached=is_cached, url=_url(token.id))


def _url(token: str) -> str:
    return API_URL + endpoints.tokens.CALL_TOKEN_BACK.url(token=token, signature=sign(ENVIRONMENT, token))
