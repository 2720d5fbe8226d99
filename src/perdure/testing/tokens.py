"""Tokens in memory, by the engine's rules."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from perdure.core.clock import to_datetime, to_datetime_or_none
from perdure.core.errors import NotFound
from perdure.core.ids import new_id
from perdure.engine import options
from perdure.engine.queries import token_query
from perdure.engine.tokens import DEFAULT_TIMEOUT, KEY_TTL_MS, sign, timeout_at_of
from perdure.store import tokens as store
from perdure.testing.setting import API_URL, ENVIRONMENT
from perdure.wire import endpoints
from perdure.wire import waits as wire
from perdure.wire.values import JSON


@dataclass(frozen=True)
class Kept:
    """A token with its tags."""

    token: store.Token
    tags: tuple[str, ...]

    @property
    def is_open(self) -> bool:
        """Whether nobody has answered, and its time is not over."""
        return self.token.completed_at is None


class Tokens:
    """The tokens of a test."""

    def __init__(self) -> None:
        self._kept: dict[str, Kept] = {}

    def __iter__(self) -> Iterator[Kept]:
        return iter(self._kept.values())

    def find(self, token: str) -> Kept | None:
        """Return a token, or None."""
        return self._kept.get(token)

    def get(self, token: str) -> Kept:
        """Return a token; raises NotFound."""
        if token not in self._kept:
            raise NotFound(kind="waitpoint token", name=token)
        return self._kept[token]

    def create(self, wanted: wire.CreateToken, now: int) -> wire.CreatedToken:
        """Make a token, unless an idempotency key stands for one; raises BadOption."""
        ttl = options.key_ttl_ms(wanted.idempotency_key_ttl, KEY_TTL_MS)
        key = wanted.idempotency_key
        made = store.Token(
            id=new_id("waitpoint", now),
            environment=ENVIRONMENT.id,
            created_at=now,
            timeout_at=timeout_at_of(wanted.timeout or DEFAULT_TIMEOUT, now),
            completed_at=None,
            completed_by=None,
            output=None,
            output_type=None,
            idempotency_key=key,
            key_expires_at=now + ttl if key else None,
        )
        for kept in reversed(self._kept.values()):
            if key and kept.token.idempotency_key == key and (kept.token.key_expires_at or 0) > now:
                return _created(kept.token, is_cached=True)
        self._kept[made.id] = Kept(made, tuple(dict.fromkeys(wanted.tags or ())))
        return _created(made, is_cached=False)

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
        tests: list[Callable[[Kept], bool]] = [
            lambda k: query.since <= k.token.created_at <= query.until,
            lambda k: query.key is None or k.token.idempotency_key == query.key,
            lambda k: query.tags is None or bool({*query.tags} & {*k.tags}),
            lambda k: query.statuses is None or status_of(k.token) in query.statuses,
        ]
        found = [kept for kept in self if all(test(kept) for test in tests)]
        return wire.TokenPage(data=[shown(kept) for kept in reversed(found)])


def status_of(token: store.Token) -> wire.TokenStatus:
    """Return where a token is in its life."""
    if token.completed_by == store.TIMEOUT:
        return wire.TokenStatus.TIMED_OUT
    return wire.TokenStatus.WAITING if token.completed_at is None else wire.TokenStatus.COMPLETED


def shown(kept: Kept) -> wire.Token:
    """Return a token as the API shows it."""
    token = kept.token
    is_over = token.completed_at is not None
    return wire.Token(
        id=token.id,
        url=_url(token.id),
        status=status_of(token),
        created_at=to_datetime(token.created_at),
        completed_at=to_datetime_or_none(token.completed_at),
        completed_after=to_datetime_or_none(token.timeout_at),
        timeout_at=to_datetime_or_none(token.timeout_at),
        idempotency_key=token.idempotency_key,
        idempotency_key_expires_at=to_datetime_or_none(token.key_expires_at),
        tags=list(kept.tags),
        completed_by=token.completed_by,
        output=token.output,
        output_type=token.output_type,
        output_is_error=token.completed_by == store.TIMEOUT if is_over else None,
    )


def _created(token: store.Token, *, is_cached: bool) -> wire.CreatedToken:
    return wire.CreatedToken(id=token.id, is_cached=is_cached, url=_url(token.id))


def _url(token: str) -> str:
    return API_URL + endpoints.tokens.CALL_TOKEN_BACK.url(token=token, signature=sign(ENVIRONMENT, token))
