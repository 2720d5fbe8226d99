"""What a snapshot calls when it is unpickled. These names are part of the stored format."""

import importlib
import sys
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import suppress
from functools import partial
from types import CellType, FunctionType, MethodType, TracebackType
from typing import Any

from .build import CELLS, INNER, POINT, STATE
from .definitions import definition_by_name, make_function
from .errors import CodeChanged
from .frames import JoinState, Site, Stack, State, Step
from .joining import Branch, Closing, Driven, Join
from .packing import unpack, unpack_site

LINK = ".link"  # in the locals of a frame: its coroutine, if that exists already


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


def coroutine(site: str, cells: dict[str, Any] | None) -> Any:
    """A coroutine of the stack that a local refers to as well; its own locals come with the stack."""
    state: State = {} if cells is None else {CELLS: cells}
    return entry_function(unpack_site(site), state)({})


def generator(site: str, cells: dict[str, Any] | None) -> Any:
    """A generator whose locals are yet to come: they may refer to it."""
    state: State = {} if cells is None else {CELLS: cells}
    return entry_function(unpack_site(site), state)({})


def fill_generator(made: Any, state: tuple[str, State, Any]) -> None:
    """Give a generator its locals; one that stands at a yield is brought there."""
    place, variables, inner = state
    site = unpack_site(place)
    box = (made.ag_frame if hasattr(made, "ag_frame") else made.gi_frame).f_locals[STATE]
    box.update(variables)
    if site[3] == 0:
        return
    box[POINT] = site[3]
    if inner is not None:
        box[INNER] = [starter(unpack(inner))]
        return
    step = made.__anext__().__await__().__next__ if hasattr(made, "ag_frame") else made.__next__
    with suppress(StopIteration):
        step()


# -- stacks ------------------------------------------------------------------------------------


def entry_function(site: Site, state: State) -> Callable[[State], Any]:
    """The re-entry form of a frame; takes the cells out of *state*.

    Raises `CodeChanged` if the function is not what it was.
    """
    definition = definition_by_name(site[0], site[1], site[2])
    cells = state.pop(CELLS, None)
    number = site[3]
    if cells is None:
        known = definition.functions.get(number)
        if known is not None and known.__globals__ is definition.globals(site[0]):
            return known
    made = make_function(definition, definition.entry(number), site[0], cells or {})
    if cells is None:
        definition.functions[number] = made
    return made


def starter(stack: Stack) -> Callable[[], Awaitable[Any]]:
    """A function that makes the coroutine (or leaf) of a stack; all its code is looked up now."""
    frames = [(entry_function(site, state), site[3], state) for site, state in stack.frames]
    return partial(_start, frames, 0, _leaf(stack.leaf))


def _start(frames: list[tuple[Any, int, State]], index: int, leaf: Callable[[], Any]) -> Any:
    if index == len(frames):
        return leaf()
    function, number, state = frames[index]
    frames[index] = (None, 0, {})  # the frame owns its locals from now on
    made = state.pop(LINK, None)
    if number:
        state[POINT] = number
        state[INNER] = [partial(_start, frames, index + 1, leaf)]
    if made is None:
        return function(state)
    made.cr_frame.f_locals[STATE].update(state)
    return made


def _leaf(leaf: Any) -> Callable[[], Any]:
    if isinstance(leaf, JoinState):
        return partial(_same, _join(leaf))
    if isinstance(leaf, Step):
        return partial(Closing, leaf.generator) if leaf.closing else leaf.generator.__anext__
    return partial(_same, leaf)


def _same(leaf: Any) -> Any:
    return leaf


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


def rooted(stack: Stack, links: list[tuple[State, Any]]) -> Any:
    """The coroutine of a whole snapshot; *links* are coroutines that some local refers to."""
    for state, coroutine in links:
        state[LINK] = coroutine
    made = starter(stack)()
    return made if stack.frames else Driven(made)
