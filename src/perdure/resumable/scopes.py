"""Which names of a function live in cells: shared with functions inside it, or with those around it."""

import ast
from dataclasses import dataclass, field
from typing import Any

from .scan import COMPREHENSIONS, FUNCTIONS


@dataclass
class Scope:
    """The names of one function, lambda, class body or comprehension."""

    is_class: bool = False
    comprehension: bool = False
    inline: bool = False  # a comprehension that runs at once: nothing of it outlives the expression
    bound: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)
    globals: set[str] = field(default_factory=set)
    nonlocals: set[str] = field(default_factory=set)
    walrus: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    children: "list[Scope]" = field(default_factory=list)
    parent: "Scope | None" = None

    def child(self, **kind: Any) -> "Scope":
        """A scope inside this one."""
        scope = Scope(parent=self, **kind)
        self.children.append(scope)
        return scope

    def wanted(self) -> set[str]:
        """Names that this scope and those inside it take from around it."""
        below = set[str]().union(*(scope.wanted() for scope in self.children))
        mine = self.used | self.nonlocals
        owned = self.bound - self.nonlocals - self.globals
        if self.is_class:
            return (mine - owned - self.globals) | (below - {"__class__"})
        return (mine | below) - owned - self.globals

    def captured(self) -> set[str]:
        """Names that functions inside this one take from it."""
        found = set[str]()
        for scope in self.children:
            found |= (scope.captured() - scope.bound) if scope.inline else scope.wanted()
        return found

    @property
    def own(self) -> set[str]:
        """The local variables."""
        return self.bound - self.globals - self.nonlocals

    @property
    def shared(self) -> set[str]:
        """Local variables that functions inside this one refer to."""
        return self.own & self.captured()


def analyse(function: Any) -> Scope:
    """The scope of a function definition or lambda, with all scopes inside it."""
    scope = Scope()
    _function_body(function, scope)
    return scope


def bindings(function: Any) -> Scope:
    """As `analyse`, but only what is bound: enough where no other function is inside or around.

    Then it is the statements that bind names, and no expression need be looked at.
    """
    scope = Scope(bound=set(parameters(function.args)))
    for statement in function.body:
        _bindings(statement, scope)
    return scope


def surely_bound(statements: list[ast.stmt]) -> set[str]:
    """Names that have a value when these statements are done, if nothing deletes them."""
    scope = Scope()
    for each in statements:
        if isinstance(each, _BINDS) and each.value is not None:
            _bindings(each, scope)
    return scope.bound


def parameters(arguments: ast.arguments) -> list[str]:
    """The names of all parameters, in order."""
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    every += [each for each in (arguments.vararg, arguments.kwarg) if each]
    return [each.arg for each in every]


def _function_body(node: Any, scope: Scope) -> None:
    scope.bound.update(parameters(node.args))
    body = node.body if isinstance(node.body, list) else [node.body]
    for statement in body:
        _visit(statement, scope)


def _visit(node: ast.AST, scope: Scope) -> None:
    if rule := _RULES.get(node.__class__):
        rule(node, scope)
    else:
        _visit_children(node, scope)


def _bindings(node: Any, scope: Scope) -> None:
    """Visit only those fields of a statement in which a name may be bound."""
    fields = _BINDING.get(node.__class__)
    if fields is None:
        _visit(node, scope)
        return
    for each in fields:
        value = getattr(node, each)
        for part in value if value.__class__ is list else (value,):
            if part is not None:
                _bindings(part, scope)


def _visit_children(node: ast.AST, scope: Scope) -> None:
    for name in node._fields:
        value = getattr(node, name, None)
        if type(value) is list:
            for item in value:
                if isinstance(item, ast.AST):
                    _visit(item, scope)
        elif isinstance(value, ast.AST):
            _visit(value, scope)


def _name(node: ast.Name, scope: Scope) -> None:
    if isinstance(node.ctx, ast.Load):
        scope.used.add(node.id)
        if node.id == "super":
            scope.used.add("__class__")
        return
    scope.bound.add(node.id)
    if isinstance(node.ctx, ast.Del):
        scope.deleted.add(node.id)


def _definition(node: Any, scope: Scope) -> None:
    scope.bound.add(node.name)
    for expression in node.decorator_list:
        _visit(expression, scope)
    _signature(node, scope)
    inner = scope.child()
    inner.bound.update(each.name for each in getattr(node, "type_params", ()))
    _function_body(node, inner)


