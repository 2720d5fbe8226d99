"""Dead letters, for asyncio."""

from collections.abc import AsyncIterator
from typing import Any

from perdure.client.call import AsyncSender
from perdure.client.calls import dead_letters as calls
from perdure.wire import dead_letters as wire


class AsyncDeadLetters:
    """Runs that failed for good and wait for somebody, of tasks and queues with `dead_letters=True`."""

    def __init__(self, client: AsyncSender) -> None:
        self._client = client

    async def page(self, **filters: Any) -> wire.DeadLetterPage:
        """Get one page of letters, those that failed last first.

        Args:
            filters: `task`, `queue`, `status` (a value or a list), `failed_from`, `failed_to` (moments),
                `period` (failed in this last time), `state` (`"open"`, `"redriven"` or `"all"`), `size`,
                `after`.
        """
        return await self._client.send(calls.page(filters))

    async def list(self, **filters: Any) -> AsyncIterator[wire.DeadLetter]:
        """Go through letters, fetching pages as they are needed; see `page`."""
        after = filters.pop("after", None)
        while True:
            page = await self.page(**filters, after=after)
            for letter in page.data:
                yield letter
            after = page.pagination.next
            if after is None:
                return

    async def retrieve(self, run: str) -> wire.DeadLetter:
        """Get the letter of a run.

        Raises:
            NotFound: it has none.
        """
        return await self._client.send(calls.retrieve(run))

    async def redrive(self, *runs: str, all: bool = False, **filters: Any) -> dict[str, str]:
        """Trigger failed runs again, with what they were triggered with; they leave the list.

        Args:
            runs: which ones, by id.
            all: instead of those, all on the list that pass the filters.
            filters: `task`, `queue`, `status`, `failed_from`, `failed_to` and `period`, as of `page`.

        Returns:
            The new run of each; of one that was redriven before, the run of that time.

        Raises:
            NotFound: a run that is named has no letter.
            BadOption: neither runs nor `all` say which.
        """
        chosen = calls.choose(runs, all, filters)
        made: dict[str, str] = {}
        while chosen is not None:
            done = await self._client.send(calls.redrive(chosen))
            made |= {one.run: one.redriven_as for one in done.redriven}
            chosen = calls.rest(chosen, done)
        return made

    async def discard(self, *runs: str, all: bool = False, **filters: Any) -> int:
        """Take failed runs off the list; return how many.  Takes and raises as `redrive` does."""
        chosen = calls.choose(runs, all, filters)
        count = 0
        while chosen is not None:
            done = await self._client.send(calls.discard(chosen))
            count += len(done.discarded)
            chosen = calls.rest(chosen, done)
        return count
