"""Tokens that runs wait for, for asyncio."""

from collections.abc import AsyncIterator
from typing import Any

from perdure.client.call import AsyncSender
from perdure.client.calls import tokens as calls
from perdure.client.pages import next_filters
from perdure.wire import waits as wire


class AsyncTokens:
    """Tokens that runs wait for until somebody answers."""

    def __init__(self, client: AsyncSender) -> None:
        self._client = client

    async def create(self, **options: Any) -> wire.CreatedToken:
        """Make a token.

        Args:
            options: `timeout` (a duration or moment; 10 minutes by default), `tags`, `idempotency_key`,
                `idempotency_key_ttl`.
        """
        return await self._client.send(calls.create(options))

    async def retrieve(self, token: str) -> wire.Token:
        """Get a token.

        Raises:
            NotFound: there is none of this id.
        """
        return await self._client.send(calls.retrieve(token))

    async def list(self, **filters: Any) -> AsyncIterator[wire.Token]:
        """Go through tokens, newest first.

        Args:
            filters: `status`, `tags`, `idempotency_key`, `created_from`, `created_to`, `period`, `size`.
        """
        more: dict[str, Any] | None = filters
        while more is not None:
            page = await self._client.send(calls.page(more))
            for token in page.data:
                yield token
            more = next_filters(more, page)

    async def complete(self, token: str, data: Any = None) -> None:
        """Complete a token; of several answers the first counts.

        Raises:
            NotFound: there is none of this id.
        """
        await self._client.send(calls.complete(token, data))
