# Written by ./dev gen from perdure/client/asynchronous; edit that.

"""Tokens that runs wait for, for blocking code."""

from collections.abc import Iterator
from typing import Any

from perdure.client.call import Sender
from perdure.client.calls import tokens as calls
from perdure.client.pages import next_filters
from perdure.wire import waits as wire


class Tokens:
    """Tokens that runs wait for until somebody answers."""

    def __init__(self, client: Sender) -> None:
        self._client = client

    def create(self, **options: Any) -> wire.CreatedToken:
        """Make a token.

        Args:
            options: `timeout` (a duration or moment; 10 minutes by default), `tags`, `idempotency_key`,
                `idempotency_key_ttl`.
        """
        return self._client.send(calls.create(options))

    def retrieve(self, token: str) -> wire.Token:
        """Get a token.

        Raises:
            NotFound: there is none of this id.
        """
        return self._client.send(calls.retrieve(token))

    def list(self, **filters: Any) -> Iterator[wire.Token]:
        """Go through tokens, newest first.

        Args:
            filters: `status`, `tags`, `idempotency_key`, `created_from`, `created_to`, `period`, `size`.
        """
        more: dict[str, Any] | None = filters
        while more is not None:
            page = self._client.send(calls.page(more))
            yield from page.data
            more = next_filters(more, page)

    def complete(self, token: str, data: Any = None) -> None:
        """Complete a token; of several answers the first counts.

        Raises:
            NotFound: there is none of this id.
        """
        self._client.send(calls.complete(token, data))
