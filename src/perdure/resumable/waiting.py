"""`suspend`, the only primitive that waits, and the host that answers it under asyncio."""

import asyncio
from collections.abc import Awaitable, Generator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Protocol

Path = tuple[int, ...]


class Host(Protocol):
    """Who answers requests when a coroutine runs as an asyncio task."""

    def wait(self, request: Any) -> "asyncio.Future[Any]":
        """The future whose result (or exception) answers *request*; it may be done already."""
        ...


host: ContextVar[Host] = ContextVar("host")


@dataclass(frozen=True)
class Raise:
    """As an answer: raise *error* where the request is waited for."""

    error: BaseException


@dataclass(frozen=True)
class Pending:
    """What a suspended coroutine waits for.

    ``requests``: each request by its path. ``quiescent``: whether every live branch is blocked
    on a `suspend`, so that the whole can be captured.
    """

    requests: dict[Path, Any] = field(default_factory=dict)
    quiescent: bool = True


class Wait:
    """What `suspend` returns: one wait for one answer."""

    __slots__ = ("answer", "future", "request")

    def __init__(self, request: Any, answer: "tuple[Any] | Raise | None" = None) -> None:
        self.request = request
        self.answer = answer  # given by `restore`
        self.future: asyncio.Future[Any] | None = None

    def __reduce__(self) -> Any:
        return Wait, (self.request,) if self.answer is None else (self.request, self.answer)

    def __await__(self) -> Generator[Any, Any, Any]:
        if self.answer is not None:
            return self._answered()
        current = host.get(None)
        if current is None:
            answer = yield self.request
            if type(answer) is Raise:
                raise answer.error
            return answer
        self.future = current.wait(self.request)
        return (yield from self.future)

    def _answered(self) -> Any:
        answer, self.answer = self.answer, None
        if isinstance(answer, Raise):
            raise answer.error
        assert answer is not None
        return answer[0]


WAIT_CODE: Any = Wait.__await__.__code__


def suspend(request: Any) -> Awaitable[Any]:
    """Wait until *request* is answered; returns the answer, or raises it if it is an error.

    Driven by hand, ``coro.send(None)`` returns *request*; ``coro.send(value)`` answers it, and
    ``coro.send(Raise(error))`` raises there.
    Under asyncio the `host` of the context gives a future for it. *request* is any object that
    can be pickled; it travels in the snapshot.
    """
    return Wait(request)


def under_asyncio() -> bool:
    """Whether we run inside an asyncio task rather than driven by hand."""
    if host.get(None) is not None:
        return True
    try:
        return asyncio.current_task() is not None
    except RuntimeError:
        return False


def as_answers(answers: Any) -> Mapping[Path, Any]:
    """What was sent into a `Pending`: nothing, or a mapping by path."""
    if answers is None:
        return {}
    if not isinstance(answers, Mapping):
        raise TypeError(
            f"a gather or race is answered by a mapping of paths, not by {type(answers).__name__}"
        )
    return answers
