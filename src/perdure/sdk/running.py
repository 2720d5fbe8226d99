"""`runs`: runs as they change, for `async for`."""

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from perdure import wire
from perdure.core.duration import Duration
from perdure.sdk.handle import clients


class Runs:
    """Runs that are watched.

    Who reads slowly gets a run as it is then, and not each state it went through.  A connection that breaks
    is made again, and no change is lost.
    """

    def subscribe(self, run: str | Any, *, skip: Sequence[str] = ()) -> AsyncIterator[wire.runs.Run]:
        """Go through the states of a run, from the present one to its last.

        Args:
            run: its id, or its handle.
            skip: fields to leave out, such as `payload` and `output`.

        Raises:
            NotFound: there is no such run in this environment.
        """
        return clients.asynchronous.runs.subscribe(_id(run), skip=skip)

    def subscribe_sync(self, run: str | Any, *, skip: Sequence[str] = ()) -> Iterator[wire.runs.Run]:
        """Go through the states of a run as `subscribe` does, blocking."""
        return clients.blocking.runs.subscribe(_id(run), skip=skip)

    def subscribe_tags(
        self, *tags: str, skip: Sequence[str] = (), since: Duration | None = None
    ) -> AsyncIterator[wire.runs.Run]:
        """Go through the runs that have all of some tags, new ones too, and their changes; for ever.

        Args:
            tags: at least one.
            skip: fields to leave out.
            since: only runs made within so long before now, or later; a day by default, and at most.
        """
        return clients.asynchronous.runs.subscribe_tags(*tags, skip=skip, since=since)

    def subscribe_batch(self, batch: str | Any, *, skip: Sequence[str] = ()) -> AsyncIterator[wire.runs.Run]:
        """Go through the runs of a batch and their changes, until all have ended.

        Args:
            batch: its id.
            skip: fields to leave out.

        Raises:
            NotFound: there is no such batch in this environment.
        """
        return clients.asynchronous.runs.subscribe_batch(_id(batch), skip=skip)


def _id(one: str | Any) -> str:
    return one if isinstance(one, str) else one.id


runs = Runs()
"""Runs that are watched."""
