"""Lower list, set and dict comprehensions with awaits: they become loops.

Their variables keep a scope of their own by getting hidden names.
"""

import ast
from typing import Any

from . import build
from .core import EXPRESSIONS, Lowering, Unsupported, lowers
from .scan import COMPREHENSIONS
from .scopes import Scope, analyse

_EMPTY: dict[type[ast.AST], Any] = {
    ast.ListComp: lambda at: build.placed(ast.List([], build.LOAD), at),
    ast.SetComp: lambda at: build.helper("set", [], at),
    ast.DictComp: lambda at: build.placed(ast.Dict([], []), at),
}


@lowers(EXPRESSIONS, *COMPREHENSIONS)
def _comprehension(low: Lowering, node: Any) -> ast.expr:
    first, *others = node.generators
    if not any(each.is_async for each in node.generators) and not low.any_point(_parts(node)):
        ready = ast.comprehension(first.target, low.expression(first.iter), first.ifs, 0)
        return build.replaced(node, generators=[ready, *others])
    names = _variables(node)
    renamed = {each: low.fresh(f"{each}:") for each in sorted(names)}
    result = low.keep_value(_EMPTY[type(node)](node), node)
    assert isinstance(result, ast.Name)
    inner = _collect(node, result, _Rename(renamed))
    for each in reversed(node.generators):
        inner = _loop(each, inner, _Rename(renamed), first=each is first)
    low.live += renamed.values()
    low.statement(low.mark(inner[0]))
    del low.live[len(low.live) - len(renamed) :]
    if renamed:
        low.emit(build.clear(renamed.values(), node))
    return result


def _parts(node: Any) -> list[Any]:
    """All of a comprehension but its first iterable, which is evaluated outside of it."""
    first, *others = node.generators
    parts = [getattr(node, field, None) for field in ("elt", "key", "value")]
    return [*parts, first.target, *first.ifs, *others]


def _variables(node: Any) -> set[str]:
    """The variables of the comprehension; a function that closes over one would see our renaming."""
    scope = _scope_of(node)
    if scope.bound & scope.captured():
        raise Unsupported("a function inside a comprehension with awaits uses the comprehension's variable")
    return scope.bound


def _scope_of(node: ast.expr) -> Scope:
    """The scope that a comprehension or lambda makes."""
    return analyse(build.thunk(node, node)).children[-1]


def _collect(node: Any, result: ast.Name, rename: "_Rename") -> list[ast.stmt]:
    """What is done for each element."""
    if isinstance(node, ast.DictComp):
        method, parts = "__setitem__", [node.key, node.value]
    else:
        method, parts = ("append" if isinstance(node, ast.ListComp) else "add"), [node.elt]
    function = build.attribute(build.name(result.id, node), method, node)
    return [build.expression(build.call(function, [rename.visit(part) for part in parts], node), node)]


def _loop(
    each: ast.comprehension, inner: list[ast.stmt], rename: "_Rename", *, first: bool
) -> list[ast.stmt]:
    for test in reversed(each.ifs):
        inner = [build.branch(rename.visit(test), inner, [], test)]
    kind = ast.AsyncFor if each.is_async else ast.For
    iterable = each.iter if first else rename.visit(each.iter)
    return [build.placed(kind(rename.visit(each.target), iterable, inner, []), each.target)]


class _Rename(ast.NodeTransformer):
    """A copy of an expression in which some variables have other names."""

    def __init__(self, names: dict[str, str]) -> None:
        self.names = names

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, ast.Name):
            if node.id in self.names:
                return build.replaced(node, id=self.names[node.id])
            return node
        if isinstance(node, ast.Lambda | ast.GeneratorExp | ast.ListComp | ast.SetComp | ast.DictComp):
            return self.scoped(node)
        return self.copied(node)

    def copied(self, node: ast.AST) -> ast.AST:
        """A copy whose children are visited."""
        fields: dict[str, Any] = {}
        for field, value in node.__dict__.items():
            if isinstance(value, ast.AST):
                fields[field] = self.visit(value)
            elif isinstance(value, list):
                fields[field] = [self.visit(item) if isinstance(item, ast.AST) else item for item in value]
        return build.replaced(node, **fields)

    def scoped(self, node: Any) -> ast.AST:
        """Inside another scope its own variables hide ours, but not where it is evaluated out here."""
        own = _scope_of(node).bound
        outer, self.names = self.names, {k: v for k, v in self.names.items() if k not in own}
        try:
            inner: Any = self.copied(node)
        finally:
            self.names = outer
        if isinstance(node, ast.Lambda):
            inner.args = self.visit(node.args)
        else:
            inner.generators[0].iter = self.visit(node.generators[0].iter)
        return inner
