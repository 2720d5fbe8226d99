"""Tokens: a run waits for one, and a person, a web hook or another program completes it."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from perdure.core.clock import from_datetime, to_datetime
from perdure.core.duration import to_milliseconds
from perdure.core.errors import BadDuration, BadOption, NotFound
from perdure.core.ids import new_id
from perdure.engine import options
from perdure.engine.alarms import set_alarms
from perdure.engine.queries import token_query
from perdure.engine.resources import Resources
from perdure.engine.waiting import wake_waiters
from perdure.store import timers, tokens, waits
from perdure.store.database import Tx
from perdure.store.rows import Environment
from perdure.store.timers import Timer
from perdure.store.tokens import TIMEOUT, Token
from perdure.wire.values import JSON
from perdure.wire.waits import DEFAULT_TIMEOUT, CreateToken, TokenFilter

KEY_TTL_MS = 3_600_000
"""How long an idempotency key stands for a token that does not say; Trigger.dev's number."""


@dataclass(frozen=True, slots=True)
class TokenView:
    """A token with its tags."""

    token: Token
    tags: Sequence[str]

    @property
    def is_open(self) -> bool:
        """Whether nobody has answered, and its time is not over."""
        return self.token.completed_at is None


@dataclass(frozen=True, slots=True)
class TokenPage:
    """Tokens, newest first, and the cursors of the pages beside."""

    tokens: Sequence[TokenView]
    next: str | None
    previous: str | None


class Tokens:
    """Makes, shows and completes tokens."""

    def __init__(self, resources: Resources) -> None:
        """Use these resources."""
        self._resources = resources

    async def create(self, environment: Environment, wanted: CreateToken) -> tuple[Token, bool]:
        """Make a token; return it, and whether it was there already.

        Raises:
            BadOption: the timeout is no duration or moment, or is over at once.
        """
        made = new_token(environment, wanted, self._resources.clock.now())
        return await self._resources.db.transact(_create, made.token, made.tags)

    async def get(self, environment: Environment, token: str) -> TokenView:
        """Return a token.

        Raises:
            NotFound: there is none of this id in the environment.
        """
        found = await self._resources.db.read(_get, token)
        if found is None or found.token.environment != environment.id:
            raise NotFound(kind="waitpoint token", name=token)
        return found

    async def list(self, environment: Environment, wanted: TokenFilter) -> TokenPage:
        """Return a page of tokens, newest first.

        Raises:
            BadOption: a filter has a value it can't have.
        """
        query = token_query(wanted, self._resources.clock.now())
        found, has_more = await self._resources.db.read(tokens.page, environment.id, query)
        tags = await self._resources.db.read(tokens.tags_of, [token.id for token in found])
        views = [TokenView(token, tags.get(token.id, [])) for token in found]
        backward = query.before is not None
        has_older, has_newer = (True, has_more) if backward else (has_more, query.after is not None)
        return TokenPage(
            views,
            found[-1].id if found and has_older else None,
            found[0].id if found and has_newer else None,
        )

    async def complete(self, environment: Environment, token: str, data: Any, *, by: str) -> bool:
        """Complete a token and wake the runs that wait for it; the first answer counts.

        Args:
            environment: where.
            token: its id.
            data: a JSON value.
            by: who answers, for the record.

        Returns:
            Whether this was the first answer.

        Raises:
            NotFound: there is no such token in the environment.
        """
        await self.get(environment, token)
        now = self._resources.clock.now()
        output = None if data is None else options.to_text(data)
        return bool(await self._resources.db.transact(finish, [token], now, by=by, output=output))

    async def called_back(self, token: str, signature: str, data: Any, environments: Any) -> None:
        """Complete a token from its callback URL, which anyone who has it may call.

        Raises:
            NotFound: there is no such token, or the signature is not its own.
        """
        found = await self._resources.db.read(tokens.find, token)
        environment = await environments.by_id(found.environment) if found else None
        if environment is None or not hmac.compare_digest(sign(environment, token), signature):
            raise NotFound(kind="callback", name=token)
        await self.complete(environment, token, data, by="callback")


def sign(environment: Environment, token: str) -> str:
    """Return the last part of a token's callback URL, which only the server can make."""
    name = token.partition("_")[2]
    return hmac.new(environment.key.encode(), name.encode(), hashlib.sha256).hexdigest()


async def finish(
    tx: Tx, ids: Sequence[str], now: int, *, by: str, output: str | None, output_type: str = JSON
) -> Sequence[str]:
    """Complete tokens that wait, and wake whoever waits for them; return those that did."""
    done = await tokens.complete(tx, ids, now=now, by=by, output=output, output_type=output_type)
    if done:
        await wake_waiters(tx, waits.TOKEN, done, now)
    return done


async def time_out(tx: Tx, ids: Sequence[str], now: int) -> None:
    """Complete tokens that nobody answered in time, with the official server's error."""
    await finish(tx, ids, now, by=TIMEOUT, output=options.to_text(timed_out(now)))


def timed_out(now: int) -> dict[str, str]:
    """Return what a token has as its data that nobody answered in time."""
    when = to_datetime(now).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"code": "TRIGGER_WAITPOINT_TIMEOUT", "message": f"Waitpoint timed out at {when}"}


def new_token(environment: Environment, wanted: CreateToken, now: int) -> TokenView:
    """Return the token that is wanted, which nothing has stored yet.

    Raises:
        BadOption: the timeout is no duration or moment, or is over at once; or a text can't be stored.
    """
    ttl = options.key_ttl_ms(wanted.idempotency_key_ttl, KEY_TTL_MS)
    key = wanted.idempotency_key
    token = Token(
        id=new_id("waitpoint", now),
        environment=environment.id,
        created_at=now,
        timeout_at=timeout_at_of(wanted.timeout or DEFAULT_TIMEOUT, now),
        completed_at=None,
        completed_by=None,
        output=None,
        output_type=None,
        idempotency_key=options.plain_text("idempotency_key", key) if key else None,
        key_expires_at=now + ttl if key else None,
    )
    return TokenView(token, [options.plain_text("tags", tag) for tag in dict.fromkeys(wanted.tags or ())])


async def _create(tx: Tx, token: Token, tags: Sequence[str]) -> tuple[Token, bool]:
    if token.idempotency_key is not None:
        known = await tokens.of_key(tx, token.environment, token.idempotency_key)
        if known is not None:
            if (known.key_expires_at or 0) > token.created_at:
                return known, True
            await tokens.free_key(tx, known.id)
    await tokens.add(tx, token, tags)
    if token.timeout_at is not None:
        await set_alarms(tx, [Timer(token.timeout_at, timers.TOKEN, token.id)], token.created_at)
    return token, False


async def _get(tx: Tx, token: str) -> TokenView | None:
    found = await tokens.find(tx, token)
    if found is None:
        return None
    return TokenView(found, (await tokens.tags_of(tx, [token])).get(token, []))


def timeout_at_of(timeout: str | datetime, now: int) -> int:
    """Return when the time of a token is over; raises BadOption."""
    if isinstance(timeout, str):
        try:
            moment = now + to_milliseconds(timeout)
        except BadDuration:
            moment = _moment(timeout)
    else:
        moment = _moment(timeout.isoformat())
    if moment <= now:
        raise BadOption(option="timeout", value=timeout, expected="a duration over 0, or a moment to come")
    return moment


def _moment(text: str) -> int:
    try:
        return from_datetime(datetime.fromisoformat(text))
    except ValueError:
        raise BadOption(
            option="timeout",
            value=text,
            expected="a duration such as 7d, or a moment in ISO 8601",
        ) from None
