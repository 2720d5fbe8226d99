"""What can be triggered: a task, with the options of its next triggers."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Generic, ParamSpec, TypeVar, Unpack

from perdure import client, sdk, wire
from perdure.core.names import check_options
from perdure.sdk import children, context
from perdure.sdk.handle import RunHandle, clients
from perdure.sdk.idempotency import idempotency_key
from perdure.sdk.options import TriggerOptions
from perdure.sdk.payload import Definition

P = ParamSpec("P")
R = TypeVar("R")


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
        if is_awaited and inside.environment.type is not wire.values.EnvironmentType.DEV:
            options.setdefault("version", inside.worker.version)
        family = children.current()
        has_key = options.get("idempotency_key") is not None
        link = client.calls.runs.Link(
            inside.run.id,
            is_awaited=is_awaited,
            implicit_key=family.key(self._task.id, payload) if family and not has_key else None,
        )
        return client.calls.runs.trigger(self._task.id, payload, options, link)

    def _handle(self, made: wire.runs.Triggered) -> RunHandle[R]:
        return RunHandle(
            made.id, task=self._task.id, is_cached=made.is_cached, shape=self._task.shape, clients=clients
        )