def _signature(node: Any, scope: Scope) -> None:
    every = [*node.args.defaults, *node.args.kw_defaults, getattr(node, "returns", None)]
    arguments = [
        *node.args.posonlyargs,
        *node.args.args,
        *node.args.kwonlyargs,
        node.args.vararg,
        node.args.kwarg,
    ]
    every += [each.annotation for each in arguments if each]
    for expression in every:
        if expression is not None:
            _visit(expression, scope)


def _lambda(node: ast.Lambda, scope: Scope) -> None:
    _signature(node, scope)
    _function_body(node, scope.child())


def _class(node: ast.ClassDef, scope: Scope) -> None:
    scope.bound.add(node.name)
    for expression in [*node.decorator_list, *node.bases, *(each.value for each in node.keywords)]:
        _visit(expression, scope)
    inner = scope.child(is_class=True)
    for statement in node.body:
        _visit(statement, inner)


def _comprehension(node: Any, scope: Scope) -> None:
    first, *others = node.generators
    _visit(first.iter, scope)
    inner = scope.child(comprehension=True, inline=isinstance(node, COMPREHENSIONS))
    for each in (first, *others):
        _visit(each.target, inner)
        for condition in each.ifs:
            _visit(condition, inner)
    for each in others:
        _visit(each.iter, inner)
    for part in (getattr(node, "elt", None), getattr(node, "key", None), getattr(node, "value", None)):
        if part is not None:
            _visit(part, inner)


def _walrus(node: ast.NamedExpr, scope: Scope) -> None:
    owner = scope
    while owner.parent is not None and owner.comprehension:
        owner.used.add(node.target.id)
        owner = owner.parent
    owner.bound.add(node.target.id)
    owner.walrus.add(node.target.id)
    _visit(node.value, scope)


def _global(node: ast.Global, scope: Scope) -> None:
    scope.globals.update(node.names)


def _nonlocal(node: ast.Nonlocal, scope: Scope) -> None:
    scope.nonlocals.update(node.names)


def _handler(node: ast.ExceptHandler, scope: Scope) -> None:
    if node.name:
        scope.bound.add(node.name)
        scope.deleted.add(node.name)
    _visit_children(node, scope)


def _import(node: Any, scope: Scope) -> None:
    scope.bound.update((alias.asname or alias.name).partition(".")[0] for alias in node.names)


def _capture(node: Any, scope: Scope) -> None:
    if node.name:
        scope.bound.add(node.name)
    _visit_children(node, scope)


def _mapping(node: ast.MatchMapping, scope: Scope) -> None:
    if node.rest:
        scope.bound.add(node.rest)
    _visit_children(node, scope)


_RULES: dict[type[ast.AST], Any] = {
    ast.Name: _name,
    **dict.fromkeys(FUNCTIONS, _definition),
    ast.Lambda: _lambda,
    ast.ClassDef: _class,
    **dict.fromkeys((*COMPREHENSIONS, ast.GeneratorExp), _comprehension),
    ast.NamedExpr: _walrus,
    ast.Global: _global,
    ast.Nonlocal: _nonlocal,
    ast.ExceptHandler: _handler,
    **dict.fromkeys((ast.Import, ast.ImportFrom), _import),
    **dict.fromkeys((ast.MatchAs, ast.MatchStar), _capture),
    ast.MatchMapping: _mapping,
}

_BINDS = (ast.Assign, ast.AugAssign, ast.AnnAssign)
_LOOP = ("target", "body", "orelse")
_BINDING: dict[type[ast.AST], tuple[str, ...]] = {
    **dict.fromkeys((ast.Expr, ast.Return, ast.Raise, ast.Assert, ast.Attribute, ast.Subscript), ()),
    ast.Assign: ("targets",),
    **dict.fromkeys((ast.AugAssign, ast.AnnAssign), ("target",)),
    **dict.fromkeys((ast.If, ast.While), ("body", "orelse")),
    **dict.fromkeys((ast.For, ast.AsyncFor), _LOOP),
    **dict.fromkeys((ast.With, ast.AsyncWith), ("items", "body")),
    ast.withitem: ("optional_vars",),
    **dict.fromkeys((ast.Try, ast.TryStar), ("body", "handlers", "orelse", "finalbody")),
}
