"""Drive the lowering passes over a function, or over every function of a module."""

import ast
import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from . import build, cleanup, comprehensions, expressions, matching, statements
from .context import Context, type_parameters
from .core import Lowering, Notes, Point, Spans
from .preparing import prepare
from .scan import CLOSES, FUNCTIONS, GENERATOR, NESTED, POINT, YIELD, Marks, scan
from .scopes import Scope, analyse
from .words import Words

RULES = (cleanup, comprehensions, expressions, matching, statements)  # importing them fills the tables
_SUITES = ("body", "orelse", "finalbody")
_DEFINITIONS = (*FUNCTIONS, ast.ClassDef)


@dataclass
class Lowered:
    """A function in plain form, with all that re-entry needs."""

    original: Any
    node: Any  # the plain form
    body: list[ast.stmt]  # of the plain form, without docstring and cells
    points: list[Point]
    spans: Spans
    notes: Notes
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
    if not context.words.within(node.body[0], node.body[-1]):
        return None
    bits = scan(node.body, marks)
    if not bits & POINT:
        return None
    function, makers = prepare(node, bits, marks)
    if function is not node:
        context = context.without_words()
        bits |= scan(function.body, marks)
    low = Lowering(function, context, marks, bits)
    low.definition = lower_definition
    low.bare_returns = bool(bits & YIELD) and isinstance(node, ast.AsyncFunctionDef)
    documented = ast.get_docstring(node, clean=False) is not None
    prelude, rest = function.body[:documented], function.body[documented:]
    cells = _cell_names(low, context, bits)
    body = low.body(rest)
    if cells:
        prelude = [*prelude, keep_cells(cells, body[0])]
    return Lowered(
        original=node,
        node=build.replaced(function, body=[*prelude, *body]),
        body=body,
        points=low.points,
        spans=low.spans,
        notes=low.notes,
        function=function,
        cells=cells,
        context=context,
        generator=bool(bits & YIELD),
        makers=[low.nested(each) if isinstance(each, FUNCTIONS) else each for each in makers],
    )


def _cell_names(low: Lowering, context: Context, bits: int) -> tuple[str, ...]:
    """The variables that the function shares with those inside and around it."""
    if low.alone and not bits & (NESTED | GENERATOR | CLOSES):
        return ()
    visible = context.visible | type_parameters(low.function)
    return tuple(sorted(low.shared | (low.scope.wanted() & visible)))


def keep_cells(names: Iterable[str], at: Any) -> ast.Assign:
    """``.cells = lambda: (a, b)``: never called; its closure is how capture finds the cells."""
    every = build.placed(ast.Tuple([build.name(each, at) for each in names], build.LOAD), at)
    return build.assign(build.CELLS, build.thunk(every, at), at)


def lower_definition(node: Any, context: Context) -> Any:
    """The plain form of a definition and of those inside it; *node* itself if nothing changes."""
    if node.lineno in context.skipped or not context.words.within(node, node):
        return node
    if isinstance(node, ast.ClassDef):
        return _lower_suites(node, context.inside_class(node))
    if lowered := lower_function(node, context):
        return lowered.node
    if not any(map(_holds_definitions, node.body)):
        return node
    return _lower_suites(node, context.inside_function(node, analyse(node)))


def _holds_definitions(node: ast.stmt) -> bool:
    """Whether a statement is a definition, or a compound statement in which there may be one."""
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
            if not all(map(operator.is_, done, clauses)):
                changes[field] = done
    if not changes:
        return node
    return build.replaced(node, **changes)


def _lower_suite(body: list[ast.stmt], context: Context) -> list[ast.stmt]:
    fresh = [_lower_statement(each, context) for each in body]
    return body if all(map(operator.is_, fresh, body)) else fresh


def _lower_statement(node: ast.stmt, context: Context) -> ast.stmt:
    if isinstance(node, _DEFINITIONS):
        return lower_definition(node, context)
    inside = _holds_definitions(node) and context.words.within(node, node)
    return _lower_suites(node, context) if inside else node


def lower_module(tree: ast.Module, words: Words, skipped: frozenset[int] = frozenset()) -> ast.Module:
    """The plain form of a module, whose text has these *words*; *tree* itself if nothing in it can wait.

    Definitions at the lines *skipped* stay as they are.
    """
    body = _lower_suite(tree.body, Context(words=words, skipped=skipped))
    if body is tree.body:
        return tree
    start = int(ast.get_docstring(tree, clean=False) is not None)
    while isinstance(body[start], ast.ImportFrom) and getattr(body[start], "module", "") == "__future__":
        start += 1
    helpers = build.placed(ast.alias(f"{__package__}.runtime", build.RUNTIME), body[start])
    importing = build.placed(ast.Import([helpers]), body[start])
    return ast.Module([*body[:start], importing, *body[start:]], tree.type_ignores)
