"""What can be triggered: a task, with the options of its next triggers."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Coroutine, Iterable
from typing import Any, Generic, ParamSpec, TypeAlias, TypeVar, Unpack

from perdure import client, sdk, wire
from perdure.core.names import check_options
from perdure.sdk import children, context, span
from perdure.sdk.batch_results import BatchResults
from perdure.sdk.batches import BatchHandle, BatchItem, Source, send, send_sync
from perdure.sdk.handle import RunHandle, clients
from perdure.sdk.idempotency import idempotency_key
from perdure.sdk.options import TriggerOptions
from perdure.sdk.payload import Definition

P = ParamSpec("P")
R = TypeVar("R")

Items: TypeAlias = Iterable[Any]
"""Items of a batch: mappings of parameters, single values, or `task.item(…)`."""


class Triggerable(Generic[P, R]):
    """A task with the options of its next triggers."""

    def __init__(self, task: Definition, options: TriggerOptions) -> None:
        self._task = task
        self._options = options

    def options(self, **options: Unpack[TriggerOptions]) -> Triggerable[P, R]:
        """Return the same with more options.

        Raises:
            BadOption: an option is unknown; the nearest is named.
        """
        check_options(options, TriggerOptions.__annotations__)
        return Triggerable(self._task, {**self._options, **options})

    async def trigger(self, *args: P.args, **kwargs: P.kwargs) -> RunHandle[R]:
        """Trigger a run, with the parameters of the function; return a handle as soon as it is stored.

        Raises:
            PayloadInvalid: the arguments do not fit the function's annotations.
            BadOption: an option has a value it can't have.
            ServerUnreachable: no server answers.
        """
        call = self._call(args, kwargs)
        return self._handle(await clients.asynchronous.send(call))

    def trigger_sync(self, *args: P.args, **kwargs: P.kwargs) -> RunHandle[R]:
        """Trigger a run as `trigger` does, from blocking code."""
        call = self._call(args, kwargs)
        return self._handle(clients.blocking.send(call))

    async def trigger_and_subscribe(self, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[wire.runs.Run]:
        """Trigger a run, and go through its states to the last, by `async for`; see `runs.subscribe`."""
        handle = await self.trigger(*args, **kwargs)
        async for run in handle.subscribe():
            yield run

    def trigger_and_wait(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:
        """Trigger a run and wait for its result; the run that waits holds nothing meanwhile.

        When nobody wants the result any more (the other branch of a `race` won), the run is canceled.

        Raises:
            RunFailed: the run did not succeed.
            RecursiveWait: an idempotency key stands for the run that waits, or one above it.
            OutsideRun: this is no task; `trigger`, and then `result`, work everywhere.
        """
        context.check_waits("trigger_and_wait")
        return sdk.waits.run_child(self._task, self._call(args, kwargs, is_awaited=True))

    def trigger_and_wait_sync(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Trigger a run and wait for its result, blocking, in a task that is a plain `def`.

        It keeps its process meanwhile, but no slot.  Raises what `trigger_and_wait` raises.
        """
        context.check_blocking("trigger_and_wait_sync")
        return sdk.waits.run_child_blocking(self._task, self._call(args, kwargs, is_awaited=True))

    def item(self, *args: P.args, **kwargs: P.kwargs) -> BatchItem[R]:
        """Return an item for a batch: this task, with these arguments and the options said so far."""
        return BatchItem(self._task, args, kwargs, self._options)

    async def batch_trigger(self, items: Items | AsyncIterable[Any]) -> BatchHandle[R]:
        """Trigger a run of each item; return a handle as soon as all are stored.

        A stream is sent as it comes, so that its length does not matter.  An idempotency key among the
        options is the batch's: a second call gives the first one's runs.

        Args:
            items: each a mapping of parameters; or the value of a task that takes one; or `task.item(…)`.

        Raises:
            PayloadInvalid, BadOption, TypeError: an item does not fit; its number is named.
            ServerUnreachable: no server answers.
        """
        return BatchHandle(await send(Source(items, self._task, self._options)))

    def batch_trigger_sync(self, items: Items) -> BatchHandle[R]:
        """Trigger a batch as `batch_trigger` does, from blocking code."""
        return BatchHandle(send_sync(Source(items, self._task, self._options)))

    def batch_trigger_and_wait(
        self, items: Items | AsyncIterable[Any]
    ) -> Coroutine[Any, Any, BatchResults[R]]:
        """Trigger a run of each item and wait for all; see `batch.trigger_and_wait`."""
        context.check_waits("batch_trigger_and_wait")
        return sdk.batch_waits.run_batch(Source(items, self._task, self._options, is_awaited=True))

    def batch_trigger_and_wait_sync(self, items: Items) -> BatchResults[R]:
        """Trigger a batch and wait for it, blocking, in a task that is a plain `def`.

        It keeps its process meanwhile, but no slot.
        """
        context.check_blocking("batch_trigger_and_wait_sync")
        return sdk.batch_waits.run_batch_blocking(Source(items, self._task, self._options, is_awaited=True))

    def _call(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], *, is_awaited: bool = False
    ) -> client.call.Call[Any, wire.runs.Triggered]:
        payload = self._task.shape.encode(args, kwargs)
        options: dict[str, Any] = {**self._options}
        if isinstance(options.get("idempotency_key"), str):
            options["idempotency_key"] = idempotency_key(options["idempotency_key"])
        inside = context.current()
        if inside is None:
            return client.calls.runs.trigger(self._task.id, payload, options)
        family = children.current()
        has_key = options.get("idempotency_key") is not None
        link = client.calls.runs.Link(
            inside.run.id,
            is_awaited=is_awaited,
            implicit_key=family.key(self._task.id, payload) if family and not has_key else None,
            version=context.version_of_children() if is_awaited else None,
            traceparent=span.for_child(inside.run.root_id or inside.run.id),
        )
        return client.calls.runs.trigger(self._task.id, payload, options, link)

    def _handle(self, made: wire.runs.Triggered) -> RunHandle[R]:
        return RunHandle(
            made.id, task=self._task.id, is_cached=made.is_cached, shape=self._task.shape, clients=clients
        )
