"""Before lowering: changes to the user's tree that need no statement of their own.

Generator expressions become generator functions, so that one can be alive across an await;
``locals()`` does not show hidden variables.
"""

import ast
from copy import deepcopy
from typing import Any

from . import build
from .scan import ASKS, GENERATOR, POINT, Marks, scan_all
from .scopes import Scope, analyse

INTROSPECTION = frozenset({"locals", "vars"})
_SUITES = ("body", "orelse", "finalbody")
FIRST = ".0"  # the parameter of a generator expression, as the interpreter calls it


def prepare(node: Any, bits: int) -> tuple[Any, list[ast.stmt]]:
    """A changed copy of a function definition, and the generator functions it now contains."""
    if not bits & (GENERATOR | ASKS):
        return node, []
    change = _Prepare(analyse(node))
    body = change.suite(deepcopy(node.body))
    return build.replaced(node, body=body), change.every


class _Prepare(ast.NodeTransformer):
    """The body of one function; functions inside it are prepared on their own."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.makers: list[ast.stmt] = []  # for the statement at hand
        self.every: list[ast.stmt] = []
        self.count = 0

    def suite(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """Each statement, behind the generator functions that it uses."""
        done: list[ast.stmt] = []
        for statement in body:
            outer, self.makers = self.makers, []
            fresh = self.visit(statement)
            done += [*self.makers, fresh]
            self.every += self.makers
            self.makers = outer
        return done

    def generic_visit(self, node: ast.AST) -> Any:
        for field in node._fields:
            value = getattr(node, field, None)
            if field in _SUITES and isinstance(value, list):
                setattr(node, field, self.suite(value))
            elif isinstance(value, list):
                setattr(
                    node, field, [self.visit(each) if isinstance(each, ast.AST) else each for each in value]
                )
            elif isinstance(value, ast.AST):
                setattr(node, field, self.visit(value))
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        asks = isinstance(node.func, ast.Name) and node.func.id in INTROSPECTION
        return build.helper("visible", [node], node) if asks and not node.args else node

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> ast.expr:
        first = node.generators[0]
        first.iter = self.visit(first.iter)
        self.count += 1
        name = f".gen{self.count}"
        function = as_function(node, self.scope.globals)
        self.makers += [function, build.assign(name, build.name(function.name, node), node)]
        begin = "aiter" if first.is_async else "iter"
        iterator = build.helper("over", [build.helper(begin, [first.iter], first.iter)], first.iter)
        return build.call(build.name(name, node), [iterator], node)

    def visit_FunctionDef(self, node: Any) -> Any:
        return node

    visit_AsyncFunctionDef = visit_Lambda = visit_ClassDef = visit_FunctionDef

    def visit_ListComp(self, node: Any) -> Any:
        node.generators[0].iter = self.visit(node.generators[0].iter)
        return node  # a function in here would be made where the comprehension's variables are unknown

    visit_SetComp = visit_DictComp = visit_ListComp


def as_function(node: ast.GeneratorExp, global_names: set[str]) -> Any:
    """The generator function that a generator expression is short for."""
    body: list[ast.stmt] = [build.expression(ast.Yield(node.elt, **build.spot(node.elt)), node.elt)]
    for each in reversed(node.generators):
        for test in reversed(each.ifs):
            body = [build.branch(test, body, [], test)]
        first = each is node.generators[0]
        iterable = build.name(FIRST, each.iter) if first else each.iter
        loop = ast.AsyncFor if each.is_async else ast.For
        body = [loop(each.target, iterable, body, [], **build.spot(each.target))]
    walrus = analyse(_held(node)).children[-1].used & analyse(_held(node)).walrus
    if outside := sorted(walrus - global_names):
        body.insert(0, ast.Nonlocal(outside, **build.spot(node)))
    if inside := sorted(walrus & global_names):
        body.insert(0, ast.Global(inside, **build.spot(node)))
    marks: Marks = {}
    waits = bool(scan_all([node.elt], marks) & POINT) or any(each.is_async for each in node.generators)
    waits = waits or any(scan_all(each.ifs, marks) & POINT for each in node.generators)
    waits = waits or any(scan_all([each.iter], marks) & POINT for each in node.generators[1:])
    kind = ast.AsyncFunctionDef if waits else ast.FunctionDef
    arguments = ast.arguments([], [ast.arg(FIRST, **build.spot(node))], None, [], [], None, [])
    fields: dict[str, Any] = {"type_params": []} if "type_params" in ast.FunctionDef._fields else {}
    return kind("<genexpr>", arguments, body, [], None, **fields, **build.spot(node))


def _held(node: ast.expr) -> ast.Lambda:
    return ast.Lambda(ast.arguments([], [], None, [], [], None, []), node, **build.spot(node))
