"""`span` and `@traced`: what a run did when, and for how long.

    with span("charge", customer=customer.id) as charging:
        receipt = await charge(customer)
        charging.set(amount=receipt.amount)

A span is told of when it begins and when it ends.  One in which the run waits is stored with the run, and
goes on wherever the run does: it holds its ids and its beginning, and nothing that lives in a process.
"""

from __future__ import annotations

import functools
import inspect
import os
import secrets
import sys
from collections.abc import Callable
from contextvars import ContextVar
from types import FrameType, TracebackType
from typing import Any, TypeVar, overload

from perdure import sdk
from perdure.core.traces import SpanContext, trace_of
from perdure.sdk import runtime

Function = TypeVar("Function", bound=Callable[..., Any])

IS_ASYNC = "__perdure_is_async__"
"""Marks a plain function that returns a coroutine, as `@traced` makes one of an `async def`."""


class Span:
    """Something that a run does, from the beginning of a `with` block to its end.

    Outside of runs it does nothing.
    """

    __slots__ = (
        "attributes",
        "ended_ns",
        "error",
        "id",
        "is_dropped",
        "is_told",
        "name",
        "outer",
        "place",
        "started_ns",
        "told_in",
    )

    def __init__(self, name: str, attributes: dict[str, Any], place: str | None) -> None:
        self.name = name
        self.attributes = attributes
        #: the file and the line where it begins
        self.place = place
        #: 16 hexadecimal digits; empty until it begins in a run
        self.id = ""
        #: the span that it is inside of, if that is one of the user's
        self.outer: Span | None = None
        self.started_ns = 0
        self.ended_ns: int | None = None
        #: the error that it ended with, in words
        self.error: str | None = None
        #: whether its beginning was sent
        self.is_told = False
        #: whether the run had too many
        self.is_dropped = False
        #: the span of the attempt that told of it last
        self.told_in = ""

    def set(self, **attributes: Any) -> None:
        """Add attributes; they are told when the span ends."""
        self.attributes = {**self.attributes, **attributes}

    def __enter__(self) -> Span:
        host = runtime.current.get()
        if host is not None:
            self.id, self.outer = secrets.token_hex(8), current()
            self.started_ns, self.ended_ns, self.error = host.now_ns(), None, None
            self.is_told = self.is_dropped = False
            _current.set(self)
            self._tell(host)
        return self

    def __reenter__(self) -> None:
        """Go on in another process: `resumable` calls it when the run has come back into the block."""
        host = runtime.current.get()
        if host is not None and self.id:
            _current.set(self)
            if self.told_in != host.trace.span:  # an attempt that failed has told of an end
                self.ended_ns = self.error = None
                self._tell(host)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        host = runtime.current.get()
        if host is None or not self.id:
            return
        _current.set(self.outer)
        self.ended_ns = max(host.now_ns(), self.started_ns)
        if isinstance(error, Exception):
            self.error = _told(error)
        self._tell(host)

    def _tell(self, host: runtime.Runtime) -> None:
        self.told_in = host.trace.span
        host.span(self)

    def __repr__(self) -> str:
        return f"<Span {self.name}>"


_current: ContextVar[Span | None] = ContextVar("perdure_span", default=None)


def span(name: str, /, **attributes: Any) -> Span:
    """Return a span for a `with` block.

    Args:
        name: what is done, as it stands in the trace.
        attributes: what is worth knowing of it; values that are no JSON are told by their `repr`.
    """
    return Span(name, attributes, place_of(sys._getframe(1)))


@overload
def traced(function: Function, /) -> Function: ...
@overload
def traced(*, name: str | None = None, **attributes: Any) -> Callable[[Function], Function]: ...
def traced(function: Any = None, /, *, name: str | None = None, **attributes: Any) -> Any:
    """Make a span of each call of a function, an `async def` or a plain one.

    Args:
        function: the function, when the decorator is used without parentheses.
        name: of the spans; that of the function by default.
        attributes: of each span.

    Raises:
        TypeError: it is a generator: a span of that would have no end.
    """
    if function is None:
        return lambda function: _traced(function, name or function.__qualname__, attributes)
    return _traced(function, function.__qualname__, attributes)


def _traced(function: Any, name: str, attributes: dict[str, Any]) -> Any:
    if inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function):
        raise TypeError(f"@traced takes functions; {name} is a generator. Use `with span(…)` inside it.")
    code = function.__code__
    place = place_of_line(code.co_filename, code.co_firstlineno)
    is_async = is_coroutine_function(function)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        made = Span(name, attributes, place)
        if is_async:
            return sdk.tracing.call([function(*args, **kwargs)], made)
        with made:
            return function(*args, **kwargs)

    if is_async:
        setattr(call, IS_ASYNC, True)
    return call


def is_coroutine_function(function: Any) -> bool:
    """Tell whether a function returns coroutines, also when it is `@traced`."""
    return inspect.iscoroutinefunction(function) or getattr(function, IS_ASYNC, False)


def begin() -> None:
    """Begin an attempt: none of its spans is open."""
    _current.set(None)


def current() -> Span | None:
    """Return the innermost open span of the user's, if this code is in one."""
    return _current.get()


def context() -> SpanContext | None:
    """Return where this code is in the trace of its run, or None outside of runs."""
    host = runtime.current.get()
    if host is None:
        return None
    inner = current()
    return host.trace if inner is None else SpanContext(host.trace.trace, inner.id)


def for_child(root: str) -> str | None:
    """Return the `traceparent` that a run triggered here is sent; None where the server knows it.

    Args:
        root: the first run of the family, whose id the trace's is made of unless it came from outside.
    """
    inside = context()
    if inside is None or (current() is None and inside.trace == trace_of(root)):
        return None
    return str(inside)


def place_of(frame: FrameType) -> str:
    """Return the file and the line that a frame is at, as in `tasks/orders.py:12`."""
    return place_of_line(frame.f_code.co_filename, frame.f_lineno)


def place_of_line(file: str, line: int) -> str:
    """Return the same of a file and a line in it."""
    return f"{_relative(file)}:{line}"


@functools.lru_cache(maxsize=4096)
def _relative(path: str) -> str:
    """Return a path from the current folder on, if it is inside it: in an executor, the project's."""
    try:
        relative = os.path.relpath(path)
    except (ValueError, OSError):  # another drive; a folder that is gone
        return path
    return path if relative.startswith("..") else relative


def _told(error: Exception) -> str:
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # the `str` of a user's error may raise anything
        return type(error).__name__
