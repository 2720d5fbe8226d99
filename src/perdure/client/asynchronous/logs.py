"""The log lines of all runs, for asyncio."""

from collections.abc import AsyncIterator
from typing import Any

from perdure.client.call import AsyncSender
from perdure.client.calls import telemetry as calls
from perdure.client.results import LONGEST_WAIT
from perdure.wire.telemetry import FoundLine


class AsyncLogs:
    """The log lines of an environment."""

    def __init__(self, client: AsyncSender) -> None:
        self._client = client

    async def search(self, **filters: Any) -> AsyncIterator[FoundLine]:
        """Go through log lines, newest first, fetching pages as they are needed.

        Args:
            filters: `text` (part of the message), `level` (one or several), `task`, `run`, `from_` and `to`
                (moments), and `size` of a page.

        Raises:
            BadOption: there is no such level.
        """
        more: dict[str, Any] | None = filters
        while more is not None:
            page = await self._client.send(calls.search(more))
            for line in page.data:
                yield line
            following = page.pagination.next
            more = {**filters, "after": following} if following else None

    async def follow(self, **filters: Any) -> AsyncIterator[FoundLine]:
        """Go through log lines as they come, from now on and without end.

        Args:
            filters: `text`, `level`, `task` and `run`, as of `search`.
        """
        cursor = (await self._client.send(calls.tail(filters, None, 0))).cursor
        while True:
            told = await self._client.send(calls.tail(filters, cursor, LONGEST_WAIT))
            for line in told.data:
                yield line
            cursor = told.cursor
