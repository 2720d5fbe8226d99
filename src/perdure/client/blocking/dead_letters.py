# Written by ./dev gen from perdure/client/asynchronous; edit that.

"""Dead letters, for blocking code."""

from collections.abc import Iterator
from typing import Any

from perdure.client.call import Sender
from perdure.client.calls import dead_letters as calls
from perdure.wire import dead_letters as wire


class DeadLetters:
    """Runs that failed for good and wait for somebody, of tasks and queues with `dead_letters=True`."""

    def __init__(self, client: Sender) -> None:
        self._client = client

    def page(self, **filters: Any) -> wire.DeadLetterPage:
        """Get one page of letters, those that failed last first.

        Args:
            filters: `task`, `queue`, `status` (a value or a list), `failed_from`, `failed_to` (moments),
                `period` (failed in this last time), `state` (`"open"`, `"redriven"` or `"all"`), `size`,
                `after`.
        """
        return self._client.send(calls.page(filters))

    def list(self, **filters: Any) -> Iterator[wire.DeadLetter]:
        """Go through letters, fetching pages as they are needed; see `page`."""
        after = filters.pop("after", None)
        while True:
            page = self.page(**filters, after=after)
            yield from page.data
            after = page.pagination.next
            if after is None:
                return

    def retrieve(self, run: str) -> wire.DeadLetter:
        """Get the letter of a run.

        Raises:
            NotFound: it has none.
        """
        return self._client.send(calls.retrieve(run))

    def redrive(self, *runs: str, all: bool = False, **filters: Any) -> dict[str, str]:
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
            done = self._client.send(calls.redrive(chosen))
            made |= {one.run: one.redriven_as for one in done.redriven}
            chosen = calls.rest(chosen, done)
        return made

    def discard(self, *runs: str, all: bool = False, **filters: Any) -> int:
        """Take failed runs off the list; return how many.  Takes and raises as `redrive` does."""
        chosen = calls.choose(runs, all, filters)
        count = 0
        while chosen is not None:
            done = self._client.send(calls.discard(chosen))
            count += len(done.discarded)
            chosen = calls.rest(chosen, done)
        return count
