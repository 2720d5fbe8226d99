"""Tokens: what runs wait for until somebody answers."""

from collections.abc import Sequence
from dataclasses import dataclass

from perdure.core.ids import END
from perdure.store.database import Tx

TIMEOUT = "timeout"
"""Who completed a token that nobody answered in time."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token; the columns of its table, in order."""

    id: str
    environment: str
    created_at: int
    timeout_at: int | None
    completed_at: int | None
    completed_by: str | None
    output: str | None
    output_type: str | None
    idempotency_key: str | None
    key_expires_at: int | None


@dataclass(frozen=True, kw_only=True)
class TokenQuery:
    """Which tokens to list; None is no filter, moments are in milliseconds."""

    statuses: Sequence[str] | None = None
    tags: Sequence[str] | None = None
    key: str | None = None
    since: int = 0
    until: int = END - 2
    size: int = 25
    #: the page of older tokens than this
    after: str | None = None
    #: the page of newer tokens than this
    before: str | None = None


async def add(tx: Tx, token: Token, tags: Sequence[str]) -> None:
    """Store a new token."""
    await tx.run(
        "insert_token",
        id=token.id,
        environment=token.environment,
        created_at=token.created_at,
        timeout_at=token.timeout_at,
        idempotency_key=token.idempotency_key,
        key_expires_at=token.key_expires_at,
    )
    if tags:
        rows = [{"environment": token.environment, "tag": tag, "token": token.id} for tag in tags]
        await tx.run("insert_token_tags", tags=rows)


async def of_key(tx: Tx, environment: str, key: str) -> Token | None:
    """Lock and return the token that an idempotency key stands for, or None."""
    row = await tx.maybe("token_of_key", environment=environment, key=key)
    return Token(*row) if row else None


async def free_key(tx: Tx, token: str) -> None:
    """Let the key of a token stand for another."""
    await tx.run("free_token_key", id=token)


async def find(tx: Tx, token: str) -> Token | None:
    """Return a token, or None."""
    row = await tx.maybe("token", id=token)
    return Token(*row) if row else None


async def tags_of(tx: Tx, tokens: Sequence[str]) -> dict[str, list[str]]:
    """Return the tags of tokens, by token."""
    found: dict[str, list[str]] = {}
    for row in await tx.all("tags_of_tokens", tokens=tokens):
        found.setdefault(row["token"], []).append(row["tag"])
    return found


async def complete(
    tx: Tx, tokens: Sequence[str], *, now: int, by: str, output: str | None, output_type: str
) -> list[str]:
    """Complete tokens that wait; return those that did."""
    rows = await tx.all(
        "complete_tokens", tokens=tokens, now=now, completed_by=by, output=output, output_type=output_type
    )
    return [row["id"] for row in rows]


async def page(tx: Tx, environment: str, query: TokenQuery) -> tuple[list[Token], bool]:
    """Return a page of tokens, newest first, and whether more follow in the direction it was asked in."""
    forward = query.before is None
    rows = await tx.all(
        "tokens_before" if forward else "tokens_after",
        environment=environment,
        cursor=(query.after or "waitpoint_~") if forward else query.before,
        since=query.since,
        until=query.until,
        key=query.key,
        any_status=int(query.statuses is None),
        statuses=list(query.statuses or ()),
        any_tag=int(query.tags is None),
        tags=list(query.tags or ()),
        limit=query.size + 1,
    )
    found = [Token(*row) for row in rows[: query.size]]
    return found if forward else found[::-1], len(rows) > query.size
