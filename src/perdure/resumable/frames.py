"""Read a suspended coroutine: its frames from the outside in, and what the innermost waits for."""

import collections
import gc
import inspect
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from operator import attrgetter, itemgetter
from types import AsyncGeneratorType, CellType, CodeType, CoroutineType, FunctionType, GeneratorType
from typing import Any
from weakref import WeakValueDictionary

from .build import CELLS, HIDDEN, INNER, POINT, STATE
from .compiling import mangled
from .definitions import Definition, definition_of_code, source_of_code
from .errors import NotResumable
from .joining import CLOSING_CODE, JOIN_CODE, Branch, Closing, Driven, Join
from .stacks import Frame, JoinState, Rest, Site, Stack, Step
from .twins import TWINNED, twin_of
from .waiting import WAIT_CODE, Path, Pending, Wait

_LEAVES = (WAIT_CODE, JOIN_CODE, CLOSING_CODE)


class Blocked(Exception):
    """What is awaited is no place to capture at; the frame around it is named by the caller."""


@dataclass(slots=True, weakref_slot=True)
class _Known:
    """What is known of a code object: where it was defined, and what to store of its frames."""

    code: CodeType  # kept, so that its id stays its own
    definition: Definition
    plans: dict[tuple[Any, ...], tuple[Site, Callable[[Any], tuple[Any, ...]], Any]] = field(
        default_factory=dict
    )


_known = WeakValueDictionary[int, _Known]()  # by the code's id; they live as long as their definition
_UNTOUCHED = "is not resumable: install() its folder or decorate it"


def read_frame(frame: Any, owner: Any) -> Frame:
    """The frame of *owner*, a coroutine or generator: where it is, and its locals."""
    code = frame.f_code
    known = _known.get(id(code))
    if known is None or known.code is not code:
        if code in TWINNED and (twin := _twin(frame, owner)) is not None:
            return twin
        known = _learn(code, frame)
    variables = _variables(frame)
    if not variables.get(POINT):
        variables = _before(known, variables, owner)
    key = (variables.get(POINT, 0), *variables)
    plan = known.plans.get(key)
    if plan is None:
        plan = known.plans[key] = _plan(known.definition, variables, frame)
    site, values_of, receiver = plan
    if receiver is not None:
        _check_method(variables.get(receiver[0]), receiver[1])
    return Frame(site, values_of(variables), owner)


def _before(known: _Known, variables: dict[str, Any], owner: Any) -> dict[str, Any]:
    """The variables of a function that has not begun, as it will have them."""
    if (stored := variables.get(STATE)) is not None:
        return stored  # a re-entry form: see `build.STATE`
    lowered, code = known.definition.lowered, known.code
    assert lowered is not None
    if not lowered.cells:
        return variables
    functions = (each for each in gc.get_referents(owner) if isinstance(each, FunctionType))
    function = next(each for each in functions if each.__code__ is code)
    cells = dict(zip(code.co_freevars, function.__closure__ or (), strict=True))
    for name in {mangled(lowered.context, each) for each in lowered.cells} - cells.keys():
        cells[name] = CellType(variables[name]) if name in variables else CellType()
    return {name: value for name, value in variables.items() if name not in cells} | {CELLS: cells}


def _locals_of(frame: Any) -> dict[str, Any]:
    """The variables of a frame; from Python 3.13 on, `f_locals` is a slow view."""
    view = frame.f_locals
    return dict(zip(view.keys(), view.values(), strict=True))


_variables: Callable[[Any], dict[str, Any]] = (
    attrgetter("f_locals") if sys.version_info < (3, 13) else _locals_of
)


def _twin(frame: Any, coroutine: Any) -> Frame | None:
    """A frame of `contextlib`, as one of the function that says the same."""
    function, values = twin_of(frame, _is_closing(coroutine.cr_await))
    site = function and _twin_site(function)
    return Frame(site, values, coroutine) if site else None


@cache
def _twin_site(function: Any) -> Site | None:
    code = function.__code__
    source = source_of_code(code, function.__globals__)
    definition = source and source.find(code)
    names = code.co_varnames[: code.co_argcount]
    return _site(definition, 1, function.__module__, names) if definition else None


def _learn(code: CodeType, frame: Any) -> _Known:
    definition = definition_of_code(code)
    if definition is None or definition.lowered is None or POINT not in code.co_varnames:
        deep = definition is not None and not definition.shallow
        why = "is too deep for Python: move inner blocks into a function" if deep else _UNTOUCHED
        raise Blocked(f"{describe_code(code, frame)} {why}")
    known = _known[id(code)] = definition.known[id(code)] = _Known(code, definition)
    return known


