"""Tasks: functions that can be triggered."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import update_wrapper
from typing import Any, Generic, Literal, ParamSpec, TypedDict, TypeVar, Unpack, get_args, overload

from perdure import client, sdk, wire
from perdure.client.idempotency import IdempotencyKey
from perdure.core.duration import Duration, to_milliseconds
from perdure.core.errors import BadOption
from perdure.core.names import check_options
from perdure.core.placement import ISOLATIONS, MACHINES, Isolation
from perdure.core.retry import Retry
from perdure.sdk import children, context, registry
from perdure.sdk.handle import RunHandle, clients
from perdure.sdk.hooks import KINDS, H, Hook, Hooks
from perdure.sdk.idempotency import idempotency_key
from perdure.sdk.payload import Shape
from perdure.sdk.queues import Queue

P = ParamSpec("P")
R = TypeVar("R")

MAX_ID = 128

CodeChange = Literal["fail", "restart"]
"""What becomes of a parked run whose code is no longer there as it was."""


class TriggerOptions(TypedDict, total=False):
    """How one run is triggered; see `perdure.client.options`."""

    concurrency_key: str | None
    delay: Duration | datetime | None
    idempotency_key: str | IdempotencyKey | None
    idempotency_key_ttl: Duration | None
    machine: str | None
    max_attempts: int | None
    max_duration: Duration | None
    metadata: Any
    priority: float | None
    queue: Queue | str | None
    region: str | None
    tags: str | list[str] | None
    test: bool | None
    ttl: Duration | None
    version: str | None


@dataclass(frozen=True, kw_only=True)
class TaskOptions:
    """How all runs of a task are run, unless a trigger says otherwise."""

    description: str | None = None
    queue: Queue | str | None = None
    concurrency_limit: int | None = None
    retry: Retry | None = None
    machine: str | None = None
    max_duration: Duration | None = None
    ttl: Duration | None = None
    isolation: Isolation = "process"
    on_code_change: CodeChange = "fail"

    def __post_init__(self) -> None:
        """Refuse what can't be, by name."""
        if self.machine is not None and self.machine not in MACHINES:
            raise BadOption(option="machine", value=self.machine, expected=f"one of {', '.join(MACHINES)}")
        if self.isolation not in ISOLATIONS:
            raise BadOption(
                option="isolation", value=self.isolation, expected=f"one of {', '.join(ISOLATIONS)}"
            )
        if self.on_code_change not in get_args(CodeChange):
            raise BadOption(option="on_code_change", value=self.on_code_change, expected="fail or restart")
        for limit in (self.max_duration, self.ttl):
            if limit is not None:
                to_milliseconds(limit)
        if self.queue is not None and self.concurrency_limit is not None:
            raise BadOption(
                option="concurrency_limit",
                value=self.concurrency_limit,
                expected="to be said on the queue, when the task has one: queue(name, concurrency_limit=…)",
            )

    def over(self, defaults: TaskOptions) -> TaskOptions:
        """Return these options, with the defaults where they say nothing."""
        blank = TaskOptions()
        said = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(
            defaults, **{name: value for name, value in said.items() if value != getattr(blank, name)}
        )


class Triggerable(Generic[P, R]):
    """A task with the options of its next triggers."""

    def __init__(self, task: Task[P, R], options: TriggerOptions) -> None:
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
    ) -> client.calls.Call[Any, wire.runs.Triggered]:
        payload = self._task.shape.encode(args, kwargs)
        options: dict[str, Any] = {**self._options}
        if isinstance(options.get("idempotency_key"), str):
            options["idempotency_key"] = idempotency_key(options["idempotency_key"])
        inside = context.current()
        if inside is None:
            return client.calls.trigger(self._task.id, payload, options)
        if is_awaited and inside.environment.type is not wire.values.EnvironmentType.DEV:
            options.setdefault("version", inside.worker.version)
        family = children.current()
        has_key = options.get("idempotency_key") is not None
        link = client.calls.Link(
            inside.run.id,
            is_awaited=is_awaited,
            implicit_key=family.key(self._task.id, payload) if family and not has_key else None,
        )
        return client.calls.trigger(self._task.id, payload, options, link)

    def _handle(self, made: wire.runs.Triggered) -> RunHandle[R]:
        return RunHandle(
            made.id, task=self._task.id, is_cached=made.is_cached, shape=self._task.shape, clients=clients
        )


