"""First pass: which nodes of a function contain an await, an inner function, or a way out.

One quick walk, so that later passes leave everything else alone.
"""

import ast
from typing import Any

POINT = 1  # an await, a yield, an `async for` or `async with`, in this function itself
NESTED = 2  # a function or class defined inside
EXIT = 4  # return, break or continue
YIELD = 8  # a yield
GENERATOR = 16  # a generator expression
CLOSES = 32  # a lambda, or a name that makes a method close over its class
DECLARES = 64  # global, nonlocal or a named expression: names are not just what they seem
ASKS = 128  # locals() or vars(), perhaps

_LEAVES = frozenset({ast.Constant, ast.Pass, ast.Import, ast.ImportFrom})
_NAMES = {"super": CLOSES, "__class__": CLOSES, "locals": ASKS, "vars": ASKS}
_EXITS = frozenset({ast.Return, ast.Break, ast.Continue})
_POINTS = {
    **dict.fromkeys((ast.Await, ast.AsyncFor, ast.AsyncWith), POINT),
    **dict.fromkeys((ast.Yield, ast.YieldFrom), POINT | YIELD),
}
_SKIPPED = frozenset(
    {"ctx", "op", "ops", "type_comment", "kind", "type_ignores", "simple", "is_async", "name", "id"}
)
_SKIPPED |= {
    "attr",
    "arg",
    "conversion",
    "level",
    "module",
    "names",
    "rest",
    "lineno",
    "asname",
    "type_params",
}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp)

Marks = dict[int, int]


def _children(cls: type[ast.AST]) -> tuple[str, ...]:
    return tuple(field for field in cls._fields if field not in _SKIPPED)


_CHILDREN = {
    cls: _children(cls) for cls in vars(ast).values() if isinstance(cls, type) and issubclass(cls, ast.AST)
}


def scan(node: Any, marks: Marks) -> int:
    """Mark *node* and everything below it in the same function; what holds nothing gets no mark."""
    cls = node.__class__
    if cls is ast.Name:
        return _NAMES.get(node.id, 0)
    if cls in _LEAVES:
        return 0
    if special := _SPECIAL.get(cls):
        bits = special(node, marks)
    else:
        bits = _POINTS.get(cls) or (EXIT if cls in _EXITS else 0)
        for field in _CHILDREN[cls]:
            value = getattr(node, field, None)
            if type(value) is list:
                for item in value:
                    if isinstance(item, ast.AST):  # not None (dict display), not str (names)
                        bits |= scan(item, marks)
            elif value is not None and isinstance(value, ast.AST):
                bits |= scan(value, marks)
    if bits:
        marks[id(node)] = bits
    return bits


def scan_all(nodes: list[Any], marks: Marks) -> int:
    """`scan` for a list: the bits of all together."""
    bits = 0
    for node in nodes:
        if node is not None:
            bits |= scan(node, marks)
    return bits


def outer_expressions(node: Any) -> list[ast.expr | None]:
    """What of a nested definition is evaluated by the function around it, in order."""
    if isinstance(node, ast.ClassDef):
        return [*node.decorator_list, *node.bases, *(keyword.value for keyword in node.keywords)]
    arguments = node.args
    defaults = [*arguments.defaults, *arguments.kw_defaults]
    return defaults if isinstance(node, ast.Lambda) else [*node.decorator_list, *defaults]


def _definition(node: Any, marks: Marks) -> int:
    return NESTED | (scan_all(outer_expressions(node), marks) & ~EXIT)


def _lambda(node: ast.Lambda, marks: Marks) -> int:
    return CLOSES | scan_all(outer_expressions(node), marks)


def _declaration(_: ast.stmt, __: Marks) -> int:
    return DECLARES


def _walrus(node: ast.NamedExpr, marks: Marks) -> int:
    return DECLARES | scan(node.value, marks)


def _generator(node: ast.GeneratorExp, marks: Marks) -> int:
    return GENERATOR | scan(node.generators[0].iter, marks)


def _comprehension(node: Any, marks: Marks) -> int:
    bits = POINT if any(each.is_async for each in node.generators) else 0
    for field in _CHILDREN[node.__class__]:
        value = getattr(node, field)
        bits |= scan_all(value if isinstance(value, list) else [value], marks)
    if bits & POINT and bits & (CLOSES | GENERATOR):
        bits |= GENERATOR  # a function inside may close over the comprehension's variable
    return bits


_SPECIAL: dict[type[ast.AST], Any] = {
    ast.FunctionDef: _definition,
    ast.AsyncFunctionDef: _definition,
    ast.ClassDef: _definition,
    ast.Lambda: _lambda,
    ast.Global: _declaration,
    ast.Nonlocal: _declaration,
    ast.NamedExpr: _walrus,
    ast.GeneratorExp: _generator,
    ast.ListComp: _comprehension,
    ast.SetComp: _comprehension,
    ast.DictComp: _comprehension,
}
