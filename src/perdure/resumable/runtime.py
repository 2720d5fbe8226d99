"""What rewritten code calls. Its module is known to that code by a hidden global name."""

import builtins
from collections.abc import Awaitable, Callable, Generator, Iterator
from itertools import chain
from typing import Any

from . import build
from .split import Split as Split

iter = builtins.iter
aiter = builtins.aiter
set = builtins.set
BaseException = builtins.BaseException
AssertionError = builtins.AssertionError

_PLAIN = frozenset(
    type(builtins.iter(each))
    for each in ([], (), "", range(0), range(1 << 70), {}, {}.values(), {}.items(), builtins.set(), b"")
) | {enumerate, zip, map, filter, reversed, type([].__reversed__())}


class Over:
    """Iterate over an iterator without asking it for `__iter__` again."""

    __slots__ = ("iterator",)

    def __init__(self, iterator: Any) -> None:
        self.iterator = iterator

    def __iter__(self) -> Any:
        return self.iterator

    def __aiter__(self) -> Any:
        return self.iterator


def over(iterator: Any) -> Any:
    """What a `for` statement may loop over so that it steps *iterator* itself."""
    return iterator if type(iterator) in _PLAIN else Over(iterator)


def values(state: dict[str, Any], names: tuple[str, ...]) -> Iterator[Any]:
    """For re-entry: the stored locals, in this order."""
    return map(state.__getitem__, names)


def again(iterator: Any) -> Iterator[Any]:
    """For re-entry into the body of a loop: one empty step, then the rest of *iterator*."""
    return chain((None,), Over(iterator))


def matches(error: BaseException, kinds: Any) -> bool:
    """Whether ``except kinds`` catches *error*."""
    try:
        raise error
    except kinds:
        return True
    except BaseException as other:
        if other is not error:
            raise
        return False


class Ready:
    """An awaitable that has its result already."""

    __slots__ = ("value",)

    def __init__(self, value: object = None) -> None:
        self.value = value

    def __await__(self) -> Generator[Any, Any, Any]:
        return self.value
        yield


class Delegate(Iterator[Any]):
    """For re-entry into a `yield from`: one empty step, which brings it there, then the iterator's own."""

    def __init__(self, iterator: Any) -> None:
        self.iterator = iterator
        self.arrived = False

    def __next__(self) -> Any:
        if self.arrived:
            return next(self.iterator)
        self.arrived = True
        return None

    def send(self, value: Any) -> Any:
        """What the generator was sent."""
        return self.iterator.send(value)

    def throw(self, error: BaseException) -> Any:
        """An error that was raised in the generator; an iterator without `throw` knows of none."""
        if not hasattr(self.iterator, "throw"):
            raise error
        return self.iterator.throw(error)

    def close(self) -> None:
        """The generator is being closed."""
        if hasattr(self.iterator, "close"):
            self.iterator.close()


class First:
    """For re-entry into an `async for`: the first step is given, later ones are the iterator's own."""

    def __init__(self, iterator: Any, first: Callable[[], Awaitable[Any]] = Ready) -> None:
        self.iterator = iterator
        self.first: Callable[[], Awaitable[Any]] | None = first

    def __aiter__(self) -> "First":
        return self

    def __anext__(self) -> Awaitable[Any]:
        if self.first is None:
            return type(self.iterator).__anext__(self.iterator)
        first, self.first = self.first, None
        return first()


def _bound(manager: Any, special: str) -> Any:
    """A special method looked up as the interpreter does: on the type."""
    kind = type(manager)
    return getattr(kind, special).__get__(manager, kind)


class Inside:
    """For re-entry into a `with` block: entered already; left by the real `__exit__`.

    A manager whose type has a method `__reenter__` is told, inside the block, that it goes on here.
    """

    def __init__(self, manager: Any) -> None:
        self.manager = manager

    def __enter__(self) -> None:
        if hasattr(type(self.manager), "__reenter__"):
            _bound(self.manager, "__reenter__")()

    @property
    def __exit__(self) -> Any:
        return _bound(self.manager, "__exit__")

    def __aenter__(self) -> Ready:
        self.__enter__()
        return Ready()

    @property
    def __aexit__(self) -> Any:
        return _bound(self.manager, "__aexit__")


class Entering(Inside):
    """For re-entry into `__aenter__`: what it still does is given."""

    def __init__(self, manager: Any, rest: Callable[[], Awaitable[Any]]) -> None:
        super().__init__(manager)
        self.rest = rest

    def __aenter__(self) -> Any:
        return self.rest()


class Leaving:
    """For re-entry into `__aexit__`: what it still does is given."""

    def __init__(self, rest: Callable[[], Awaitable[Any]]) -> None:
        self.rest = rest

    def __aenter__(self) -> Ready:
        return Ready()

    def __aexit__(self, *_: object) -> Any:
        return self.rest()


class Again:
    """Raise a stored exception once more, as if it had never stopped being handled."""

    def __init__(self, error: Any) -> None:
        self.error = error
        self.before: Any = None
        if isinstance(error, BaseException):
            self.before = error.__context__, error.__traceback__, error.__suppress_context__

    def raised(self) -> bool:
        """Whether a `finally` was entered by an exception, rather than in another way."""
        return isinstance(self.error, BaseException)

    def settle(self) -> None:
        """Undo what raising it again has done to the exception."""
        if isinstance(self.error, BaseException):
            context, traceback, suppressed = self.before
            self.error.__context__ = context
            self.error.__traceback__ = traceback
            self.error.__suppress_context__ = suppressed
        self.error = self.before = None  # no cycle through the frame


def visible(variables: dict[str, Any]) -> dict[str, Any]:
    """``locals()`` as the user would have it, without our hidden ones."""
    return {name: value for name, value in variables.items() if name[0] not in build.HIDDEN}
