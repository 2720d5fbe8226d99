"""Small constructors of syntax nodes, each placed at the position of a node of the user's source.

Hidden names begin with a dot, so they can't meet a user's name.
"""

import ast
from collections.abc import Iterable
from typing import Any, TypeVar

Node = TypeVar("Node", bound=ast.AST)

HIDDEN = ".<"  # how the names of hidden locals begin
POINT = ".k"  # number of the await that a frame is suspended at
CELLS = ".cells"  # a lambda that closes over every cell the frame shares with other functions
STATE = ".s"  # the one parameter of a re-entry form: its locals, by name
INNER = ".w"  # in a re-entry form: makes what the awaited expression stood for
RETURNED = ".ret"  # the value of a `return` that is on its way through a `finally`
RUNTIME = ".perdure"  # module global: the helpers of rewritten code

LOAD, STORE, DELETE = ast.Load(), ast.Store(), ast.Del()


def placed(node: Node, at: Any) -> Node:
    """*node*, at the position of *at*."""
    node.lineno, node.col_offset = at.lineno, at.col_offset  # type: ignore[attr-defined]
    node.end_lineno, node.end_col_offset = at.end_lineno, at.end_col_offset  # type: ignore[attr-defined]
    return node


def name(identifier: str, at: Any) -> ast.Name:
    """``identifier``, read."""
    return placed(ast.Name(identifier, LOAD), at)


def target(identifier: str, at: Any) -> ast.Name:
    """``identifier``, assigned."""
    return placed(ast.Name(identifier, STORE), at)


def constant(value: Any, at: Any) -> ast.Constant:
    """A literal."""
    return placed(ast.Constant(value), at)


def assign(identifier: str, value: ast.expr, at: Any) -> ast.Assign:
    """``identifier = value``."""
    return placed(ast.Assign([target(identifier, at)], value), at)


def clear(identifiers: Iterable[str], at: Any) -> ast.Assign:
    """``a = b = None``: let go of what hidden locals hold."""
    return placed(ast.Assign([target(each, at) for each in identifiers], constant(None, at)), at)


def forget(identifier: str, at: Any) -> list[ast.stmt]:
    """Unbind a name whether or not it is bound, as at the end of ``except … as name``."""
    deletion = placed(ast.Delete([placed(ast.Name(identifier, DELETE), at)]), at)
    return [assign(identifier, constant(None, at), at), deletion]


def attribute(value: ast.expr, attr: str, at: Any) -> ast.Attribute:
    """``value.attr``, read."""
    return placed(ast.Attribute(value, attr, LOAD), at)


def call(function: ast.expr, arguments: list[ast.expr], at: Any) -> ast.Call:
    """``function(*arguments)``."""
    return placed(ast.Call(function, arguments, []), at)


def helper(function: str, arguments: list[ast.expr], at: Any) -> ast.Call:
    """A call of one of the functions in ``runtime.py``."""
    return call(attribute(name(RUNTIME, at), function, at), arguments, at)


def thunk(value: ast.expr, at: Any) -> ast.Lambda:
    """``lambda: value``."""
    return placed(ast.Lambda(parameters([], at), value), at)


def parameters(names: list[str], at: Any) -> ast.arguments:
    """Parameters, positional or by keyword, without default values."""
    return ast.arguments([], [placed(ast.arg(each), at) for each in names], None, [], [], None, [])


def definition(kind: Any, identifier: str, names: list[str], body: list[ast.stmt], at: Any) -> Any:
    """``def identifier(*names): body``, or another *kind* of function definition."""
    later: dict[str, Any] = {"type_params": []} if "type_params" in kind._fields else {}
    return placed(kind(identifier, parameters(names, at), body, [], None, **later), at)


def truth(value: ast.expr, at: Any) -> ast.expr:
    """``not not value``: the truth of *value*, asked once."""
    return negated(negated(value, at), at)


def negated(value: ast.expr, at: Any) -> ast.UnaryOp:
    """``not value``."""
    return placed(ast.UnaryOp(ast.Not(), value), at)


def branch(test: ast.expr, body: list[ast.stmt], orelse: list[ast.stmt], at: Any) -> ast.If:
    """``if test: body else: orelse``."""
    return placed(ast.If(test, body, orelse), at)


def expression(value: ast.expr, at: Any) -> ast.Expr:
    """A statement of one expression."""
    return placed(ast.Expr(value), at)


def handler(named: str | None, body: list[ast.stmt], at: Any) -> ast.ExceptHandler:
    """``except BaseException as named: body``, whatever the user calls BaseException."""
    everything = attribute(name(RUNTIME, at), "BaseException", at)
    return placed(ast.ExceptHandler(everything, named, body), at)


def guarded(
    body: list[ast.stmt],
    handlers: list[ast.ExceptHandler],
    orelse: list[ast.stmt],
    finalbody: list[ast.stmt],
    at: Any,
) -> ast.Try:
    """A ``try`` statement."""
    return placed(ast.Try(body, handlers, orelse, finalbody), at)


def replaced(node: Any, **fields: Any) -> Any:
    """A shallow copy of *node* with some fields changed; the user's tree is never modified."""
    kind = node.__class__
    fresh = kind.__new__(kind)
    fresh.__dict__ = {**node.__dict__, **fields}
    return fresh


def substitute(node: Any, old: ast.AST, new: ast.AST) -> Any:
    """A copy of *node* with *old* (found by identity) replaced by *new*; *node* itself if absent."""
    if node is old:
        return new
    changes: dict[str, Any] = {}
    for field in node._fields:
        value = getattr(node, field, None)
        if isinstance(value, ast.AST):
            fresh: Any = substitute(value, old, new)
            if fresh is not value:
                changes[field] = fresh
        elif isinstance(value, list):
            fresh = [substitute(item, old, new) if isinstance(item, ast.AST) else item for item in value]
            if any(a is not b for a, b in zip(fresh, value, strict=True)):
                changes[field] = fresh
    if not changes:
        return node
    return replaced(node, **changes)


_BLOCKS = (ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.ExceptHandler)


def nesting(suite: Iterable[Any]) -> int:
    """How many blocks stand inside one another in these statements, at most."""
    deepest = 0
    for node in suite:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        inner = (getattr(node, field, ()) for field in ("body", "orelse", "finalbody", "handlers", "cases"))
        below = max(map(nesting, inner))
        deepest = max(deepest, below + isinstance(node, _BLOCKS))
    return deepest
