"""`explain`: what can be told from source alone about places that can't be captured."""

import ast
import inspect
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import Any

from . import build
from .definitions import Definition, source_of_code
from .joining import gather, race
from .scan import FUNCTIONS
from .waiting import suspend

_UNPICKLABLE = {
    "open": "an open file",
    "threading.Lock": "a lock",
    "threading.RLock": "a lock",
    "asyncio.Lock": "a lock",
    "asyncio.Event": "an event of this loop",
    "asyncio.Queue": "a queue of this loop",
    "asyncio.create_task": "a task of this loop",
    "asyncio.ensure_future": "a task of this loop",
    "asyncio.timeout": "a timer of this loop",
    "asyncio.TaskGroup": "tasks of this loop",
    "socket.socket": "a socket",
    "socket.create_connection": "a socket",
    "sqlite3.connect": "a database connection",
    "psycopg.connect": "a database connection",
    "asyncpg.connect": "a database connection",
    "asyncpg.create_pool": "a pool of database connections",
    "httpx.Client": "a client with connections",
    "httpx.AsyncClient": "a client with connections",
    "aiohttp.ClientSession": "a client with connections",
    "tempfile.TemporaryFile": "an open file",
    "tempfile.NamedTemporaryFile": "an open file",
    "subprocess.Popen": "a child process",
    "concurrent.futures.ThreadPoolExecutor": "threads",
}
_KNOWN = (suspend, gather, race)


@dataclass(frozen=True)
class Finding:
    """One place in a function that a run can't be captured at, or may not be."""

    function: str
    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.function}: {self.reason}"


def explain(function: Callable[..., Any]) -> list[Finding]:
    """What stands in the way of capturing *function* while it waits, as far as source can tell.

    An empty list is no promise: what a local holds at run time is known only then.
    Raises TypeError if *function* has no source.
    """
    plain, definition = _look_up(function)
    found = sorted(set(_findings(definition, plain)), key=lambda each: (each[0], each[1]))
    name = f"{plain.__module__}.{plain.__qualname__}"
    return [Finding(name, definition.source.filename, line, reason) for line, reason in found]


def is_rewritten(function: Callable[..., Any]) -> bool:
    """Whether *function* is in its plain form, or needs none because it never waits.

    Raises TypeError if *function* has no source.
    """
    plain, definition = _look_up(function)
    return definition.lowered is None or build.POINT in plain.__code__.co_varnames


def _look_up(function: Callable[..., Any]) -> tuple[FunctionType, Definition]:
    plain: Any = inspect.unwrap(getattr(function, "__func__", function))
    code = getattr(plain, "__code__", None)
    source = source_of_code(code, plain.__globals__) if isinstance(plain, FunctionType) and code else None
    definition = source.find(code) if source and code else None
    if definition is None:
        raise TypeError(f"the source of {getattr(plain, '__qualname__', plain)!r} can't be found")
    return plain, definition


def _findings(definition: Definition, function: FunctionType) -> Iterator[tuple[int, str]]:
    lowered = definition.lowered
    if lowered is None:
        return
    if build.POINT not in function.__code__.co_varnames:
        yield (
            definition.node.lineno,
            "it is not rewritten: install() its folder, or decorate it with @resumable",
        )
    for point in lowered.points:
        if point.reason:
            yield point.line, point.reason
    resolve = _Resolver(function)
    last = max((point.line for point in lowered.points), default=0)
    for node in _own_nodes(definition.node):
        if isinstance(node, ast.Await):
            yield from _foreign(node, resolve)
        yield from _held(node, resolve, last)


def _own_nodes(function: Any) -> Iterator[ast.AST]:
    """All nodes of a function but those of functions inside it."""
    stack: list[ast.AST] = [*function.body]
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, (*FUNCTIONS, ast.Lambda, ast.ClassDef)):
            stack.extend(ast.iter_child_nodes(node))


class _Resolver:
    """Follows a dotted name from a function's globals, without running code."""

    def __init__(self, function: FunctionType) -> None:
        self.globals = function.__globals__

    def __call__(self, node: ast.AST) -> Any:
        if isinstance(node, ast.Name):
            builtin = vars(sys.modules["builtins"]).get(node.id)
            return self.globals.get(node.id, builtin)
        if isinstance(node, ast.Attribute):
            owner = self(node.value)
            if isinstance(owner, ModuleType | type):
                return vars(owner).get(node.attr)
        return None


def _foreign(node: ast.Await, resolve: _Resolver) -> Iterator[tuple[int, str]]:
    """An await of a coroutine function of another library."""
    if not isinstance(node.value, ast.Call):
        return
    callee = resolve(node.value.func)
    callee = getattr(callee, "__func__", callee)
    if callee in _KNOWN or not isinstance(callee, FunctionType):
        return
    code = inspect.unwrap(callee).__code__
    if inspect.iscoroutinefunction(callee) and build.POINT not in code.co_varnames:
        name = f"{callee.__module__}.{callee.__qualname__}"
        yield node.lineno, f"it awaits {name}, which is not resumable: while in there, it waits in memory"


def _held(node: ast.AST, resolve: _Resolver, last: int) -> Iterator[tuple[int, str]]:
    """Something that can't be pickled, put into a local or a `with` before a later await."""
    values: list[ast.expr] = []
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) and node.value is not None:
        values = [node.value]
    elif isinstance(node, ast.With | ast.AsyncWith):
        values = [item.context_expr for item in node.items]
    for value in values:
        if not isinstance(value, ast.Call) or value.lineno > last:
            continue
        name = _full_name(resolve(value.func), value.func)
        if name in _UNPICKLABLE and _awaits_later(node, value.lineno, last):
            yield (
                value.lineno,
                f"{ast.unparse(value)} is {_UNPICKLABLE[name]}, which can't be stored while it waits",
            )


def _awaits_later(node: ast.AST, line: int, last: int) -> bool:
    if isinstance(node, ast.With | ast.AsyncWith):
        return any(isinstance(each, ast.Await) for body in node.body for each in ast.walk(body))
    return line < last


def _full_name(value: Any, node: ast.AST) -> str:
    if value is None:
        return ""
    if value is open:
        return "open"
    module = node.value.id if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) else ""
    named = f"{module}.{node.attr}" if isinstance(node, ast.Attribute) else ""
    own = f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', '')}"
    return named if named in _UNPICKLABLE else own
