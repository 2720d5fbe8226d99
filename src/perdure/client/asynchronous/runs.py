"""Runs, for asyncio."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from perdure.client.asynchronous.realtime import watch
from perdure.client.call import AsyncWatcher
from perdure.client.calls import realtime, telemetry
from perdure.client.calls import runs as calls
from perdure.client.pages import next_filters
from perdure.client.results import LONGEST_WAIT, Deadline
from perdure.core.duration import Duration
from perdure.core.errors import NotFound
from perdure.wire import runs as wire
from perdure.wire.telemetry import SpanDetail, Trace
from perdure.wire.waits import Snapshots
from perdure.wire.why import Why


class AsyncRuns:
    """What can be asked of runs, and done to them."""

    def __init__(self, client: AsyncWatcher) -> None:
        self._client = client

    async def retrieve(self, run: str) -> wire.Run:
        """Get a run in full.

        Raises:
            NotFound: there is no such run in this environment.
        """
        return await self._client.send(calls.retrieve(run))

    async def page(self, **filters: Any) -> wire.RunPage:
        """Get one page of runs, newest first.

        Args:
            filters: `status`, `task`, `tag`, `created_from`, … (a value or a list), `size`, `after`.
        """
        return await self._client.send(calls.list_runs(filters))

    async def list(self, **filters: Any) -> AsyncIterator[wire.ListedRun]:
        """Go through runs, newest first, fetching pages as they are needed; see `page`."""
        more: dict[str, Any] | None = filters
        while more is not None:
            page = await self.page(**more)
            for run in page.data:
                yield run
            more = next_filters(more, page)

    async def cancel(self, run: str) -> str:
        """Cancel a run and its unfinished children; return its id.  One that has ended stays as it is."""
        return (await self._client.send(calls.cancel(run))).id

    async def replay(
        self,
        run: str,
        *,
        from_: str | int | None = None,
        locals: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> str:
        """Trigger a new run like this one; return its id.

        Args:
            run: the run to replay.
            from_: where to begin: a checkpoint's key, the number of a stored state, or `"last"`; at the
                top by default.
            locals: new values of locals in that state, by name: that of the innermost function that has
                it, unless the name is `function.local`.
            changes: `payload` and the options of a trigger that are to differ.  With `from_`, a payload
                changes the task's parameters in that state.

        Raises:
            NotFound: there is no such run in this environment, or no such state of it.
            BadOption: there is no such local or option, or a value can't be.
        """
        call = calls.replay(run, changes, calls.begin_at(from_, locals))
        return (await self._client.send(call)).id

    async def snapshots(self, run: str) -> Snapshots:
        """Get the stored states of a run: where it stands, its checkpoints, and what it waits for.

        Raises:
            NotFound: there is no such run in this environment.
        """
        return await self._client.send(calls.snapshots(run))

    async def reschedule(self, run: str, delay: Duration | datetime) -> wire.Run:
        """Change when a delayed run starts.

        Raises:
            Unprocessable: the run is not delayed any more.
        """
        return await self._client.send(calls.reschedule(run, delay))

    async def bump(self, run: str) -> None:
        """Put a run that stands in line first in its queue; limits, rates and pauses hold for it too.

        Raises:
            NotFound: there is no such run in this environment.
            Unprocessable: it does not stand in line; the message says where it is.
        """
        await self._client.send(calls.bump(run))

    async def why(self, run: str) -> Why:
        """Tell why a run is not running: the reasons that hold now, each with a sentence and the next step.

        Raises:
            NotFound: there is no such run in this environment.
        """
        return await self._client.send(calls.why(run))

    async def result(self, run: str, timeout: Duration | None = None) -> wire.RunResult:
        """Wait until a run has ended, and return how.

        Args:
            run: the run.
            timeout: how long to wait; for ever by default.

        Raises:
            TimeoutError: it has not ended in time.
            NotFound: there is no such run in this environment.
        """
        deadline = Deadline(run, timeout)
        known = False
        while True:
            try:
                return await self._client.send(calls.result(run, deadline.next_wait()))
            except NotFound:
                # The endpoint says so of unfinished runs as well.
                known = known or bool(await self.retrieve(run))
                deadline.check()

    async def poll(self, run: str, timeout: Duration | None = None) -> wire.Run:
        """Wait until a run has ended, as `result` does, and get it in full."""
        await self.result(run, timeout)
        return await self.retrieve(run)

    async def events(self, run: str, *, follow: bool = False) -> AsyncIterator[wire.Event]:
        """Go through what happened in a run, its log lines included.

        Args:
            run: the run.
            follow: wait for what is still to happen, until the run has ended.
        """
        after, done = 0, False
        while not done:
            found = await self._client.send(calls.events(run, after, LONGEST_WAIT if follow else 0))
            for event in found.events:
                yield event
            after = found.events[-1].sequence if found.events else after
            done = found.done or not (follow or found.events)

    async def trace(self, run: str) -> Trace:
        """Get the trace of a run and of those it triggered: its life, its spans and its log, as a tree.

        Raises:
            NotFound: there is no such run in this environment.
        """
        found = (await self._client.send(telemetry.trace(run))).trace
        assert found is not None  # it is left out only where pages are asked for
        return found

    async def span(self, run: str, span: str) -> SpanDetail:
        """Get one span of a run's trace in full.

        Raises:
            NotFound: there is no such run in this environment, or no such span of it.
        """
        return await self._client.send(telemetry.span(run, span))

    def subscribe(self, run: str, *, skip: Sequence[str] = ()) -> AsyncIterator[wire.Run]:
        """Go through the states of a run, from the present one to its last.

        Who reads slowly gets the run as it is then, and not each state it went through.  A connection that
        breaks is made again, and no change is lost.

        Args:
            run: the run.
            skip: fields to leave out, such as `payload` and `output`.

        Raises:
            NotFound: there is no such run in this environment.
        """
        return watch(self._client, realtime.run(run, skip))

    def subscribe_tags(
        self, *tags: str, skip: Sequence[str] = (), since: Duration | None = None
    ) -> AsyncIterator[wire.Run]:
        """Go through the runs that have all of some tags, new ones too, and their changes; for ever.

        Args:
            tags: at least one.
            skip: fields to leave out.
            since: only runs made within so long before now, or later; a day by default, and at most.
        """
        return watch(self._client, realtime.tags(tags, skip, since))

    def subscribe_batch(self, batch: str, *, skip: Sequence[str] = ()) -> AsyncIterator[wire.Run]:
        """Go through the runs of a batch and their changes, until all have ended.

        Args:
            batch: the batch.
            skip: fields to leave out.

        Raises:
            NotFound: there is no such batch in this environment.
        """
        return watch(self._client, realtime.batch(batch, skip))

    async def add_tags(self, run: str, *tags: str) -> None:
        """Add tags to a run; ten in all at most."""
        await self._client.send(calls.add_tags(run, [*tags]))

    async def metadata(self, run: str) -> dict[str, Any]:
        """Get a run's metadata."""
        return (await self._client.send(calls.get_metadata(run))).metadata

    async def update_metadata(self, run: str, change: wire.UpdateMetadata) -> dict[str, Any]:
        """Change a run's metadata, its parent's or its root's; return the run's own."""
        return (await self._client.send(calls.update_metadata(run, change))).metadata