class Task(Triggerable[P, R]):
    """A function that can be triggered, and called as it is."""

    def __init__(
        self, function: Callable[P, Any], id: str, options: TaskOptions, hooks: Hooks | None = None
    ) -> None:
        if not 1 <= len(id) <= MAX_ID:
            raise BadOption(option="id", value=id, expected=f"1 to {MAX_ID} characters")
        if inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function):
            raise BadOption(
                option=f"task {id}", value=function, expected="a function that returns, without yield"
            )
        super().__init__(self, {})
        self.id = id
        self.function = function
        self.settings = options
        self.is_async = inspect.iscoroutinefunction(function)
        self.shape = Shape(id, function)
        self.hooks = hooks or Hooks()
        self.file_path = inspect.getsourcefile(function) or "<unknown>"
        self.line = inspect.unwrap(function).__code__.co_firstlineno
        update_wrapper(self, function)  # type: ignore[arg-type]  # callable in both of its kinds
        registry.add(self)

    @property
    def place(self) -> tuple[str, str]:
        """The file and the name of the function: two tasks of one place are one task, read twice."""
        return self.file_path, self.function.__qualname__

    @property
    def queue_manifest(self) -> wire.workers.QueueManifest:
        """The queue its runs go to: the one it names, or its own."""
        queue = self.settings.queue
        if isinstance(queue, Queue):
            return queue.manifest()
        if queue is not None:
            return wire.workers.QueueManifest(name=queue)
        return wire.workers.QueueManifest(
            name=f"task/{self.id}", concurrency_limit=self.settings.concurrency_limit
        )

    def manifest(self) -> wire.workers.TaskManifest:
        """Return what the server is told of the task.

        Raises:
            BadOption: an annotation is none that Pydantic knows.
        """
        settings = self.settings
        ttl, limit = settings.ttl, settings.max_duration
        return wire.workers.TaskManifest(
            id=self.id,
            file_path=self.file_path,
            line=self.line,
            name=self.function.__qualname__,
            description=settings.description or inspect.getdoc(self.function),
            queue=self.queue_manifest,
            retry=retry_policy(settings.retry or Retry()),
            machine=settings.machine,
            max_duration=None if limit is None else to_milliseconds(limit) / 1000,
            ttl_ms=None if ttl is None else to_milliseconds(ttl),
            isolation=settings.isolation,
            is_async=self.is_async,
            payload_schema=self.shape.schema(),
        )

    def middleware(self, hook: H) -> H:
        """Wrap every attempt of this task; see `perdure.hooks.middleware`."""
        return self.hooks.middleware(hook)

    def on_start_attempt(self, hook: H) -> H:
        """Run before each attempt; see `perdure.hooks.on_start_attempt`."""
        return self.hooks.on_start_attempt(hook)

    def on_wait(self, hook: H) -> H:
        """Run when the run parks; see `perdure.hooks.on_wait`."""
        return self.hooks.on_wait(hook)

    def on_resume(self, hook: H) -> H:
        """Run when a parked run goes on; see `perdure.hooks.on_resume`."""
        return self.hooks.on_resume(hook)

    def on_success(self, hook: H) -> H:
        """Run when the task returned; see `perdure.hooks.on_success`."""
        return self.hooks.on_success(hook)

    def catch_error(self, hook: H) -> H:
        """Run when an attempt failed; see `perdure.hooks.catch_error`."""
        return self.hooks.catch_error(hook)

    def on_failure(self, hook: H) -> H:
        """Run when the run has failed for good; see `perdure.hooks.on_failure`."""
        return self.hooks.on_failure(hook)

    def on_complete(self, hook: H) -> H:
        """Run when the run has ended; see `perdure.hooks.on_complete`."""
        return self.hooks.on_complete(hook)

    def on_cancel(self, hook: H) -> H:
        """Run when the run is canceled; see `perdure.hooks.on_cancel`."""
        return self.hooks.on_cancel(hook)

    def __reduce__(self) -> tuple[Any, ...]:
        """A task in a local of a parked run is stored by its id."""
        return registry.find, (self.id,)

    def __repr__(self) -> str:
        return f"<Task {self.id}>"


