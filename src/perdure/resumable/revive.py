"""What a snapshot calls when it is unpickled. These names are part of the stored format."""

import importlib
import itertools
import sys
import warnings
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import suppress
from functools import partial
from types import CellType, FunctionType, MethodType, TracebackType
from typing import Any

from .build import CELLS, INNER, POINT, STATE
from .definitions import definition_by_name, entries, make_function
from .errors import BadSnapshot, CodeChanged
from .joining import Branch, Driven, Join
from .packing import unpack, unpack_sites
from .runtime import Delegate
from .stacks import Frame, JoinState, Rest, Site, Stack, all_frames

State = dict[str, Any]  # the argument of a re-entry form


def attribute(module: str, qualname: str) -> Any:
    """An object by its name. Raises `CodeChanged` if it is gone."""
    try:
        found: Any = sys.modules.get(module) or importlib.import_module(module)
        for part in qualname.split("."):
            found = getattr(found, part)
    except (AttributeError, ModuleNotFoundError) as error:
        raise CodeChanged(f"{module}.{qualname}", "has been removed") from error
    return found


def wrapped(module: str, qualname: str, depth: int) -> Any:
    """The function under *depth* decorators."""
    found = attribute(module, qualname)
    for _ in range(depth):
        found = found.__wrapped__
    return found


def function(module: str, qualname: str, fingerprint: str, cells: dict[str, Any]) -> FunctionType:
    """A nested function or lambda, from its source."""
    definition = definition_by_name(module, qualname, fingerprint)
    return make_function(definition, definition.code, module, cells)


def fill_function(made: FunctionType, state: tuple[Any, ...]) -> None:
    """The rest of what a function object holds."""
    made.__name__, made.__qualname__, made.__doc__, made.__defaults__, kwdefaults, annotations, names = state
    made.__kwdefaults__ = kwdefaults
    if annotations:
        made.__annotations__ = annotations
    made.__dict__.update(names)


def method(called: Any, owner: object) -> MethodType:
    """A bound method that its owner does not give by its name, such as one found by super()."""
    return MethodType(called, owner)


def cell() -> CellType:
    """An empty cell."""
    return CellType()


def fill_cell(cell: CellType, contents: object) -> None:
    """A cell exists before its contents: they may refer to it."""
    cell.cell_contents = contents


# -- exceptions --------------------------------------------------------------------------------


def builtin_error(kind: type[BaseException], arguments: tuple[Any, ...]) -> BaseException:
    """An exception of a built-in type."""
    return kind(*arguments)


def error(kind: type[BaseException], arguments: tuple[Any, ...]) -> BaseException:
    """An exception of a user's type: its own ``__init__`` has run already, long ago."""
    made = kind.__new__(kind, *arguments)
    base = next(each for each in kind.__mro__ if each.__module__ == "builtins")
    base.__init__(made, *arguments)
    return made


def fill_error(made: BaseException, state: tuple[Any, ...]) -> None:
    """The attributes and the links of an exception."""
    names, made.__cause__, made.__context__, made.__suppress_context__, made.__traceback__ = state
    for name, value in names.items():
        BaseException.__setattr__(made, name, value)


def _place() -> Iterator[None]:
    yield


def traceback(entries: list[tuple[str, str, str, str, int]]) -> TracebackType | None:
    """A traceback that shows the same lines: its frames are empty, but know file and function."""
    made: TracebackType | None = None
    for file, name, qualname, module, line in reversed(entries):
        code = _place.__code__.replace(co_filename=file, co_name=name, co_qualname=qualname)
        frame = FunctionType(code, {"__name__": module})().gi_frame
        made = TracebackType(made, frame, -1, line)
    return made


# -- iterators ---------------------------------------------------------------------------------


def dict_iterator(held: dict[Any, Any], view: str, done: int) -> Any:
    """An iterator over a view of *held*, after *done* steps."""
    made = iter(getattr(held, view)())
    for _ in range(done):
        next(made)
    return made


