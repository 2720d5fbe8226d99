"""First pass: which nodes of a function contain an await, an inner function, or a way out.

One quick walk, so that later passes leave everything else alone.
"""

import ast
from collections.abc import Callable, Iterable
from typing import Any

POINT = 1  # an await, a yield, an `async for` or `async with`, in this function itself
NESTED = 2  # a function or class defined inside
EXIT = 4  # return, break or continue
YIELD = 8  # a yield
GENERATOR = 16  # a generator expression
CLOSES = 32  # a lambda, or a name that makes a method close over its class
DECLARES = 64  # global, nonlocal or a named expression: names are not just what they seem
ASKS = 128  # locals() or vars(), perhaps

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp)

_NAMES = {"super": CLOSES, "__class__": CLOSES, "locals": ASKS, "vars": ASKS}
_OWN = {
    **dict.fromkeys((ast.Await, ast.AsyncFor, ast.AsyncWith), POINT),
    **dict.fromkeys((ast.Yield, ast.YieldFrom), POINT | YIELD),
    **dict.fromkeys((ast.Return, ast.Break, ast.Continue), EXIT),
    **dict.fromkeys((ast.Global, ast.Nonlocal, ast.NamedExpr), DECLARES),
}
_SILENT = (  # never asked about, nor is what they hold
    *(ast.expr_context, ast.boolop, ast.operator, ast.unaryop, ast.cmpop),
    *(ast.Constant, ast.Pass, ast.Import, ast.ImportFrom, ast.type_ignore),
)

Marks = dict[Any, int]  # of a node


def _fields(kind: type[ast.AST]) -> tuple[str, ...]:
    """The fields in which there may be something to mark."""
    plain = {"ctx", "op", "ops", "id", "attr", "arg", "name", "names", "asname", "rest", "type_params"}
    plain |= {"kind", "simple", "is_async", "conversion", "type_comment", "str"}
    return tuple(field for field in kind._fields if field not in plain)


def scan(nodes: Iterable[Any], marks: Marks) -> int:
    """Mark *nodes* and everything below them in the same function; the bits of all together.

    What holds nothing gets no mark. Among *nodes* may be None, for what is left out.
    """
    found = 0
    for node in nodes:
        kind = node.__class__
        if kind is ast.Name:
            found |= _NAMES.get(node.id, 0)
        elif kind in _KINDS:
            bits, fields, special = _KINDS[kind]
            if special:
                bits |= special(node, marks)
            for field in fields:
                value = getattr(node, field)
                if value is not None:
                    bits |= scan(value if value.__class__ is list else (value,), marks)
            if bits:
                marks[node] = bits
                found |= bits
    return found


def outer_expressions(node: Any) -> list[ast.expr | None]:
    """What of a nested definition is evaluated by the function around it, in order."""
    if isinstance(node, ast.ClassDef):
        return [*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)]
    arguments = node.args
    defaults = [*arguments.defaults, *arguments.kw_defaults]
    return defaults if isinstance(node, ast.Lambda) else [*node.decorator_list, *defaults]


def _definition(node: Any, marks: Marks) -> int:
    return NESTED | (scan(outer_expressions(node), marks) & ~EXIT)


def _lambda(node: ast.Lambda, marks: Marks) -> int:
    return CLOSES | scan(outer_expressions(node), marks)


def _generator(node: ast.GeneratorExp, marks: Marks) -> int:
    return GENERATOR | scan((node.generators[0].iter,), marks)


def _comprehension(node: Any, marks: Marks) -> int:
    bits = scan([getattr(node, field) for field in _fields(node.__class__) if field != "generators"], marks)
    bits |= scan(node.generators, marks)
    if any(each.is_async for each in node.generators):
        bits |= POINT
    if bits & POINT and bits & (CLOSES | GENERATOR):
        bits |= GENERATOR  # a function inside may close over the comprehension's variable
    return bits


_SPECIAL: dict[type[ast.AST], Callable[[Any, Marks], int]] = {
    **dict.fromkeys((*FUNCTIONS, ast.ClassDef), _definition),
    ast.Lambda: _lambda,
    ast.GeneratorExp: _generator,
    **dict.fromkeys(COMPREHENSIONS, _comprehension),
}

# For each kind of node: its own bits, the fields to look into, or a function that knows better.
_KINDS: dict[type, tuple[int, tuple[str, ...], Callable[[Any, Marks], int] | None]] = {
    kind: (_OWN.get(kind, 0), () if kind in _SPECIAL else _fields(kind), _SPECIAL.get(kind))
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST) and not issubclass(kind, _SILENT)
}
