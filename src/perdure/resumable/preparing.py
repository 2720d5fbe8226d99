"""Before lowering: changes to the user's tree that need no statement of their own.

Generator expressions become generator functions, so that one can be alive across an await;
``locals()`` does not show hidden variables.
"""

import ast
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
    body = change.suite(build.cloned(node.body))
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
        node.generators[0].iter = self.visit(node.generators[0].iter)
        return self.called(as_function(node, self.scope.globals), node)

    def called(self, function: Any, node: Any) -> ast.Call:
        """Call a function made in front of the statement with what it is to iterate over."""
        self.count += 1
        name, first = f".gen{self.count}", node.generators[0]
        self.makers += [function, build.assign(name, build.name(function.name, node), node)]
        if outside := [each for each in function.body[:2] if isinstance(each, ast.Nonlocal)]:
            binding = build.clear(outside[0].names, node)  # a walrus in there may be the only one to bind it
            self.makers.insert(0, build.branch(build.constant(False, node), [binding], [], node))
        begin = "aiter" if first.is_async else "iter"
        iterator = build.helper("over", [build.helper(begin, [first.iter], first.iter)], first.iter)
        return build.call(build.name(name, node), [iterator], node)

    def visit_FunctionDef(self, node: Any) -> Any:
        return node

    visit_AsyncFunctionDef = visit_Lambda = visit_ClassDef = visit_FunctionDef

    def visit_ListComp(self, node: Any) -> Any:
        node.generators[0].iter = self.visit(node.generators[0].iter)
        if not is_closed_over(node):
            return node  # it becomes a loop; a function in here would be made outside of its scope
        function = as_coroutine_function(node, self.scope.globals)
        return ast.Await(self.called(function, node), **build.spot(node))

    visit_SetComp = visit_DictComp = visit_ListComp


def as_function(node: ast.GeneratorExp, global_names: set[str]) -> Any:
    """The generator function that a generator expression is short for."""
    step = build.expression(ast.Yield(node.elt, **build.spot(node.elt)), node.elt)
    kind = ast.AsyncFunctionDef if waits(node) else ast.FunctionDef
    return _define(kind, "<genexpr>", _loops(node, step), node, global_names)


def is_closed_over(node: Any) -> bool:
    """Whether a comprehension waits, and a function inside it uses its variables.

    Then it needs a scope of its own, each time that it runs.
    """
    scope = analyse(_held(node)).children[-1]
    return bool(scope.bound & scope.captured()) and waits(node)


def as_coroutine_function(node: Any, global_names: set[str]) -> Any:
    """The coroutine function that a comprehension stands for."""
    name, empty, method = _DISPLAYS[type(node)]
    parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
    fill = build.attribute(build.name(empty, node), method, node)
    body = _loops(node, build.expression(build.call(fill, parts, node), node))
    made = (
        build.helper("set", [], node) if isinstance(node, ast.SetComp) else ast.parse(empty, mode="eval").body
    )
    begin = build.assign(empty, ast.copy_location(made, node), node)
    end = ast.Return(build.name(empty, node), **build.spot(node))
    return _define(ast.AsyncFunctionDef, name, [begin, *body, end], node, global_names)


# For each comprehension: its function's name, the local for the result (not a name that users can
# have), and how it is filled.
_DISPLAYS = {
    ast.ListComp: ("<listcomp>", "[]", "append"),
    ast.SetComp: ("<setcomp>", "{*()}", "add"),
    ast.DictComp: ("<dictcomp>", "{}", "__setitem__"),
}


def _loops(node: Any, inner: ast.stmt) -> list[ast.stmt]:
    """The nested loops of a comprehension; the first runs over the parameter."""
    body: list[ast.stmt] = [inner]
    for each in reversed(node.generators):
        for test in reversed(each.ifs):
            body = [build.branch(test, body, [], test)]
        first = each is node.generators[0]
        iterable = build.name(FIRST, each.iter) if first else each.iter
        loop = ast.AsyncFor if each.is_async else ast.For
        body = [loop(each.target, iterable, body, [], **build.spot(each.target))]
    return body


def waits(node: Any) -> bool:
    """Whether a comprehension awaits anything, but in its first iterable."""
    marks: Marks = {}
    first, *others = node.generators
    parts = [getattr(node, field, None) for field in ("elt", "key", "value")]
    parts += [first.target, *first.ifs, *others]
    return bool(scan_all(parts, marks) & POINT) or any(each.is_async for each in node.generators)


def _define(kind: Any, name: str, body: list[ast.stmt], node: Any, global_names: set[str]) -> Any:
    """A definition with one parameter; what a walrus inside binds belongs to the function around it."""
    outer = analyse(_held(node))
    walrus = outer.children[-1].used & outer.walrus
    if outside := sorted(walrus - global_names):
        body.insert(0, ast.Nonlocal(outside, **build.spot(node)))
    if inside := sorted(walrus & global_names):
        body.insert(0, ast.Global(inside, **build.spot(node)))
    arguments = ast.arguments([], [ast.arg(FIRST, **build.spot(node))], None, [], [], None, [])
    fields: dict[str, Any] = {"type_params": []} if "type_params" in ast.FunctionDef._fields else {}
    return kind(name, arguments, body, [], None, **fields, **build.spot(node))


def _held(node: ast.expr) -> ast.Lambda:
    return ast.Lambda(ast.arguments([], [], None, [], [], None, []), node, **build.spot(node))
