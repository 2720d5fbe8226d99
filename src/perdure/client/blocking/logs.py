# Written by ./dev gen from perdure/client/asynchronous; edit that.

"""The log lines of all runs, for blocking code."""

from collections.abc import Iterator
from typing import Any

from perdure.client.call import Sender
from perdure.client.calls import telemetry as calls
from perdure.client.results import LONGEST_WAIT
from perdure.wire.telemetry import FoundLine


class Logs:
    """The log lines of an environment."""

    def __init__(self, client: Sender) -> None:
        self._client = client

    def search(self, **filters: Any) -> Iterator[FoundLine]:
        """Go through log lines, newest first, fetching pages as they are needed.

        Args:
            filters: `text` (part of the message), `level` (one or several), `task`, `run`, `from_` and `to`
                (moments), and `size` of a page.

        Raises:
            BadOption: there is no such level.
        """
        more: dict[str, Any] | None = filters
        while more is not None:
            page = self._client.send(calls.search(more))
            yield from page.data
            following = page.pagination.next
            more = {**filters, "after": following} if following else None

    def follow(self, **filters: Any) -> Iterator[FoundLine]:
        """Go through log lines as they come, from now on and without end.

        Args:
            filters: `text`, `level`, `task` and `run`, as of `search`.
        """
        cursor = (self._client.send(calls.tail(filters, None, 0))).cursor
        while True:
            told = self._client.send(calls.tail(filters, cursor, LONGEST_WAIT))
            yield from told.data
            cursor = told.cursor
