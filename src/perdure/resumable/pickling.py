"""Pickle what frames hold: by reference to source wherever there is source, never by bytecode of ours.

On top of cloudpickle: functions and lambdas of rewritten code go by name, fingerprint and cells;
cells, async generators, exceptions and dictionary iterators keep what plain pickling would lose.
"""

import copyreg
import io
import pickle
import sys
from collections.abc import Callable, Container
from functools import cached_property
from types import (
    AsyncGeneratorType,
    BuiltinFunctionType,
    CellType,
    CodeType,
    CoroutineType,
    FunctionType,
    GeneratorType,
    MethodType,
    TracebackType,
)
from typing import Any

import cloudpickle

from . import revive
from .definitions import definition_of_code
from .errors import NotResumable, Refused
from .frames import read_frame, stack_inside
from .iterators import ITERATORS
from .loops import KINDS, Shared
from .packing import pack, pack_sites
from .runtime import Delegate
from .stacks import Frame, Stack, all_frames
from .waiting import Wait

PROTOCOL = 5
# cloudpickle chains its table and copyreg's; in a flat one, looking up costs a microsecond less.
_cloudpickle_table = {
    kind: reduce
    for kind, reduce in cloudpickle.Pickler.dispatch_table.items()
    if kind not in copyreg.dispatch_table
}
_table: dict[type, Any] = {}


def _current_table() -> dict[type, Any]:
    """How classes registered with cloudpickle and copyreg are stored."""
    if len(_table) != len(_cloudpickle_table) + len(copyreg.dispatch_table):
        _table.update(_cloudpickle_table)
        _table.update(copyreg.dispatch_table)
    return _table


class Pickler(pickle.Pickler):
    """Writes a snapshot's payload."""

    bytecode = False  # whether what was written is bound to this version of Python

    def __init__(self, file: io.BytesIO, stack: Stack, stored: Container[int]) -> None:
        super().__init__(file, PROTOCOL)
        self.dispatch_table = _current_table()
        self.stack = stack
        self.stored = stored  # ids of iterators that stand elsewhere in short
        self.links: list[tuple[int, Any]] = []  # coroutines of the stack that some local refers to

    def frame_of(self, coroutine: Any) -> Frame | None:
        """The frame of a coroutine, if it is on the stack; a link to it is stored."""
        for number, frame in enumerate(all_frames(self.stack)):
            if frame.coroutine is coroutine:
                self.links.append((number, coroutine))
                return frame
        return None

    def reducer_override(self, obj: Any) -> Any:
        """How to store *obj*; NotImplemented leaves it to pickle."""
        kind = type(obj)
        if kind in _PLAIN or (kind is type and obj in _PLAIN):
            if kind in KINDS and id(obj) in self.stored:
                raise Shared
            return NotImplemented
        reducer = _REDUCERS.get(kind)
        if reducer is not None:
            return reducer(self, obj)
        if isinstance(obj, BaseException):
            return _exception(obj)
        if isinstance(obj, type):
            return _class(self, obj)
        return NotImplemented

    @cached_property
    def cloud(self) -> cloudpickle.Pickler:
        """Asked how to store what can't be imported. Made only then: it takes as long as a frame."""
        return cloudpickle.Pickler(io.BytesIO(), PROTOCOL)

    def by_bytecode(self, obj: Any) -> Any:
        """How to store a function or code object that has no source of ours."""
        self.bytecode = True
        return self.cloud.reducer_override(obj)


def _importable(obj: Any, qualname: str | None = None) -> bool:
    """Whether importing the module and following the name leads to this very object."""
    module = sys.modules.get(getattr(obj, "__module__", None) or "")
    found: Any = module
    for part in (qualname or obj.__qualname__).split("."):
        found = getattr(found, part, None)
    return module is not None and found is obj


def _function(pickler: Pickler, function: FunctionType) -> Any:
    if _importable(function):
        return NotImplemented
    definition = definition_of_code(function.__code__)
    if definition is None:
        return pickler.by_bytecode(function)
    depth = _wrapped_depth(function, definition.qualname)
    if depth is not None:
        return revive.wrapped, (function.__module__, definition.qualname, depth)
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    place = function.__globals__["__name__"], definition.qualname, definition.fingerprint
    extras = function.__name__, function.__qualname__, function.__doc__, function.__defaults__
    state = *extras, function.__kwdefaults__, _annotations(function), function.__dict__
    return revive.function, (*place, cells), state, None, None, revive.fill_function


def _annotations(function: FunctionType) -> Any:
    return function.__annotations__ if sys.version_info < (3, 14) else {}


def _wrapped_depth(function: FunctionType, qualname: str) -> int | None:
    """A function that decorators have wrapped is found through ``__wrapped__``."""
    found: Any = sys.modules.get(function.__module__)
    for part in qualname.split("."):
        found = getattr(found, part, None)
    for depth in range(8):
        if found is function:
            return depth
        found = getattr(found, "__wrapped__", None)
    return None


