# Written by ./dev gen from perdure/client/asynchronous; edit that.

"""Queues at run time, for blocking code."""

from collections.abc import Iterator
from typing import Any

from perdure.client.call import Sender
from perdure.client.calls import queues as calls
from perdure.core.duration import Duration
from perdure.wire import queues as wire


class Queues:
    """Queues: who waits, who runs, and how many may.

    A queue is given by its name (of a task's own queue `"task/<id>"`), its id, or as what `perdure.queue`
    made.
    """

    def __init__(self, client: Sender) -> None:
        self._client = client

    def list(self, **filters: Any) -> Iterator[wire.Queue]:
        """Go through all queues, by name, fetching pages as they are needed.

        Args:
            filters: `page` (where to begin; the first is 1), `per_page` (100 at most).
        """
        number = last = filters.pop("page", 1)
        while number <= last:
            page = self._client.send(calls.page({"per_page": 100, **filters, "page": number}))
            yield from page.data
            number, last = number + 1, page.pagination.total_pages

    def retrieve(self, queue: Any) -> wire.Queue:
        """Get a queue.

        Raises:
            NotFound: there is none; the nearest name is told.
        """
        return self._client.send(calls.retrieve(queue))

    def keys(self, queue: Any, *, limit: int = 20) -> wire.QueueKeys:
        """Get a queue with its concurrency keys that have the most runs waiting.

        Args:
            queue: which.
            limit: how many keys at most, 1 to 100.

        Raises:
            NotFound: there is none; the nearest name is told.
        """
        return self._client.send(calls.keys(queue, limit))

    def pause(self, queue: Any) -> wire.Queue:
        """Begin no attempt from a queue until it is resumed; what has begun goes on.

        Raises:
            NotFound: there is none; the nearest name is told.
        """
        return self._client.send(calls.pause(queue, "pause"))

    def resume(self, queue: Any) -> wire.Queue:
        """Start runs from a paused queue again.

        Raises:
            NotFound: there is none; the nearest name is told.
        """
        return self._client.send(calls.pause(queue, "resume"))

    def override_concurrency_limit(self, queue: Any, concurrency_limit: int) -> wire.Queue:
        """Put another limit in place of the one in the code, until it is reset; new versions keep it.

        Args:
            queue: which.
            concurrency_limit: how many runs of each concurrency key may run at once, 0 to 100,000.

        Raises:
            BadOption: the limit can't be.
            NotFound: there is no such queue; the nearest name is told.
        """
        return self._client.send(calls.override(queue, concurrency_limit))

    def reset_concurrency_limit(self, queue: Any) -> wire.Queue:
        """Go back to the limit in the code.

        Raises:
            NotFound: there is none; the nearest name is told.
        """
        return self._client.send(calls.reset(queue))


class Environment:
    """The key's environment as a whole: its limit, its load, and whether it is paused."""

    def __init__(self, client: Sender) -> None:
        self._client = client

    def retrieve(self) -> wire.EnvironmentLoad:
        """Get the environment."""
        return self._client.send(calls.environment())

    def pause(self) -> wire.EnvironmentLoad:
        """Begin no attempt in the environment until it is resumed; what has begun goes on."""
        return self._client.send(calls.pause_environment("pause"))

    def resume(self) -> wire.EnvironmentLoad:
        """Start runs in the environment again."""
        return self._client.send(calls.pause_environment("resume"))

    def set_default_ttl(self, ttl: Duration | None) -> wire.EnvironmentLoad:
        """Set how long runs may wait for a worker, if neither their trigger nor their task says.

        Args:
            ttl: of runs that are triggered from now on; 0 for ever, None as the server says.

        Raises:
            BadDuration: it is no duration.
        """
        return self._client.send(calls.set_default_ttl(ttl))

    def limit(
        self, concurrency_limit: int | None, *, burst_factor: float | None = None
    ) -> wire.EnvironmentLoad:
        """Set how many runs may run at once.

        Args:
            concurrency_limit: of the environment, and of any one queue in it, 0 to 100,000; None for none.
            burst_factor: all queues together may have so many times the limit, 1 to 100; None leaves it.

        Raises:
            BadOption: one can't be what it is.
        """
        return self._client.send(calls.limit_environment(concurrency_limit, burst_factor))
