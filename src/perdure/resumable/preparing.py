"""Before lowering: changes to the user's tree that need no statement of their own.

Generator expressions become generator functions, so that one can be alive across an await;
``locals()`` does not show hidden variables.
"""

import ast
from collections.abc import Callable
from typing import Any

from . import build
from .scan import ASKS, COMPREHENSIONS, DECLARES, FUNCTIONS, GENERATOR, POINT, Marks, scan
from .scopes import analyse

INTROSPECTION = frozenset({"locals", "vars"})
_CHANGES = GENERATOR | ASKS
_SUITES = ("body", "orelse", "finalbody")
FIRST = ".0"  # the parameter of a generator expression, as the interpreter calls it


def prepare(node: Any, bits: int, marks: Marks) -> tuple[Any, list[ast.stmt]]:
    """A changed copy of a function definition, and the generator functions it now contains.

    *bits* and *marks* are what `scan` has found; a definition with nothing to change is returned as it is.
    """
    if not bits & _CHANGES:
        return node, []
    change = _Prepare(analyse(node).globals if bits & DECLARES else set(), marks)
    return build.replaced(node, body=change.suite(node.body)), change.every


class _Prepare:
    """The body of one function; functions inside it are prepared on their own."""

    def __init__(self, global_names: set[str], marks: Marks) -> None:
        self.globals, self.marks = global_names, marks
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

    def visit(self, node: Any) -> Any:
        """The node as it should be; itself if nothing in it changes."""
        if not self.marks.get(node, 0) & _CHANGES:
            return node
        rule = _RULES.get(node.__class__)
        return rule(self, node) if rule else self.copied(node)

    def copied(self, node: Any) -> Any:
        """A copy with its children visited."""
        fields: dict[str, Any] = {}
        for field, value in node.__dict__.items():
            if field in _SUITES and isinstance(value, list):
                fields[field] = self.suite(value)
            elif isinstance(value, list):
                fields[field] = [self.visit(each) for each in value]
            elif isinstance(value, ast.AST):
                fields[field] = self.visit(value)
        return build.replaced(node, **fields)

    def same(self, node: Any) -> Any:
        """What makes a scope of its own."""
        return node

    def call(self, node: ast.Call) -> ast.expr:
        """``locals()`` shows what the user has written."""
        fresh = self.copied(node)
        asks = isinstance(node.func, ast.Name) and node.func.id in INTROSPECTION
        return build.helper("visible", [fresh], node) if asks and not node.args else fresh

    def generator(self, node: ast.GeneratorExp) -> ast.expr:
        """A call of the generator function that it is short for."""
        node = self.begun(node)
        return self.called(as_function(node, self.globals), node)

    def comprehension(self, node: Any) -> Any:
        """It becomes a loop; a function in here would be made outside of its scope."""
        node = self.begun(node)
        if not is_closed_over(node):
            return node
        function = as_coroutine_function(node, self.globals)
        return build.placed(ast.Await(self.called(function, node)), node)

    def begun(self, node: Any) -> Any:
        """A copy whose first iterable, which is evaluated in the function itself, is visited."""
        first, *others = node.generators
        first = build.replaced(first, iter=self.visit(first.iter))
        return build.replaced(node, generators=[first, *others])

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


_RULES: dict[type[ast.AST], Callable[[_Prepare, Any], Any]] = {
    ast.Call: _Prepare.call,
    ast.GeneratorExp: _Prepare.generator,
    **dict.fromkeys(COMPREHENSIONS, _Prepare.comprehension),
    **dict.fromkeys((*FUNCTIONS, ast.ClassDef, ast.Lambda), _Prepare.same),
}


def as_function(node: ast.GeneratorExp, global_names: set[str]) -> Any:
    """The generator function that a generator expression is short for."""
    step = build.expression(build.placed(ast.Yield(node.elt), node.elt), node.elt)
    kind = ast.AsyncFunctionDef if waits(node) else ast.FunctionDef
    return _define(kind, "<genexpr>", _loops(node, step), node, global_names)


def is_closed_over(node: Any) -> bool:
    """Whether a comprehension waits, and a function inside it uses its variables.

    Then it needs a scope of its own, each time that it runs.
    """
    scope = analyse(build.thunk(node, node)).children[-1]
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
    end = build.placed(ast.Return(build.name(empty, node)), node)
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
        body = [build.placed(loop(each.target, iterable, body, []), each.target)]
    return body


def waits(node: Any) -> bool:
    """Whether a comprehension awaits anything, but in its first iterable."""
    marks: Marks = {}
    first, *others = node.generators
    parts = [getattr(node, field, None) for field in ("elt", "key", "value")]
    parts += [first.target, *first.ifs, *others]
    return bool(scan(parts, marks) & POINT) or any(each.is_async for each in node.generators)


def _define(kind: Any, name: str, body: list[ast.stmt], node: Any, global_names: set[str]) -> Any:
    """A definition with one parameter; what a walrus inside binds belongs to the function around it."""
    outer = analyse(build.thunk(node, node))
    walrus = outer.children[-1].used & outer.walrus
    if outside := sorted(walrus - global_names):
        body.insert(0, build.placed(ast.Nonlocal(outside), node))
    if inside := sorted(walrus & global_names):
        body.insert(0, build.placed(ast.Global(inside), node))
    return build.definition(kind, name, [FIRST], body, node)
