"""Before the second pass: the plain form of a function, made fit for what stands around a re-entry form.

The header there declares globals and nonlocals, and the first parameter is not the method's. So here
``super()`` gets its arguments, and declarations and annotations of what the header declares are left out.
"""

import ast
from dataclasses import replace
from typing import Any

from . import build
from .lower import Lowered
from .scan import FUNCTIONS

_UNCHANGED = frozenset(
    {*FUNCTIONS, ast.Lambda, ast.ClassDef, ast.Name, ast.Constant, ast.Pass, ast.Break, ast.Continue}
)


def fitted(lowered: Lowered) -> Lowered:
    """*lowered* with a body that any of its re-entry forms can take its statements from."""
    arguments = lowered.original.args
    first = [*arguments.posonlyargs, *arguments.args][:1]
    itself = first[0].arg if first and "__class__" in lowered.cells else None
    declared = lowered.scope.globals.union(lowered.cells)
    if not itself and not declared:
        return lowered
    fit = _Fit(lowered, itself, declared)
    body = [fit.visit(each) for each in lowered.body]
    points = [replace(each, node=fit.copies.get(each.node, each.node)) for each in lowered.points]
    fresh = replace(lowered, body=body, points=points, spans=fit.spans, notes=fit.notes)
    fresh.scope = lowered.scope
    return fresh


class _Fit:
    """A copy of statements, as far as something in them changes."""

    def __init__(self, lowered: Lowered, itself: str | None, declared: set[str]) -> None:
        self.itself, self.declared = itself, declared
        self.spans, self.notes = dict(lowered.spans), dict(lowered.notes)
        self.copies: dict[Any, Any] = {}

    def visit(self, node: Any) -> Any:
        """The node as it should be; the same object if nothing in it changes."""
        kind = node.__class__
        if kind in _UNCHANGED:
            return node
        if kind is ast.Global or kind is ast.Nonlocal:
            return build.placed(ast.Pass(), node)
        if kind is ast.AnnAssign and getattr(node.target, "id", None) in self.declared:
            if node.value is None:
                return build.placed(ast.Pass(), node)
            return self.known(build.placed(ast.Assign([node.target], self.visit(node.value)), node), node)
        if kind is ast.Call and self.itself and _is_bare_super(node):
            return build.replaced(node, args=[build.name("__class__", node), build.name(self.itself, node)])
        return self.copied(node)

    def copied(self, node: Any) -> Any:
        """The node with its children visited."""
        changes: dict[str, Any] = {}
        for field, value in node.__dict__.items():
            if value.__class__ is list:
                fresh = [self.visit(each) if isinstance(each, ast.AST) else each for each in value]
                if any(new is not old for new, old in zip(fresh, value, strict=True)):
                    changes[field] = fresh
            elif isinstance(value, ast.AST) and (fresh := self.visit(value)) is not value:
                changes[field] = fresh
        return self.known(build.replaced(node, **changes), node) if changes else node

    def known(self, copy: Any, node: Any) -> Any:
        """What is known of *node* is known of its copy."""
        self.copies[node] = copy
        if span := self.spans.get(node):
            self.spans[copy] = span
        if note := self.notes.get(node):
            self.notes[copy] = note
        return copy


def _is_bare_super(node: ast.Call) -> bool:
    called = isinstance(node.func, ast.Name) and node.func.id == "super"
    return called and not node.args and not node.keywords
