"""A suspended coroutine as data: a stack of frames, and what the innermost waits for."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from .build import CELLS, INNER, POINT, STATE
from .joining import Closing
from .loops import is_iterator


@dataclass(slots=True, eq=False)
class Site:
    """Where a frame is suspended, and the names of what is stored of it; shared by all such frames."""

    module: str
    qualname: str
    fingerprint: str
    number: int  # of the await; 0 before the first statement
    file: str
    line: int
    source: str
    names: tuple[str, ...]  # ``.cells``, if the frame has any, is the last
    has_cells: bool = field(init=False)  # whether the frame shares variables with other functions
    loops: tuple[int, ...] = field(init=False)  # where among the values the iterators of loops stand
    entry: tuple[str, str, str, int] = field(init=False)  # which re-entry form goes on from it

    def __post_init__(self) -> None:
        self.has_cells = self.names[-1:] == (CELLS,)
        self.loops = tuple([place for place, name in enumerate(self.names) if is_iterator(name)])
        self.entry = self.module, self.qualname, self.fingerprint, self.number

    @property
    def function(self) -> str:
        """The function's full name."""
        return f"{self.module}.{self.qualname}"


@dataclass(slots=True)
class Frame:
    """One suspended frame: the values of ``site.names``, and the coroutine whose frame it is."""

    site: Site
    values: tuple[Any, ...]
    coroutine: Any = None  # in a snapshot only where some local refers to it

    @property
    def cells(self) -> dict[str, Any] | None:
        """The cells that it shares with other functions, by name."""
        return self.values[-1] if self.site.has_cells else None

    def items(self) -> Iterator[tuple[str, Any]]:
        """The names and values of what is stored."""
        return zip(self.site.names, self.values, strict=True)


@dataclass(slots=True)
class Stack:
    """Frames from the outside in, and the leaf: a Wait, a JoinState, a Step, or None if not begun."""

    frames: list[Frame]
    leaf: Any


@dataclass
class JoinState:
    """A `gather` or `race` under way."""

    kind: str
    return_exceptions: bool
    decided: tuple[bool, Any] | int | None  # an int: the outcome of that branch
    branches: list[Any]  # (outcome,) when ended, else (stack, cancelled)


@dataclass
class Step:
    """A step of an async generator that is under way."""

    generator: Any
    closing: bool = False  # aclose() rather than a step

    def again(self) -> Any:
        """The same step of the restored generator."""
        return Closing(self.generator) if self.closing else self.generator.__anext__()


@dataclass(slots=True)
class Rest:
    """What a restored coroutine that has not gone on yet will await: it makes that when called."""

    frames: list[tuple[Callable[[dict[str, Any]], Any], Frame]]  # the next one is the last
    leaf: Any  # a Wait, a Join, a Step, or None if the innermost frame has not begun

    def __call__(self) -> Any:
        """Make the next coroutine, which will make those below it; or the leaf."""
        if not self.frames:
            return self.leaf.again() if isinstance(self.leaf, Step) else self.leaf
        function, frame = self.frames.pop()  # the coroutine owns its locals from now on
        site = frame.site
        state = dict(zip(site.names, frame.values, strict=True))
        if site.number:
            state[POINT] = site.number
            state[INNER] = [self]
        if frame.coroutine is None:
            return function(state)
        frame.coroutine.cr_frame.f_locals[STATE].update(state)
        return frame.coroutine


def all_stacks(stack: Stack) -> list[Stack]:
    """A stack and those of its branches."""
    found = [stack]
    if isinstance(stack.leaf, JoinState):
        for kept in stack.leaf.branches:
            if len(kept) == 2:
                found += all_stacks(kept[0])
    return found


def all_frames(stack: Stack) -> list[Frame]:
    """Every frame of a stack and of its branches, in the order of `describe`."""
    return [frame for each in all_stacks(stack) for frame in each.frames]
