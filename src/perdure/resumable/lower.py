"""Drive the lowering passes over a function, or over every function of a module."""

import ast
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

from . import build, cleanup, comprehensions, expressions, matching, statements
from .core import Lowering, Note, Point
from .preparing import prepare
from .scan import CLOSES, FUNCTIONS, GENERATOR, NESTED, POINT, YIELD, Marks, scan_all
from .scopes import Scope, analyse

RULES = (cleanup, comprehensions, expressions, matching, statements)  # importing them fills the tables
_SUITES = ("body", "orelse", "finalbody")


@dataclass(frozen=True)
class Context:
    """What stands around a definition: the path to it, and the names it can close over."""

    path: tuple[str, ...] = ()
    visible: frozenset[str] = frozenset()
    class_name: str | None = None  # for names with two leading underscores
    skipped: frozenset[int] = frozenset()  # lines of definitions that stay as they are

    def qualname(self, name: str) -> str:
        """The ``__qualname__`` of a definition here."""
        return ".".join((*self.path, name))

    def inside_class(self, node: ast.ClassDef) -> "Context":
        """The context of what is defined in a class body."""
        visible = self.visible | {"__class__"} | _type_parameters(node)
        return replace(self, path=(*self.path, node.name), visible=visible, class_name=node.name)

    def inside_function(self, node: Any, scope: Scope) -> "Context":
        """The context of what is defined in a function."""
        name = getattr(node, "name", "<lambda>")
        visible = self.visible | scope.own | _type_parameters(node)
        return replace(self, path=(*self.path, name, "<locals>"), visible=visible)


def _type_parameters(node: Any) -> set[str]:
    return {each.name for each in getattr(node, "type_params", ())}


@dataclass
class Lowered:
    """A function in plain form, with all that re-entry needs."""

    original: Any
    node: Any  # the plain form
    body: list[ast.stmt]  # of the plain form, without docstring and cells
    points: list[Point]
    spans: dict[int, tuple[int, int]]
    notes: dict[int, Note]
    function: Any  # what was lowered: the original, prepared
    cells: tuple[str, ...]  # variables that live in cells
    context: Context
    generator: bool
    makers: list[ast.stmt]  # the generator functions that stand for generator expressions

    @cached_property
    def scope(self) -> Scope:
        """Its names."""
        return analyse(self.function)

    @property
    def bare_returns(self) -> bool:
        """Whether this is an async generator, in which `return` has no value."""
        return self.generator and isinstance(self.original, ast.AsyncFunctionDef)


def lower_function(node: Any, context: Context) -> Lowered | None:
    """The plain form of a function definition; None if it has nothing to wait for.

    *node* is not modified.
    """
    marks: Marks = {}
    original = node
    bits = scan_all(node.body, marks)
    if not bits & POINT:
        return None
    node, makers = prepare(node, bits)
    if node is not original:
        bits |= scan_all(node.body, marks)
    inner = partial(_nested, node, context)
    low = Lowering(node, marks, bits, inner)
    low.outer = context.visible
    low.bare_returns = bool(bits & YIELD) and isinstance(node, ast.AsyncFunctionDef)
    documented = ast.get_docstring(node, clean=False) is not None
    prelude, rest = node.body[:documented], node.body[documented:]
    cells = _cell_names(low, context, bits)
    body = low.body(rest)
    if cells:
        prelude = [*prelude, _cells(cells, body[0])]
    return Lowered(
        original=original,
        node=build.replaced(node, body=[*prelude, *body]),
        body=body,
        points=low.points,
        spans=low.spans,
        notes=low.notes,
        function=node,
        cells=cells,
        context=context,
        generator=bool(bits & YIELD),
        makers=[inner(each) if isinstance(each, FUNCTIONS) else each for each in makers],
    )


def _nested(function: Any, context: Context, node: ast.stmt) -> Any:
    """Lower a definition inside *function*."""
    return lower_definition(node, context.inside_function(function, analyse(function)))


def _cell_names(low: Lowering, context: Context, bits: int) -> tuple[str, ...]:
    """The variables that the function shares with those inside and around it."""
    visible = context.visible | _type_parameters(low.function)
    closes = bits & (NESTED | GENERATOR | CLOSES)
    if not closes and visible <= {"__class__"}:
        return ()
    return tuple(sorted(low.shared | (low.scope.wanted() & visible)))


def _cells(names: Iterable[str], at: ast.stmt) -> ast.Assign:
    """``.cells = lambda: (a, b)``: never called; its closure is how capture finds the cells."""
    nothing = ast.arguments([], [], None, [], [], None, [])
    every = ast.Tuple([build.name(each, at) for each in names], build.LOAD, **build.spot(at))
    return build.assign(build.CELLS, ast.Lambda(nothing, every, **build.spot(at)), at)


def lower_definition(node: Any, context: Context) -> Any:
    """The plain form of a definition and of those inside it; *node* itself if nothing changes."""
    if node.lineno in context.skipped:
        return node
    if isinstance(node, ast.ClassDef):
        return _lower_suites(node, context.inside_class(node))
    if lowered := lower_function(node, context):
        return lowered.node
    if not _has_definitions(node.body):
        return node
    return _lower_suites(node, context.inside_function(node, analyse(node)))


def _has_definitions(body: list[Any]) -> bool:
    return any(isinstance(each, (*FUNCTIONS, ast.ClassDef)) or _nested_suites(each) for each in body)


def _nested_suites(node: Any) -> bool:
    return bool(getattr(node, "body", None) or getattr(node, "cases", None))


def _lower_suites(node: Any, context: Context) -> Any:
    """Lower the definitions in the suites of a compound statement."""
    return map_suites(node, lambda body: _lower_suite(body, context))


def map_suites(node: Any, change: Callable[[list[ast.stmt]], list[ast.stmt]]) -> Any:
    """A copy of a compound statement with its suites changed; the same object if none is."""
    changes: dict[str, Any] = {}
    for field in _SUITES:
        body = getattr(node, field, None)
        if body and (fresh := change(body)) is not body:
            changes[field] = fresh
    for field in ("handlers", "cases"):
        clauses = getattr(node, field, None)
        if clauses:
            done = [map_suites(each, change) for each in clauses]
            if any(a is not b for a, b in zip(done, clauses, strict=True)):
                changes[field] = done
    if not changes:
        return node
    if isinstance(node, ast.match_case):
        return ast.match_case(node.pattern, node.guard, changes["body"])
    return build.replaced(node, **changes)


def _lower_suite(body: list[ast.stmt], context: Context) -> list[ast.stmt]:
    fresh = [_lower_statement(each, context) for each in body]
    return body if all(a is b for a, b in zip(fresh, body, strict=True)) else fresh


def _lower_statement(node: ast.stmt, context: Context) -> ast.stmt:
    if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
        return lower_definition(node, context)
    return _lower_suites(node, context) if _nested_suites(node) else node


def lower_module(tree: ast.Module, skipped: frozenset[int] = frozenset()) -> ast.Module:
    """The plain form of a module; *tree* itself if nothing in it can wait.

    Definitions at the lines *skipped* stay as they are.
    """
    body = _lower_suite(tree.body, Context(skipped=skipped))
    if body is tree.body:
        return tree
    start = int(ast.get_docstring(tree, clean=False) is not None)
    while isinstance(body[start], ast.ImportFrom) and getattr(body[start], "module", "") == "__future__":
        start += 1
    helpers = ast.alias(f"{__package__}.runtime", build.RUNTIME, **build.spot(body[start]))
    importing = ast.Import([helpers], **build.spot(body[start]))
    return ast.Module([*body[:start], importing, *body[start:]], tree.type_ignores)