def _method(_: Pickler, method: MethodType) -> Any:
    owner, name = method.__self__, method.__func__.__name__
    if getattr(owner, name, None) == method:
        return getattr, (owner, name)
    return revive.method, (method.__func__, owner)


def _class(pickler: Pickler, kind: type) -> Any:
    if _importable(kind):
        return NotImplemented  # by name, in __main__ too: a script may run again and go on
    return pickler.cloud.reducer_override(kind)


def _cell(_: Pickler, cell: CellType) -> Any:
    try:
        contents = cell.cell_contents
    except ValueError:
        return revive.cell, ()
    return revive.cell, (), contents, None, None, revive.fill_cell


def _async_generator(_: Pickler, generator: Any) -> Any:
    if generator.ag_frame is None:
        return revive.ended_async_generator, ()
    frame = generator.ag_frame
    inner = stack_inside(frame, generator.ag_await)
    return _generator_state(generator, frame, None if inner is None else pack(inner, shared=True))


def _generator(_: Pickler, generator: Any) -> Any:
    if generator.gi_frame is None:
        return iter, ((),)
    inner = generator.gi_yieldfrom
    return _generator_state(
        generator, generator.gi_frame, inner.iterator if isinstance(inner, Delegate) else inner
    )


def _generator_state(generator: Any, frame: Any, inner: Any) -> Any:
    try:
        kept = read_frame(frame, generator)
    except NotResumable:
        raise
    except Exception as error:
        kind = type(generator).__name__.replace("_", " ")
        raise Refused(f"it holds a suspended {kind}: {error}") from None
    place, cells, values = pack_sites((kept.site,)), kept.cells, kept.values
    state = place, values if cells is None else values[:-1], inner
    return revive.generator, (place, cells), state, None, None, revive.fill_generator


def _coroutine(pickler: Pickler, coroutine: Any) -> Any:
    if coroutine.cr_frame is None:
        return revive.ended_coroutine, ()
    if (frame := pickler.frame_of(coroutine)) is not None:
        return revive.coroutine, (pack_sites((frame.site,)), frame.cells)
    raise Refused(
        f"it holds the coroutine {coroutine.__qualname__}(), which is not awaited yet: await it, or gather()"
    )


def _code(pickler: Pickler, code: CodeType) -> Any:
    return pickler.by_bytecode(code)


def _exception(error: BaseException) -> Any:
    kind = type(error)
    own = [each for each in kind.__mro__ if "__reduce__" in vars(each) or "__reduce_ex__" in vars(each)]
    if own[0].__module__ != "builtins":
        return NotImplemented
    state: tuple[Any, ...] = (
        error.__dict__,
        error.__cause__,
        error.__context__,
        error.__suppress_context__,
        error.__traceback__,
    )
    if kind.__module__ == "builtins":
        arguments, *rest = error.__reduce__()[1:]
        if rest and isinstance(rest[0], dict):
            state = error.__dict__ | rest[0], *state[1:]
        return revive.builtin_error, (kind, arguments), state, None, None, revive.fill_error
    return revive.error, (kind, error.args), state, None, None, revive.fill_error


def _traceback(_: Pickler, entry: TracebackType | None) -> Any:
    """What a traceback shows: (file, function, qualified name, module, line) for each entry."""
    entries = []
    while entry is not None:
        code, names = entry.tb_frame.f_code, entry.tb_frame.f_globals
        entries.append(
            (code.co_filename, code.co_name, code.co_qualname, names.get("__name__"), entry.tb_lineno)
        )
        entry = entry.tb_next
    return revive.traceback, (entries,)


def _file(_: Pickler, file: Any) -> Any:
    raise Refused(f"cannot pickle {type(file).__name__!r} object: an open file stays in its process")


# What pickle does right by itself, and is met often.
_PLAIN = frozenset({BuiltinFunctionType, enumerate, zip, map, filter, reversed})
_PLAIN |= {type(iter([])), type(iter(())), type(iter(range(0))), range, slice, complex, Wait}
_FILES = (io.TextIOWrapper, io.BufferedReader, io.BufferedWriter, io.BufferedRandom, io.FileIO)

_REDUCERS: dict[type, Callable[[Any, Any], Any]] = {
    FunctionType: _function,
    MethodType: _method,
    TracebackType: _traceback,
    CellType: _cell,
    CodeType: _code,
    AsyncGeneratorType: _async_generator,
    GeneratorType: _generator,
    CoroutineType: _coroutine,
    **ITERATORS,
    **dict.fromkeys(_FILES, _file),
}


def dump(payload: Any, stack: Stack, stored: Container[int] = ()) -> tuple[bytes, bool]:
    """The pickle of *payload* and of links, and whether it holds bytecode of this Python version.

    *stack* is the one in the payload, *stored* as for `pack`.
    Raises `Shared` when one of those iterators is met.
    """
    buffer = io.BytesIO()
    pickler = Pickler(buffer, stack, stored)
    pickler.dump((*payload, pickler.links))
    return buffer.getvalue(), pickler.bytecode