def itertool(kind: Callable[..., Iterator[Any]], arguments: tuple[Any, ...], state: Any) -> Iterator[Any]:
    """An iterator of `itertools` at its place; Python 3.12 warns that 3.14 will not do this."""
    made: Any = kind(*arguments)
    if not hasattr(made, "__setstate__"):
        raise BadSnapshot(
            f"the snapshot holds an itertools.{kind.__name__} under way, which Python "
            f"3.{sys.version_info.minor} can't bring back: resume it on Python 3.13 or before"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        made.__setstate__(state)
    return made


class Chained(Iterator[Any]):
    """An `itertools.chain` under way, where Python no longer lets one be made."""

    def __init__(self, iterables: Iterator[Any], current: Iterator[Any]) -> None:
        self.iterables, self.current = iterables, current

    def __next__(self) -> Any:
        while True:
            for item in self.current:
                return item
            self.current = iter(next(self.iterables))


def chained(*state: Any) -> Iterator[Any]:
    """An `itertools.chain`: the iterables that are left, and the iterator of the current one, if any."""
    if len(state) < 2:
        return itertools.chain.from_iterable(*(state or [()]))
    made: Any = itertools.chain()
    if not hasattr(made, "__setstate__"):
        return Chained(*state)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        made.__setstate__(state)
    return made


async def _nothing() -> AsyncIterator[None]:
    return
    yield


def ended_async_generator() -> AsyncIterator[None]:
    """An async generator that has ended."""
    made = _nothing()
    with suppress(StopAsyncIteration, StopIteration):
        made.__anext__().__await__().__next__()
    return made


async def _ended() -> None:
    pass


def ended_coroutine() -> Coroutine[Any, Any, None]:
    """A coroutine that has ended."""
    made = _ended()
    made.close()
    return made


def coroutine(place: str, cells: dict[str, Any] | None) -> Any:
    """A coroutine of the stack that a local refers to as well; its own locals come with the stack."""
    (site,) = unpack_sites(place)
    return entry_function(site, cells)({})


def generator(place: str, cells: dict[str, Any] | None) -> Any:
    """A generator whose locals are yet to come: they may refer to it."""
    (site,) = unpack_sites(place)
    return entry_function(site, cells)({} if cells is None else {CELLS: cells})


def fill_generator(made: Any, state: tuple[str, tuple[Any, ...], Any]) -> None:
    """Give a generator its locals; one that stands at a yield is brought there.

    The last of *state* is what it delegates to by `yield from`; of an async generator, the packed
    stack that it awaits.
    """
    place, values, inner = state
    (site,) = unpack_sites(place)
    is_async = hasattr(made, "ag_frame")
    box = (made.ag_frame if is_async else made.gi_frame).f_locals[STATE]
    box.update(zip(site.names, values, strict=False))  # without the cells, which it has
    if site.number == 0:
        return
    box[POINT] = site.number
    if inner is not None:
        box[INNER] = [starter(unpack(inner)) if is_async else partial(Delegate, inner)]
    if inner is None or not is_async:
        step = made.__anext__().__await__().__next__ if is_async else made.__next__
        with suppress(StopIteration):
            step()


# -- stacks ------------------------------------------------------------------------------------


def entry_function(site: Site, cells: dict[str, Any] | None) -> Callable[[State], Any]:
    """The re-entry form of a frame. Raises `CodeChanged` if the function is not what it was."""
    definition = definition_by_name(site.module, site.qualname, site.fingerprint)
    made = make_function(definition, definition.entry(site.number), site.module, cells or {})
    if not site.has_cells:
        entries[site.entry] = made
    return made


def _function_of(frame: Frame) -> Callable[[State], Any]:
    """The same, for most frames made before."""
    site = frame.site
    known = entries.get(site.entry)
    if known is not None and known.__globals__ is vars(sys.modules.get(site.module, sys)):
        return known
    return entry_function(site, frame.cells)


def starter(stack: Stack) -> Rest:
    """Makes the coroutine (or leaf) of a stack when called; all its code is looked up now."""
    leaf = stack.leaf
    rest = [(_function_of(frame), frame) for frame in reversed(stack.frames)]
    return Rest(rest, _join(leaf) if isinstance(leaf, JoinState) else leaf)


def _join(state: JoinState) -> Join:
    branches: list[Branch] = []
    for kept in state.branches:
        if len(kept) == 1:
            branches.append(Branch(None, kept[0]))
        else:
            stack, cancelled = kept
            branches.append(Branch(None, begin=starter(stack)))
            branches[-1].cancelled = cancelled
    decided = state.decided
    if isinstance(decided, int):
        decided = branches[decided].outcome
    kind: Any = state.kind
    return Join(kind, branches, return_exceptions=state.return_exceptions, decided=decided)


def rooted(stack: Stack, links: list[tuple[int, Any]]) -> Any:
    """The coroutine of a whole snapshot; *links* are coroutines of frames that some local refers to."""
    if links:
        frames = all_frames(stack)
        for number, coroutine in links:
            frames[number].coroutine = coroutine
    made = starter(stack)()
    return made if stack.frames else Driven(made)
