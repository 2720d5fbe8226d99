"""A hash of what a suspended frame depends on in its function's source.

It is taken from the syntax tree, without positions, so comments, formatting and line numbers are
no change; and it is the same on every Python version, which bytecode is not.
"""

import ast
import hashlib
from typing import Any

_IGNORED = frozenset({"ctx", "type_comment", "kind", "type_ignores"})


def fingerprint(node: Any) -> str:
    """The hash of a function definition or lambda, as 16 hexadecimal digits.

    Left out are decorators, default values, annotations and the docstring of the function itself:
    a frame that has begun no longer asks for them.
    """
    arguments = node.args
    groups = [arguments.posonlyargs, arguments.args, arguments.kwonlyargs]
    groups += [[each] if each else [] for each in (arguments.vararg, arguments.kwarg)]
    parts = [getattr(node, "name", "<lambda>"), repr([[each.arg for each in group] for group in groups])]
    body = node.body if isinstance(node.body, list) else [node.body]
    if not isinstance(node, ast.Lambda) and ast.get_docstring(node, clean=False) is not None:
        body = body[1:]
    for statement in body:
        _write(statement, parts)
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=8).hexdigest()


def _write(node: ast.AST, parts: list[str]) -> None:
    parts.append(type(node).__name__)
    if isinstance(node, ast.Constant):
        parts.append(type(node.value).__name__ + ascii(node.value))
        return
    for field in node._fields:
        value = getattr(node, field, None)
        if field in _IGNORED or value is None or value == []:
            continue
        parts.append(field)
        _write_value(value, parts)
    parts.append(")")


def _write_value(value: Any, parts: list[str]) -> None:
    if isinstance(value, ast.AST):
        _write(value, parts)
    elif isinstance(value, list):
        for item in value:
            _write_value(item, parts)
    else:
        parts.append(ascii(value))
