"""Each await of a project's functions, and whether a run can park there, as far as source can tell.

`resumable.explain` tells what stands in the way of a function; here it is told of each await, together
with what the await is for: a wait of ours or a function of the user's can park, a library's coroutine
just runs.
"""

import ast
import inspect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any, TypeAlias

from perdure import resumable
from perdure.resumable import Finding
from perdure.sdk.task import Task
from perdure.sdk.wait import Wait

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_NOT_REWRITTEN = (
    "its folder is none of the project's `dirs`, so it is not rewritten: add the folder there, or decorate "
    "the function with @resumable, from perdure.resumable"
)
_ASYNC = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
_WAITS = ("trigger_and_wait", "batch_trigger_and_wait")

Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


class State(StrEnum):
    """What becomes of a run at an await."""

    PARKS = "parks"
    RUNS = "runs"
    DEPENDS = "depends"
    PINNED = "pinned"

    @property
    def meaning(self) -> str:
        """What it says, for help and reference."""
        return _MEANINGS[self]


_MEANINGS = {
    State.PARKS: "the run can be stored there, and holds nothing while it waits",
    State.RUNS: "a library's coroutine: it runs in the worker's process, and is no wait",
    State.DEPENDS: "what is awaited is not known before it runs",
    State.PINNED: "a wait there stays in the worker's memory; the reason is told",
}


@dataclass(frozen=True)
class Await:
    """One await."""

    #: the name of the function it is in, after those around it
    function: str
    line: int
    source: str
    state: State
    #: of one that is pinned
    reason: str | None = None


def awaits_of(module: ModuleType, root: Path) -> list[Await]:
    """Return the awaits of all async functions of a module, function by function.

    Args:
        module: imported as a worker imports it.
        root: the project's folder: what is elsewhere is a library's.
    """
    file = Path(module.__file__ or "")
    text = file.read_text(encoding="utf-8")
    tree = ast.parse(text)
    definitions = {(node.name, _first_line(node)): node for node in _definitions(tree)}
    names = {node.name for node in definitions.values() if isinstance(node, ast.AsyncFunctionDef)}
    found: list[Await] = []
    for function in sorted(_functions(module), key=lambda each: each.__code__.co_firstlineno):
        code = function.__code__
        node = definitions.get((code.co_name, code.co_firstlineno))
        if node is not None and code.co_flags & _ASYNC:
            found += sorted(_Reader(function, node, text, names, root).read(), key=lambda one: one.line)
    return found


def _definitions(tree: ast.AST) -> Iterator[Definition]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _first_line(node: Definition) -> int:
    """Return the line of the first decorator, as code objects do."""
    return min([node.lineno, *(each.lineno for each in node.decorator_list)])


# Functions, as they run.


def _functions(module: ModuleType) -> Iterator[FunctionType]:
    """Yield every function of a module, with those inside others."""
    loader: Any = module.__loader__
    live = {_place(each.__code__): each for each in _live(vars(module).values(), module.__name__)}
    stack: list[CodeType] = [loader.get_code(module.__name__)]
    while stack:
        for code in stack.pop().co_consts:
            if isinstance(code, CodeType):
                function = live.get(_place(code)) or _made(code, module)
                yield function
                stack.append(function.__code__)


def _place(code: CodeType) -> tuple[str, int]:
    return code.co_qualname, code.co_firstlineno


def _live(values: Iterable[Any], module: str) -> Iterator[FunctionType]:
    """Yield functions of a module that stand in its namespace or its classes, decorated or not."""
    for value in values:
        plain = inspect.unwrap(getattr(value, "__func__", value)) if callable(value) else None
        if isinstance(plain, FunctionType):
            yield plain
        elif isinstance(value, type) and value.__module__ == module:
            yield from _live(vars(value).values(), module)


def _made(code: CodeType, module: ModuleType) -> FunctionType:
    """Return a function that stands for one that is only made when another runs."""
    cells = tuple(CellType() for _ in code.co_freevars)
    return FunctionType(code, vars(module), code.co_name, None, cells)


# One function.