def _plan(definition: Definition, variables: dict[str, Any], frame: Any) -> Any:
    """What to store of a frame with these variables: its site, how to get the values, what to check."""
    assert definition.lowered is not None
    number = variables.get(POINT, 0)
    point = definition.lowered.points[number - 1] if number else None
    if point is None:  # nothing has a value but the parameters; that of a generator expression is hidden
        names = [name for name in variables if name != CELLS]
    else:
        names = [name for name in variables if name[0] not in HIDDEN]
        names += [name for name in point.live if name in variables]
    holder = variables.get(CELLS)
    if holder is not None:
        shared = _cells_of(holder)
        names = [name for name in names if name not in shared]
    module = frame.f_globals.get("__name__", "?")
    site = _site(definition, number, module, (*names, CELLS) if holder is not None else tuple(names))
    values_of = _getter(names)
    return site, values_of if holder is None else _with_cells(values_of), point and point.receiver


def _getter(names: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda variables: tuple([variables[name] for name in names])


def _with_cells(values_of: Callable[[Any], tuple[Any, ...]]) -> Callable[[Any], tuple[Any, ...]]:
    def values_and_cells(variables: dict[str, Any]) -> tuple[Any, ...]:
        return *values_of(variables), _cells_of(variables[CELLS])

    return values_and_cells


def _cells_of(holder: Any) -> dict[str, Any]:
    """The cells by name: see `build.CELLS`; of a function that has not begun, as `_before` has put them."""
    if isinstance(holder, dict):
        return holder
    return dict(zip(holder.__code__.co_freevars, holder.__closure__, strict=True))


_CONTAINERS = frozenset({list, set, dict, collections.deque, bytearray})


def _check_method(receiver: Any, name: str) -> None:
    """What was looked up before the wait must be what will be looked up after it."""
    kind = type(receiver)
    if kind in _CONTAINERS or receiver is None:
        return
    dynamic = "__getattribute__" in _own_names(kind) or name in getattr(receiver, "__dict__", ())
    if dynamic or not callable(inspect.getattr_static(kind, name, None)):
        raise Blocked(f"the method {name}() of a {kind.__qualname__} is looked up in a way of its own")


def _own_names(kind: type) -> set[str]:
    return {name for each in kind.__mro__[:-1] for name in vars(each)}


def _site(definition: Definition, number: int, module: str, names: tuple[str, ...]) -> Site:
    assert definition.lowered is not None
    qualname, file = definition.qualname, definition.source.filename
    line = definition.node.lineno
    if number:
        point = definition.lowered.points[number - 1]
        line = point.line
        if reason := point.reason or definition.obstacle(number):
            raise NotResumable(reason, function=f"{module}.{qualname}", file=file, line=line)
    source = definition.line(line)
    return Site(module, qualname, definition.fingerprint, number, file, line, source, names)


def describe_code(code: CodeType, frame: Any = None) -> str:
    """A function that is not ours, for a message."""
    module = frame.f_globals.get("__name__", "?") if frame is not None else "?"
    line = frame.f_lineno if frame is not None else code.co_firstlineno
    return f"{module}.{code.co_qualname} ({code.co_filename}, line {line})"


def stack_of(awaitable: Any) -> Stack:
    """The frames of a suspended coroutine.

    Raises `NotResumable` if something in between, or what is waited for, can't be stored.
    """
    frames: list[Frame] = []
    current = awaitable
    try:
        while (inner := inner_of(current)) is not None:
            frame, following = inner
            frames.append(read_frame(frame, current))
            if frames[-1].site.number == 0:
                return Stack(frames, None)
            if following is None and (rest := _rest_in(frame)) is not None:
                below = _stack_of_rest(rest)
                return Stack(frames + below.frames, below.leaf)
            current = following
        return Stack(frames, _leaf(current))
    except Blocked as blocked:
        raise _refusal(frames, str(blocked), current) from None


def _rest_in(frame: Any) -> Rest | None:
    """What a restored frame that has not gone on yet will await."""
    state = frame.f_locals.get(STATE)
    return state[INNER][0] if state and INNER in state else None


def _stack_of_rest(rest: Rest) -> Stack:
    leaf = _join_state(rest.leaf) if isinstance(rest.leaf, Join) else rest.leaf
    return Stack([frame for _, frame in reversed(rest.frames)], leaf)


def stack_inside(frame: Any, awaited: Any) -> Stack | None:
    """The stack below the frame of an async generator that awaits *awaited*; None at a yield."""
    if awaited is not None:
        return stack_of(awaited)
    rest = _rest_in(frame)
    return None if rest is None else _stack_of_rest(rest)


def waits_below(stack: Stack, path: Path = ()) -> dict[Path, Wait]:
    """The waits at the ends of a stack, of its branches, and of the async generators that it steps."""
    if isinstance(stack.leaf, Step):
        generator = stack.leaf.generator
        inner = stack_inside(generator.ag_frame, generator.ag_await)
        return {} if inner is None else waits_below(inner, path)
    if isinstance(stack.leaf, JoinState):
        live = [(number, kept[0]) for number, kept in enumerate(stack.leaf.branches) if len(kept) == 2]
        below = [waits_below(branch, (*path, number)) for number, branch in live]
        return {each: wait for waits in below for each, wait in waits.items()}
    return {path: stack.leaf} if isinstance(stack.leaf, Wait) else {}


def _refusal(frames: list[Frame], reason: str, current: Any) -> NotResumable:
    if frames:
        site = frames[-1].site
        return NotResumable(reason, function=site.function, file=site.file, line=site.line)
    code = getattr(current, "cr_code", None)
    if code is None:
        return NotResumable(reason)
    known = definition_of_code(code)
    function = f"{known.source.module}.{code.co_qualname}" if known else code.co_qualname
    return NotResumable(reason, function=function, file=code.co_filename, line=code.co_firstlineno)


def inner_of(awaitable: Any) -> tuple[Any, Any] | None:
    """The frame of a coroutine and what it awaits; None for a leaf."""
    kind = type(awaitable)
    if kind is CoroutineType:
        if awaitable.cr_running:
            raise Blocked("it is running; only a suspended coroutine can be captured")
        if awaitable.cr_frame is None:
            raise Blocked("it has ended")
        return awaitable.cr_frame, awaitable.cr_await
    if kind is GeneratorType and awaitable.gi_code not in _LEAVES:
        if awaitable.gi_frame is None:
            raise Blocked("it has ended")
        return awaitable.gi_frame, awaitable.gi_yieldfrom
    return None


def _leaf(awaitable: Any) -> Any:
    owner = waiting_object(awaitable)
    if isinstance(owner, Wait):
        if owner.future is not None and owner.future.cancelled():
            raise Blocked("it is being cancelled")
        return owner
    if isinstance(owner, Join):
        return _join_state(owner)
    if isinstance(owner, AsyncGeneratorType):
        return Step(owner, _is_closing(awaitable))
    kind = type(awaitable)
    raise Blocked(
        f"it awaits an object of type {kind.__module__}.{kind.__qualname__}, which is not resumable"
    )


def waiting_object(awaitable: Any) -> Any:
    """The `Wait`, `Join` or async generator behind what a frame awaits; else the thing itself."""
    if type(awaitable) is Driven:
        awaitable = awaitable.awaitable if awaitable.iterator is None else awaitable.iterator
    if type(awaitable) is GeneratorType and awaitable.gi_code in _LEAVES:
        frame = awaitable.gi_frame
        owner = awaitable if frame is None else frame.f_locals["self"]
        return owner.generator if isinstance(owner, Closing) else owner
    if type(awaitable).__name__ in ("async_generator_asend", "async_generator_athrow", "anext_awaitable"):
        return _stepped(awaitable)
    return awaitable


def _stepped(awaitable: Any) -> Any:
    """The async generator that is being stepped. Nothing but the garbage collector tells which."""
    held = gc.get_referents(awaitable)
    if type(awaitable).__name__ == "anext_awaitable":
        return awaitable  # the default of anext() would be lost
    return next((each for each in held if isinstance(each, AsyncGeneratorType)), awaitable)


def _is_closing(awaitable: Any) -> bool:
    """Whether an async generator is being closed, which is to throw without arguments."""
    if type(awaitable) is GeneratorType:
        return awaitable.gi_code is CLOSING_CODE
    arguments = [each for each in gc.get_referents(awaitable) if isinstance(each, tuple)]
    return type(awaitable).__name__ == "async_generator_athrow" and not arguments


def _join_state(join: Join) -> JoinState:
    branches: list[Any] = []
    for branch in join.branches:
        branch.collect()
        if branch.outcome is not None:
            branches.append((branch.outcome,))
        elif isinstance(branch.begin, Rest):
            branches.append((_stack_of_rest(branch.begin), branch.cancelled))
        else:
            branches.append((stack_of(branch.coroutine), branch.cancelled))
    return JoinState(join.kind, join.return_exceptions, _decided(join), branches)


def _decided(join: Join) -> tuple[bool, Any] | int | None:
    for number, branch in enumerate(join.branches):
        if join.decided is not None and branch.outcome is join.decided:
            return number
    return join.decided


# -- what is pending ---------------------------------------------------------------------------


def leaves(awaitable: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Each live branch: its path, and the `Wait` it is blocked on (or None if it is not)."""
    current = awaitable
    while True:
        try:
            inner = inner_of(current)
        except Blocked:
            yield path, None
            return
        if inner is None:
            break
        current = inner[1]
    owner = waiting_object(current)
    if isinstance(owner, Join):
        yield from _branch_leaves(owner.branches, path)
        if owner.is_about_to_go_on:
            yield path, None
    elif isinstance(owner, AsyncGeneratorType):
        yield from leaves(owner.ag_await, path)
    else:
        blocked = isinstance(owner, Wait) and current is not owner
        yield path, owner if blocked else None


def _branch_leaves(branches: list[Branch], path: Path) -> Iterator[tuple[Path, Any]]:
    for number, branch in enumerate(branches):
        branch.collect()
        if branch.outcome is None:
            yield from leaves(branch.coroutine, (*path, number))


def pending_of(awaitable: Any) -> Pending:
    """What a suspended coroutine waits for."""
    found = list(leaves(awaitable))
    requests = {path: wait.request for path, wait in found if wait is not None}
    idle = all(wait is not None and not (wait.future is not None and wait.future.done()) for _, wait in found)
    return Pending(requests, idle)
