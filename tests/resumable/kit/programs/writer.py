"""Choices, and what a piece of program may refer to: the two things every production gets."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

Option = TypeVar("Option")
Lines = list[str]


class Writer:
    """Makes choices from bytes; 0, and whatever comes after the last byte, is the simplest choice.

    Each statement has bytes of its own, given by `more`: one draw for a statement, not one
    for a choice, is what makes tens of thousands of programs a matter of minutes.
    """

    def __init__(self, more: Callable[[], bytes]) -> None:
        self._more = more
        self._bytes = iter(more())
        self._numbers = 0

    @contextmanager
    def statement(self) -> Iterator[None]:
        """Within it, choices are made from fresh bytes."""
        outer, self._bytes = self._bytes, iter(self._more())
        yield
        self._bytes = outer

    def below(self, count: int) -> int:
        return next(self._bytes, 0) % count

    def pick(self, options: Sequence[Option]) -> Option:
        return options[self.below(len(options))]

    def one_in(self, count: int) -> bool:
        return self.below(count) == count - 1

    def times(self, most: int, least: int = 0) -> range:
        return range(least + self.below(most - least + 1))

    def number(self) -> int:
        self._numbers += 1
        return self._numbers

    def name(self, prefix: str) -> str:
        return f"{prefix}{self.number()}"


@dataclass
class Scope:
    """Where a piece of program stands: the names it sees, and what is allowed there."""

    ints: list[str]
    lists: list[str]
    boxes: list[str]
    dicts: list[str]
    functions: list[str]
    coroutines: list[str]
    streams: list[str]
    iterators: list[str]
    depth: int = 3
    awaits: bool = True
    loop: bool = False
    handler: bool = False
    star: bool = False
    yields: bool = False
    plain: bool = False
    nested: bool = False
    walrus: bool = True
    quotes: bool = True
    fixed: tuple[str, ...] = ()

    def inner(self, **changes: Any) -> "Scope":
        """The scope of a block inside: it sees the names outside, and keeps its own to itself."""
        names = ("ints", "lists", "boxes", "dicts", "functions", "coroutines", "streams", "iterators")
        copies = {name: list(getattr(self, name)) for name in names}
        return replace(self, **(copies | {"depth": self.depth - 1} | changes))

    def targets(self) -> list[str]:
        """Integer names that may be assigned here."""
        return [name for name in self.ints if name not in self.fixed]


Production = Callable[[Writer, Scope], Lines]
Expression = Callable[[Writer, Scope, int], str]


class Table:
    """Productions with weights, the simplest first."""

    def __init__(self) -> None:
        self._entries: list[tuple[int, Callable[[Scope], bool], Any]] = []
        self._chosen: dict[tuple[bool, ...], list[Any]] = {}

    def add(self, weight: int, allowed: Callable[[Scope], bool] = lambda scope: True) -> Callable[[Any], Any]:
        """Decorator: enter a production, for the scopes where it is allowed."""

        def enter(production: Any) -> Any:
            self._entries.append((weight, allowed, production))
            return production

        return enter

    def pick(self, writer: Writer, scope: Scope) -> Any:
        key = tuple(allowed(scope) for _, allowed, _ in self._entries)
        options = self._chosen.get(key)
        if options is None:
            pairs = zip(key, self._entries, strict=True)
            options = [entry[2] for fits, entry in pairs if fits for _ in range(entry[0])]
            self._chosen[key] = options
        return writer.pick(options)


def indent(lines: Lines) -> Lines:
    return ["    " + line for line in lines]
