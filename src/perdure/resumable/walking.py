"""Every function that stands in a syntax tree, with what stands around it."""

import ast
from collections.abc import Callable, Iterable
from typing import Any

from . import build
from .context import Context
from .preparing import as_coroutine_function, as_function, is_closed_over
from .scan import COMPREHENSIONS, FUNCTIONS
from .scopes import analyse

Found = list[tuple[Any, Context]]


def functions(nodes: Iterable[ast.AST], context: Context) -> Found:
    """The functions and lambdas below *nodes*, which stand in *context*.

    Among them are the functions that lowering makes of generator expressions and comprehensions.
    """
    found: Found = []
    _collect(nodes, context, found)
    return found


def _collect(nodes: Iterable[Any], context: Context, found: Found) -> None:
    for node in nodes:
        kind = node.__class__
        if kind in _RULES:
            _RULES[kind](node, context, found)
        elif kind not in _LEAVES:
            _collect(_children(node), context, found)


def _children(node: Any, besides: tuple[str, ...] = ()) -> list[ast.AST]:
    """The nodes in all fields of *node* but those named."""
    values = [value for field, value in node.__dict__.items() if field not in besides]
    flat = [each for value in values for each in (value if value.__class__ is list else (value,))]
    return [each for each in flat if isinstance(each, ast.AST)]


def _function(node: Any, context: Context, found: Found) -> None:
    found.append((node, context))
    _inside(node, context.inside_function(node, analyse(node)), context, found)


def _class(node: ast.ClassDef, context: Context, found: Found) -> None:
    _inside(node, context.inside_class(node), context, found)


def _inside(node: Any, inner: Context, outer: Context, found: Found) -> None:
    """Below a definition: its body in its own context, all else of it in that around it."""
    _collect(node.body if isinstance(node.body, list) else [node.body], inner, found)
    _collect(_children(node, besides=("body", "type_params")), outer, found)


def _generator(node: ast.GeneratorExp, context: Context, found: Found) -> None:
    found.append((as_function(node, set()), context.without_words()))
    _collect(_children(node), context.inside(_variables(node), "<genexpr>", "<locals>"), found)


def _comprehension(node: Any, context: Context, found: Found) -> None:
    if is_closed_over(node):
        found.append((as_coroutine_function(node, set()), context.without_words()))
    _collect(_children(node), context.inside(_variables(node)), found)


def _variables(node: ast.expr) -> set[str]:
    """The variables of a comprehension or generator expression."""
    return analyse(build.thunk(node, node)).children[-1].bound


_LEAVES = frozenset({ast.Name, ast.Constant, ast.Load, ast.Store, ast.Del, ast.arg, ast.alias, ast.Pass})
_RULES: dict[type[ast.AST], Callable[[Any, Context, Found], None]] = {
    **dict.fromkeys((*FUNCTIONS, ast.Lambda), _function),
    ast.ClassDef: _class,
    ast.GeneratorExp: _generator,
    **dict.fromkeys(COMPREHENSIONS, _comprehension),
}