class AsyncTask(Task[P, R]):
    """A task that is an `async def`."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:
        """Call the function here and now, as any coroutine function."""
        return self.function(*args, **kwargs)


class SyncTask(Task[P, R]):
    """A task that is a plain `def`; it runs in a process of its own."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function here and now."""
        return self.function(*args, **kwargs)


class _Decorator:
    """What `@task(...)` is before it gets its function."""

    def __init__(self, id: str | None, options: TaskOptions, hooks: Hooks) -> None:
        self._id = id
        self._options = options
        self._hooks = hooks

    # An async function fits both; the first that fits counts.
    @overload
    def __call__(  # pyright: ignore[reportOverlappingOverload]
        self, function: Callable[P, Coroutine[Any, Any, R]], /
    ) -> AsyncTask[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> SyncTask[P, R]: ...
    def __call__(self, function: Callable[..., Any], /) -> Any:
        kind = AsyncTask if inspect.iscoroutinefunction(function) else SyncTask
        id = function.__name__ if self._id is None else self._id
        return kind(function, id, self._options, self._hooks)


class Declaration(TypedDict, total=False):
    """What `@task(…)` can be told."""

    id: str
    description: str | None
    queue: Queue | str | None
    concurrency_limit: int | None
    retry: Retry | None
    machine: str | None
    max_duration: Duration | None
    ttl: Duration | None
    isolation: Isolation
    on_code_change: CodeChange
    middleware: Callable[..., Awaitable[Any]]
    on_start_attempt: Hook
    on_wait: Hook
    on_resume: Hook
    on_success: Hook
    catch_error: Hook
    on_failure: Hook
    on_complete: Hook
    on_cancel: Hook


@overload
def task(  # pyright: ignore[reportOverlappingOverload]
    function: Callable[P, Coroutine[Any, Any, R]], /
) -> AsyncTask[P, R]: ...
@overload
def task(function: Callable[P, R], /) -> SyncTask[P, R]: ...
@overload
def task(**declaration: Unpack[Declaration]) -> _Decorator: ...
def task(function: Callable[..., Any] | None = None, /, **declaration: Any) -> Any:
    """Make a function a task: something that can be triggered, retried and waited for.

    Args:
        function: the function, when the decorator is used without parentheses.
        declaration: `id` (the function's name by default), `queue` (a queue or its name) or
            `concurrency_limit` (of the task's own queue), `retry`, `machine`, `max_duration` (active
            time), `ttl`, `isolation` (`process`, `shared`, `fresh` or `container`), `description`,
            `on_code_change` (what becomes of a parked run whose code was changed: `fail`, or `restart`
            at the top), and hooks by their names.

    Raises:
        BadOption: a name is unknown, or a value can't be.
    """
    check_options(declaration, Declaration.__annotations__)
    hooks = Hooks()
    for kind in KINDS:
        if kind in declaration:
            hooks.add(kind, declaration.pop(kind))
    id = declaration.pop("id", None)
    decorator = _Decorator(id, TaskOptions(**declaration), hooks)
    return decorator if function is None else decorator(function)


def retry_policy(retry: Retry) -> wire.workers.RetryPolicy:
    """Return a retry policy for the wire."""
    return wire.workers.RetryPolicy(
        max_attempts=retry.max_attempts,
        factor=retry.factor,
        min_timeout_ms=to_milliseconds(retry.min_timeout),
        max_timeout_ms=to_milliseconds(retry.max_timeout),
        randomize=retry.randomize,
        out_of_memory_machine=retry.out_of_memory_machine,
    )
