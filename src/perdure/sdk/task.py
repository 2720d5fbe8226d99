"""Tasks: functions that can be triggered."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Sequence
from functools import update_wrapper
from typing import Any, Unpack, overload

from perdure import sdk, wire
from perdure.core.duration import to_milliseconds
from perdure.core.errors import BadOption
from perdure.core.names import check_options
from perdure.core.retry import Retry
from perdure.sdk import registry
from perdure.sdk.hooks import KINDS, H, Hooks
from perdure.sdk.options import Declaration, TaskOptions, retry_policy
from perdure.sdk.payload import Shape
from perdure.sdk.queues import Queue
from perdure.sdk.span import is_coroutine_function
from perdure.sdk.triggerable import P, R, Triggerable

MAX_ID = 128


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
        self.shape = Shape(id, function)
        self.function = function
        self.settings = options
        self.is_async = is_coroutine_function(function)
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
    def queue_manifest(self) -> wire.manifests.QueueManifest:
        """The queue its runs go to: the one it names, or its own."""
        queue = self.settings.queue
        if isinstance(queue, Queue):
            return queue.manifest()
        if queue is not None:
            return wire.manifests.QueueManifest(name=queue)
        return wire.manifests.QueueManifest(
            name=f"task/{self.id}", concurrency_limit=self.settings.concurrency_limit
        )

    @property
    def crons(self) -> Sequence[sdk.schedules.Cron]:
        """When it runs by itself.

        Raises:
            BadOption: it can't, as it has parameters that no schedule fills.
        """
        settings = self.settings
        if settings.cron is None:
            return ()
        if not self.shape.takes_one:
            raise BadOption(
                f"Task {self.id} has a cron, so it takes no parameter or one, `payload: ScheduledPayload`; "
                f"it has {self.shape.parameters}"
            )
        return sdk.schedules.resolve(settings.cron, settings.timezone, settings.environments)

    def manifest(self) -> wire.manifests.TaskManifest:
        """Return what the server is told of the task.

        Raises:
            BadOption: an annotation is none that Pydantic knows.
        """
        settings = self.settings
        ttl, limit = settings.ttl, settings.max_duration
        return wire.manifests.TaskManifest(
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
            dead_letters=settings.dead_letters,
            isolation=settings.isolation,
            is_async=self.is_async,
            schedules=[sdk.schedules.manifest(one) for one in self.crons],
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
        kind = AsyncTask if is_coroutine_function(function) else SyncTask
        id = function.__name__ if self._id is None else self._id
        return kind(function, id, self._options, self._hooks)


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
            time), `ttl`, `dead_letters` (whether its runs that fail for good are kept on a list, until
            somebody redrives or discards them), `isolation` (`process`, `shared`, `fresh` or `container`),
            `description`, `cron` (an expression, a `Cron`, or a list of them: when it runs by itself),
            `timezone` and `environments` (of its crons), `on_code_change` (what becomes of a parked run whose
            code was changed: `fail`, or `restart` at the top), and hooks by their names.

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