class _Reader:
    """Reads the awaits of one function."""

    def __init__(
        self, function: FunctionType, node: Definition, text: str, names: set[str], root: Path
    ) -> None:
        """Read a function.

        Args:
            function: as it runs.
            node: as it is written.
            text: the file.
            names: the async functions of the file.
            root: the project's folder.
        """
        self._node = node
        self._text = text
        self._names = names
        self._root = root
        self._globals = function.__globals__
        self._name = function.__qualname__.replace(".<locals>", "")
        self._own = list(_own_nodes(node))
        self._findings = resumable.explain(function)

    def read(self) -> Iterator[Await]:
        """Yield the awaits, and whatever else waits and can't park."""
        lines: set[int] = set()
        held = [finding for finding in self._findings if self._is_held(finding)]
        for node in self._own:
            if isinstance(node, ast.Await):
                lines.add(node.lineno)
                found = self._await(node)
                reasons = [self._reason(each) for each in held if self._concerns(each, node)]
                is_pinned = reasons and found.state is State.PARKS
                yield replace(found, state=State.PINNED, reason=reasons[0]) if is_pinned else found
        for finding in self._findings:
            if finding not in held and finding.line not in lines:  # an `async with`, an `async for`
                source = self._text.splitlines()[finding.line - 1].strip()
                yield Await(self._name, finding.line, source, State.PINNED, finding.reason)

    def _await(self, node: ast.Await) -> Await:
        source = " ".join((ast.get_source_segment(self._text, node) or "").split())
        told = Await(self._name, node.lineno, source, State.DEPENDS)
        flagged = [each for each in self._findings if each.line == node.lineno and not self._is_held(each)]
        call = node.value
        if not isinstance(call, ast.Call):
            return replace(told, state=State.PINNED, reason=flagged[0].reason) if flagged else told
        if self._can_park(call):
            return replace(told, state=State.PARKS)
        callee = self._resolve(call.func)
        if callee is None:
            return told
        if any(self._can_park(each) for each in ast.walk(call) if isinstance(each, ast.Call)):
            name = ast.unparse(call.func)
            hint = f": use perdure.{name.rpartition('.')[2]}" if name.endswith((".gather", ".race")) else ""
            reason = f"{name} is not resumable, and a wait is in there{hint}"
            return replace(told, state=State.PINNED, reason=reason)
        if flagged and self._is_of_project(callee):
            return replace(told, state=State.PINNED, reason=flagged[0].reason)
        return replace(told, state=State.RUNS)

    def _can_park(self, call: ast.Call) -> bool:
        """Tell whether a call gives a wait of ours, or runs a function of this project."""
        name = call.func.attr if isinstance(call.func, ast.Attribute) else None
        if name in _WAITS:
            return True
        callee = self._resolve(call.func)
        if callee is None:
            return (name or getattr(call.func, "id", None)) in self._names
        if isinstance(callee, Task):
            return callee.is_async
        if isinstance(getattr(callee, "__self__", None), Wait) or _is_ours(callee):
            return not inspect.iscoroutinefunction(callee)  # `wait.create_token` only asks the server
        return inspect.iscoroutinefunction(callee) and _is_rewritten(callee)

    def _is_of_project(self, callee: Any) -> bool:
        """Tell whether something is the user's own, though nothing can be stored while in there."""
        file = Path(inspect.unwrap(callee).__code__.co_filename)
        return file.is_relative_to(self._root) and "site-packages" not in file.parts

    def _resolve(self, node: ast.AST) -> Any:
        """Return what a dotted name stands for, without running code; None if that is not known."""
        if isinstance(node, ast.Name):
            return self._globals.get(node.id)
        if isinstance(node, ast.Attribute):
            owner = self._resolve(node.value)
            if isinstance(owner, ModuleType | type | Wait):
                return getattr(owner, node.attr, None)
        return None

    def _is_held(self, finding: Finding) -> bool:
        """Tell whether a finding is of the function, or of something it holds; else it is of an await."""
        return finding.line == self._node.lineno or bool(self._holder(finding))

    def _holder(self, finding: Finding) -> ast.AST | None:
        """Return the statement that puts something that can't be stored into a local, or a `with`."""
        kinds = (ast.With, ast.AsyncWith, ast.Assign, ast.AnnAssign, ast.NamedExpr)
        return next((n for n in self._own if isinstance(n, kinds) and _has(n, finding.line)), None)

    def _reason(self, finding: Finding) -> str:
        return _NOT_REWRITTEN if finding.line == self._node.lineno else finding.reason

    def _concerns(self, finding: Finding, node: ast.Await) -> bool:
        if finding.line == self._node.lineno:
            return True
        holder = self._holder(finding)
        if isinstance(holder, ast.With | ast.AsyncWith):
            return any(each is node for statement in holder.body for each in ast.walk(statement))
        return node.lineno > finding.line


def _own_nodes(function: Definition) -> Iterator[ast.AST]:
    """Yield the nodes of a function, but not of functions and classes inside it."""
    stack: list[ast.AST] = [*function.body]
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, _FUNCTIONS):
            stack.extend(ast.iter_child_nodes(node))


def _has(node: Any, line: int) -> bool:
    """Tell whether a value that a statement takes is a call, and not an await, on a line."""
    values = [item.context_expr for item in node.items] if hasattr(node, "items") else [node.value]
    return any(isinstance(value, ast.Call) and value.lineno == line for value in values)


def _is_ours(callee: Any) -> bool:
    return (getattr(callee, "__module__", None) or "").startswith(("perdure.sdk.", "perdure.resumable."))


def _is_rewritten(callee: Any) -> bool:
    try:
        return resumable.is_rewritten(callee)
    except TypeError:  # it has no source
        return False
