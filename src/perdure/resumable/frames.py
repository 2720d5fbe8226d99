"""Read a suspended coroutine: its frames from the outside in, and what the innermost waits for."""

import collections
import gc
import inspect
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import AsyncGeneratorType, CodeType, CoroutineType, GeneratorType
from typing import Any

from .build import CELLS, HIDDEN, POINT
from .definitions import Definition, definition_of_code
from .errors import NotResumable
from .joining import CLOSING_CODE, JOIN_CODE, Branch, Closing, Driven, Join
from .waiting import WAIT_CODE, Path, Pending, Wait

# What a frame says of itself in a snapshot:
# (module, qualified name, fingerprint, number of the await, file, line, source line).
Site = tuple[str, str, str, int, str, int, str]
State = dict[str, Any]
Frame = tuple[Site, State]


@dataclass
class Stack:
    """Frames from the outside in, and the leaf: a Wait, a JoinState, or a Step."""

    frames: list[Frame]
    leaf: Any
    owners: list[Any] = field(default_factory=list)  # the coroutines of the frames; not stored


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


_LEAVES = (WAIT_CODE, JOIN_CODE, CLOSING_CODE)


class Blocked(Exception):
    """What is awaited is no place to capture at; the frame around it is named by the caller."""


_definitions: dict[int, tuple[CodeType, Definition | None]] = {}


def _definition(code: CodeType) -> Definition | None:
    known = _definitions.get(id(code))
    if known is None or known[0] is not code:
        known = _definitions[id(code)] = (code, definition_of_code(code))
    return known[1]


_UNTOUCHED = "is not resumable: install() its folder or decorate it"


def read_frame(frame: Any) -> Frame:
    """One frame: where it is, and its locals."""
    code = frame.f_code
    definition = _definition(code)
    if definition is None or definition.lowered is None or POINT not in code.co_varnames:
        deep = definition is not None and not definition.shallow
        why = "is too deep for Python: move inner blocks into a function" if deep else _UNTOUCHED
        raise Blocked(f"{describe_code(code, frame)} {why}")
    variables = frame.f_locals
    number = variables.get(POINT, 0)
    site = definition.sites.get(number)
    if site is None:
        site = definition.sites[number] = _site(definition, number, frame)
    state = {name: value for name, value in variables.items() if name[0] not in HIDDEN}
    if number:
        point = definition.lowered.points[number - 1]
        for name in point.live:
            if name in variables:
                state[name] = variables[name]
        if point.receiver is not None:
            _check_method(variables.get(point.receiver[0]), point.receiver[1])
    if CELLS in variables:
        holder = variables[CELLS]
        cells = dict(zip(holder.__code__.co_freevars, holder.__closure__, strict=True))
        for name in cells:
            state.pop(name, None)
        state[CELLS] = cells
    elif definition.lowered.cells:
        raise Blocked(f"{definition.qualname} has not begun, and closes over variables of another function")
    return site, state


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


def _site(definition: Definition, number: int, frame: Any) -> Site:
    assert definition.lowered is not None
    module = frame.f_globals.get("__name__", "?")
    if number == 0:
        line = definition.node.lineno
    else:
        point = definition.lowered.points[number - 1]
        line = point.line
        if reason := point.reason or definition.obstacle(number):
            raise NotResumable(
                reason,
                function=f"{module}.{definition.qualname}",
                file=frame.f_code.co_filename,
                line=line,
            )
    text = definition.line(line)
    return module, definition.qualname, definition.fingerprint, number, frame.f_code.co_filename, line, text


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
    owners: list[Any] = []
    current = awaitable
    try:
        while (inner := inner_of(current)) is not None:
            frame, following = inner
            frames.append(read_frame(frame))
            owners.append(current)
            if frames[-1][0][3] == 0:
                return Stack(frames, None, owners)
            current = following
        return Stack(frames, _leaf(current), owners)
    except Blocked as blocked:
        raise _refusal(frames, str(blocked), current) from None


def _refusal(frames: list[Frame], reason: str, current: Any) -> NotResumable:
    if not frames:
        code = getattr(current, "cr_code", None)
        if code is None:
            return NotResumable(reason)
        known = _definition(code)
        function = f"{known.source.module}.{code.co_qualname}" if known else code.co_qualname
        return NotResumable(reason, function=function, file=code.co_filename, line=code.co_firstlineno)
    module, qualname, _, _, file, line, _ = frames[-1][0]
    return NotResumable(reason, function=f"{module}.{qualname}", file=file, line=line)


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
    if isinstance(awaitable, Driven):
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
