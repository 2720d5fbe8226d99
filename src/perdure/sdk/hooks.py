"""Functions that run around attempts: per task, or for all tasks.

A hook takes whichever of these it names as parameters: `ctx`, `payload`, `output`, `error`, `result`.
`middleware` and `on_start_attempt` run before the task, global ones first.

A run that parks leaves its process: `on_wait` hooks run, and then middleware ends as if the run were
cancelled, by `perdure.sdk.parking.RunParked`.  When the run goes on, wherever that is, middleware is run
anew around it, and then `on_resume` hooks.  So a connection that middleware opens with `async with` is
never held over a wait.  A run that waits in its worker's memory (pinned) keeps its process and all that is
open in it: neither hook is called, and middleware stays as it is.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from perdure.core.duration import Duration
from perdure.core.errors import BadOption

KINDS = (
    "middleware",
    "on_start_attempt",
    "on_wait",
    "on_resume",
    "on_success",
    "catch_error",
    "on_failure",
    "on_complete",
    "on_cancel",
)
_FACTS = ("ctx", "payload", "output", "error", "result", "call_next")

Hook = Callable[..., Any]
H = TypeVar("H", bound=Hook)


@dataclass(frozen=True)
class RetryAt:
    """What `catch_error` returns to try again at a moment."""

    when: datetime


@dataclass(frozen=True)
class RetryIn:
    """What `catch_error` returns to try again after a while."""

    delay: Duration


@dataclass(frozen=True)
class SkipRetry:
    """What `catch_error` returns to fail the run at once."""


@dataclass(frozen=True)
class Result:
    """How an attempt ended, as `on_complete` is given it."""

    ok: bool
    output: Any = None
    error: BaseException | None = None


@dataclass
class Hooks:
    """The hooks of a task, or of all tasks."""

    by_kind: dict[str, list[Hook]] = field(default_factory=lambda: {kind: [] for kind in KINDS})

    def add(self, kind: str, hook: H) -> H:
        """Add a hook, and return it.

        Raises:
            BadOption: it has a parameter that no hook is given.
        """
        parameters = inspect.signature(hook).parameters.values()
        for parameter in parameters:
            required = parameter.default is parameter.empty
            if required and parameter.kind not in _VARIADIC and parameter.name not in _FACTS:
                raise BadOption(
                    option=f"{kind} {hook.__qualname__}",
                    value=parameter.name,
                    expected=f"parameters among {', '.join(_FACTS)}",
                )
        self.by_kind[kind].append(hook)
        return hook

    def middleware(self, hook: H) -> H:
        """Wrap every attempt: `async def m(ctx, call_next): …; await call_next(); …`."""
        return self.add("middleware", hook)

    def on_start_attempt(self, hook: H) -> H:
        """Run before each attempt; an error in it fails the attempt."""
        return self.add("on_start_attempt", hook)

    def on_wait(self, hook: H) -> H:
        """Run when the run parks; what is open is best closed here, or by middleware.

        Not when it waits in memory: its process, and what is open in it, is kept.
        """
        return self.add("on_wait", hook)

    def on_resume(self, hook: H) -> H:
        """Run when a parked run goes on, before the task does."""
        return self.add("on_resume", hook)

    def on_success(self, hook: H) -> H:
        """Run when the task returned, with `output`."""
        return self.add("on_success", hook)

    def catch_error(self, hook: H) -> H:
        """Run when an attempt failed; may return RetryAt, RetryIn, SkipRetry or a Retry."""
        return self.add("catch_error", hook)

    def on_failure(self, hook: H) -> H:
        """Run when the run has failed for good, with `error`."""
        return self.add("on_failure", hook)

    def on_complete(self, hook: H) -> H:
        """Run when the run has succeeded or failed for good, with `result`."""
        return self.add("on_complete", hook)

    def on_cancel(self, hook: H) -> H:
        """Run when the run is canceled while it executes; it has 30 seconds."""
        return self.add("on_cancel", hook)


_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)

hooks = Hooks()
"""The hooks of all tasks; usually filled in `init.py`."""

middleware = hooks.middleware


async def call(hook: Hook, facts: Mapping[str, Any]) -> Any:
    """Call a hook, blocking or async, with the facts that it names."""
    parameters = inspect.signature(hook).parameters
    takes_all = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
    chosen = facts if takes_all else {name: facts[name] for name in parameters if name in facts}
    answer = hook(**chosen)
    return await answer if inspect.isawaitable(answer) else answer
