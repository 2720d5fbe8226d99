"""Batches: many runs triggered as one, of one task or of several."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Coroutine, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar, Unpack

from perdure import client, sdk, wire
from perdure.core.duration import Duration
from perdure.core.errors import BadOption
from perdure.core.names import check_options
from perdure.sdk import children, context, span
from perdure.sdk.batch_results import BatchResults, merged
from perdure.sdk.handle import RunHandle, clients
from perdure.sdk.idempotency import idempotency_key
from perdure.sdk.options import TriggerOptions
from perdure.sdk.payload import Definition

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


@dataclass(frozen=True)
class BatchItem(Generic[R_co]):
    """One run of a batch that is to be: a task, its arguments, and options of its own."""

    task: Definition
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    given: TriggerOptions

    def options(self, **options: Unpack[TriggerOptions]) -> BatchItem[R_co]:
        """Return the same with more options.

        Raises:
            BadOption: an option is unknown; the nearest is named.
        """
        check_options(options, TriggerOptions.__annotations__)
        return replace(self, given={**self.given, **options})


@dataclass
class Sent:
    """The batches that items were sent in: 1,000 in each at most."""

    tasks: dict[str, Definition]
    ids: list[str] = field(default_factory=list)
    #: those that no idempotency key of the user's stood for
    own: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, made: wire.batches.CreatedBatch, *, has_key: bool) -> None:
        """Take note of a batch."""
        self.ids.append(made.id)
        self.count += made.run_count
        if not (has_key and made.is_cached):
            self.own.append(made.id)


class Source:
    """Where items come from, and what is sent of each."""

    def __init__(
        self, items: Any, task: Definition | None, options: TriggerOptions, *, is_awaited: bool = False
    ) -> None:
        """Take items of any kind.

        Args:
            items: what is to be gone through.
            task: of all items, or None if each brings its own.
            options: of all items; an idempotency key among them is the batch's.
            is_awaited: whether the run that triggers them waits for their results.
        """
        self.items = client.chunks.check_items(items)
        self.tasks: dict[str, Definition] = {}
        self._task = task
        self._options: dict[str, Any] = {**options}
        given = self._options.pop("idempotency_key", None)
        self.key = idempotency_key(given) if isinstance(given, str) else given
        inside = context.current()
        self.link = client.calls.runs.Link(inside.run.id, is_awaited=is_awaited) if inside else None
        self._version = context.version_of_children() if is_awaited else None
        self._traceparent = span.for_child(inside.run.root_id or inside.run.id) if inside else None

    def pack(self, number: int, item: Any) -> client.chunks.Packed:
        """Return what is sent of an item, given its number.

        Raises:
            PayloadInvalid, TypeError: the arguments do not fit the task.
            BadOption: it is of another task, or of none.
        """
        task, payload, given = self._read(item)
        self.tasks[task.id] = task
        options = {**self._options, **given}
        key = options.get("idempotency_key")
        if key is not None:
            options["idempotency_key"] = idempotency_key(key) if isinstance(key, str) else key
        derived = None if self.key is None else client.calls.batches.key_of_item(self.key, number)
        family = children.current() if key is None and derived is None else None
        implicit = family.key(task.id, payload) if family else None
        return client.calls.batches.pack(
            task.id,
            payload,
            options,
            implicit_key=implicit,
            derived_key=derived,
            version=self._version,
            traceparent=self._traceparent,
        )

    def _read(self, item: Any) -> tuple[Definition, Any, TriggerOptions]:
        if not isinstance(item, BatchItem):
            if self._task is None:
                raise BadOption(option="item", value=item, expected="task.item(…), with its arguments")
            return self._task, self._task.shape.encode_item(item), {}
        if self._task is not None and item.task.id != self._task.id:
            raise BadOption(
                option=f"item of {self._task.id}.batch_trigger",
                value=item.task.id,
                expected="items of its own task; use perdure.batch.trigger for several tasks",
            )
        return item.task, item.task.shape.encode(item.args, item.kwargs), item.given


async def send(source: Source) -> Sent:
    """Send items as they come."""
    sent = Sent(source.tasks)
    sending = clients.asynchronous.batches.send(source.items, source.pack, key=source.key, link=source.link)
    async for made in sending:
        sent.add(made, has_key=source.key is not None)
    return sent


def send_sync(source: Source) -> Sent:
    """Send items as they come, blocking."""
    sent = Sent(source.tasks)
    sending = clients.blocking.batches.send(source.items, source.pack, key=source.key, link=source.link)
    for made in sending:
        sent.add(made, has_key=source.key is not None)
    return sent


class BatchHandle(Generic[R_co]):
    """A batch that was triggered; R is what its tasks return.

    Of more than 1,000 items several batches are made underneath; here they are one.
    """

    def __init__(self, sent: Sent) -> None:
        #: of the batches underneath, in the order of the items
        self.ids = tuple(sent.ids)
        #: how many items there are
        self.count = sent.count
        self._tasks = sent.tasks

    @property
    def id(self) -> str:
        """The id of the batch, or of the first; empty if there was no item."""
        return self.ids[0] if self.ids else ""

    async def retrieve(self) -> wire.batches.Batch:
        """Get the batch: its status, its runs, and which items became none."""
        return merged([await clients.asynchronous.batches.retrieve(id) for id in self.ids])

    def retrieve_sync(self) -> wire.batches.Batch:
        """Get the batch as `retrieve` does, blocking."""
        return merged([clients.blocking.batches.retrieve(id) for id in self.ids])

    async def runs(self) -> AsyncIterator[RunHandle[R_co]]:
        """Go through handles of the runs, in the order of the items, by `async for`."""
        for id in self.ids:
            for handle in self._handles(await clients.asynchronous.batches.retrieve(id)):
                yield handle

    def runs_sync(self) -> Iterator[RunHandle[R_co]]:
        """Go through handles of the runs as `runs` does, blocking."""
        for id in self.ids:
            yield from self._handles(clients.blocking.batches.retrieve(id))

    async def results(self, timeout: Duration | None = None) -> BatchResults[R_co]:
        """Wait until all runs have ended, and return what became of each, in the order of the items.

        In a task, prefer `batch_trigger_and_wait`: a run that waits so holds its process.

        Args:
            timeout: how long to wait for each 1,000; for ever by default.

        Raises:
            TimeoutError: some run has not ended in time; all go on.
            BatchClosed: the batch was canceled before all its items were there.
        """
        results = BatchResults[R_co](self.ids, self._tasks)
        for id in self.ids:
            async for item in clients.asynchronous.batches.results(id, timeout):
                results.add(item)
        return results

    def results_sync(self, timeout: Duration | None = None) -> BatchResults[R_co]:
        """Wait as `results` does, blocking."""
        results = BatchResults[R_co](self.ids, self._tasks)
        for id in self.ids:
            for item in clients.blocking.batches.results(id, timeout):
                results.add(item)
        return results

    async def cancel(self) -> int:
        """Cancel the runs and their unfinished children; return how many had not ended."""
        return sum([await clients.asynchronous.batches.cancel(id) for id in self.ids])

    def cancel_sync(self) -> int:
        """Cancel the runs as `cancel` does, blocking."""
        return sum([clients.blocking.batches.cancel(id) for id in self.ids])

    def _handles(self, batch: wire.batches.Batch) -> Iterator[RunHandle[R_co]]:
        for run, task in zip(batch.runs, batch.tasks, strict=True):
            shape = self._tasks[task].shape
            yield RunHandle(run, task=task, is_cached=False, shape=shape, clients=clients)

    def __repr__(self) -> str:
        return f"<BatchHandle {self.id or 'of nothing'}: {self.count} items>"


class Batches:
    """Batches of runs of different tasks; `task.batch_trigger` makes those of one."""

    async def trigger(
        self, items: Iterable[BatchItem[R]] | AsyncIterable[BatchItem[R]], *, idempotency_key: Any = None
    ) -> BatchHandle[R]:
        """Trigger a run of each item; return a handle as soon as all are stored.

        Args:
            items: each `task.item(…)`, of any task; a stream is sent as it comes.
            idempotency_key: a second call with the same key gives the first one's runs.

        Raises:
            PayloadInvalid, BadOption, TypeError: an item does not fit; its number is named.
            ServerUnreachable: no server answers.
        """
        return BatchHandle(await send(Source(items, None, {"idempotency_key": idempotency_key})))

    def trigger_sync(self, items: Iterable[BatchItem[R]], *, idempotency_key: Any = None) -> BatchHandle[R]:
        """Trigger a batch as `trigger` does, from blocking code."""
        return BatchHandle(send_sync(Source(items, None, {"idempotency_key": idempotency_key})))

    def trigger_and_wait(
        self, items: Iterable[BatchItem[R]] | AsyncIterable[BatchItem[R]], *, idempotency_key: Any = None
    ) -> Coroutine[Any, Any, BatchResults[R]]:
        """Trigger a run of each item and wait for all; the run that waits holds nothing meanwhile.

        Runs that do not succeed raise nothing: each result says how it went, and `.unwrap()` of all of
        them raises.  When nobody wants the results any more, the runs are canceled.

        Raises:
            OutsideRun: this is no task; `trigger`, and then `results`, work everywhere.
        """
        context.check_waits("batch.trigger_and_wait")
        return sdk.batch_waits.run_batch(
            Source(items, None, {"idempotency_key": idempotency_key}, is_awaited=True)
        )

    def trigger_and_wait_sync(
        self, items: Iterable[BatchItem[R]], *, idempotency_key: Any = None
    ) -> BatchResults[R]:
        """Trigger a batch and wait for it, blocking, in a task that is a plain `def`.

        It keeps its process meanwhile, but no slot.  Raises what `trigger_and_wait` raises.
        """
        context.check_blocking("batch.trigger_and_wait_sync")
        return sdk.batch_waits.run_batch_blocking(
            Source(items, None, {"idempotency_key": idempotency_key}, is_awaited=True)
        )

    async def retrieve(self, batch: str) -> wire.batches.Batch:
        """Get a batch by its id.

        Raises:
            NotFound: there is none.
        """
        return await clients.asynchronous.batches.retrieve(batch)

    def retrieve_sync(self, batch: str) -> wire.batches.Batch:
        """Get a batch as `retrieve` does, blocking."""
        return clients.blocking.batches.retrieve(batch)


batch = Batches()
"""Batches of runs of different tasks."""
