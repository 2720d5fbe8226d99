"""Small constructors of syntax nodes, each placed at the position of a node of the user's source.

Hidden names begin with a dot, so they can't meet a user's name.
"""

import ast
from collections.abc import Iterable
from typing import Any

HIDDEN = ".<"  # how the names of hidden locals begin
POINT = ".k"  # number of the await that a frame is suspended at
CELLS = ".cells"  # a lambda that closes over every cell the frame shares with other functions
STATE = ".s"  # the one parameter of a re-entry form: its locals, by name
INNER = ".w"  # in a re-entry form: makes what the awaited expression stood for
RETURNED = ".ret"  # the value of a `return` that is on its way through a `finally`
RUNTIME = ".perdure"  # module global: the helpers of rewritten code

LOAD, STORE, DELETE = ast.Load(), ast.Store(), ast.Del()


def spot(at: Any) -> dict[str, Any]:
    """The position of *at*, as keyword arguments for a new node."""
    return {
        "lineno": at.lineno,
        "col_offset": at.col_offset,
        "end_lineno": at.end_lineno,
        "end_col_offset": at.end_col_offset,
    }


def name(identifier: str, at: Any) -> ast.Name:
    """``identifier``, read."""
    return ast.Name(identifier, LOAD, **spot(at))


def target(identifier: str, at: Any) -> ast.Name:
    """``identifier``, assigned."""
    return ast.Name(identifier, STORE, **spot(at))


def constant(value: Any, at: Any) -> ast.Constant:
    """A literal."""
    return ast.Constant(value, **spot(at))


def assign(identifier: str, value: ast.expr, at: Any) -> ast.Assign:
    """``identifier = value``."""
    return ast.Assign([target(identifier, at)], value, **spot(at))


def clear(identifiers: Iterable[str], at: Any) -> ast.Assign:
    """``a = b = None``: let go of what hidden locals hold."""
    return ast.Assign([target(each, at) for each in identifiers], constant(None, at), **spot(at))


def forget(identifier: str, at: Any) -> list[ast.stmt]:
    """Unbind a name whether or not it is bound, as at the end of ``except … as name``."""
    deletion = ast.Delete([ast.Name(identifier, DELETE, **spot(at))], **spot(at))
    return [assign(identifier, constant(None, at), at), deletion]


def attribute(value: ast.expr, attr: str, at: Any) -> ast.Attribute:
    """``value.attr``, read."""
    return ast.Attribute(value, attr, LOAD, **spot(at))


def call(function: ast.expr, arguments: list[ast.expr], at: Any) -> ast.Call:
    """``function(*arguments)``."""
    return ast.Call(function, arguments, [], **spot(at))


def helper(function: str, arguments: list[ast.expr], at: Any) -> ast.Call:
    """A call of one of the functions in ``runtime.py``."""
    return call(attribute(name(RUNTIME, at), function, at), arguments, at)


def truth(value: ast.expr, at: Any) -> ast.expr:
    """``not not value``: the truth of *value*, asked once."""
    return negated(negated(value, at), at)


def negated(value: ast.expr, at: Any) -> ast.UnaryOp:
    """``not value``."""
    return ast.UnaryOp(ast.Not(), value, **spot(at))


def branch(test: ast.expr, body: list[ast.stmt], orelse: list[ast.stmt], at: Any) -> ast.If:
    """``if test: body else: orelse``."""
    return ast.If(test, body, orelse, **spot(at))


def expression(value: ast.expr, at: Any) -> ast.Expr:
    """A statement of one expression."""
    return ast.Expr(value, **spot(at))


def handler(named: str | None, body: list[ast.stmt], at: Any) -> ast.ExceptHandler:
    """``except BaseException as named: body``, whatever the user calls BaseException."""
    everything = attribute(name(RUNTIME, at), "BaseException", at)
    return ast.ExceptHandler(everything, named, body, **spot(at))


def guarded(
    body: list[ast.stmt],
    handlers: list[ast.ExceptHandler],
    orelse: list[ast.stmt],
    finalbody: list[ast.stmt],
    at: Any,
) -> ast.Try:
    """A ``try`` statement."""
    return ast.Try(body, handlers, orelse, finalbody, **spot(at))


def replaced(node: Any, **fields: Any) -> Any:
    """A shallow copy of *node* with some fields changed; the user's tree is never modified."""
    values = {field: getattr(node, field, None) for field in node._fields}
    values.update(fields)
    return type(node)(**values, **spot(node))


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
    copy = type(node)(**{field: getattr(node, field, None) for field in node._fields} | changes)
    return ast.copy_location(copy, node)


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


def cloned(node: Any) -> Any:
    """A copy of a tree, or of a list of trees, made faster than by `copy.deepcopy`."""
    if node.__class__ is list:
        return [cloned(each) for each in node]
    if not isinstance(node, ast.AST):
        return node
    fresh = node.__class__.__new__(node.__class__)
    fresh.__dict__.update({name: cloned(value) for name, value in node.__dict__.items()})
    return fresh
