"""Lower expressions: what is evaluated before an await goes into temporaries, in evaluation order.

The last await of an expression stays where it is: by then everything before it is in locals.
"""

import ast
from typing import Any

from . import build
from .core import EXPRESSIONS, Lowering, Unsupported, lowers

CONTAINER_METHODS = frozenset({"add", "append", "appendleft", "discard", "extend", "remove", "update"})

_ORDER: dict[type[ast.AST], tuple[str, ...]] = {
    ast.BinOp: ("left", "right"),
    ast.UnaryOp: ("operand",),
    ast.Attribute: ("value",),
    ast.Subscript: ("value", "slice"),
    ast.Slice: ("lower", "upper", "step"),
    ast.Starred: ("value",),
    ast.List: ("elts",),
    ast.Tuple: ("elts",),
    ast.Set: ("elts",),
    ast.JoinedStr: ("values",),
    ast.FormattedValue: ("value", "format_spec"),
    ast.keyword: ("value",),
}


@lowers(EXPRESSIONS, *_ORDER)
def _operands(low: Lowering, node: Any) -> Any:
    """Any expression that evaluates its parts in the order of its fields."""
    fields = [(field, getattr(node, field)) for field in _ORDER[type(node)]]
    flat = [part for _, value in fields for part in (value if isinstance(value, list) else [value])]
    lowered = iter(in_order(low, flat))
    changes: dict[str, Any] = {}
    for field, value in fields:
        if isinstance(value, list):
            changes[field] = [next(lowered, part) for part in value]
        else:
            changes[field] = next(lowered)
    return build.replaced(node, **changes)


def in_order(low: Lowering, parts: list[Any]) -> list[Any]:
    """Lower expressions that are evaluated one after the other."""
    awaits = [position for position, part in enumerate(parts) if low.has_point(part)]
    if not awaits:
        return parts
    last = awaits[-1]
    done = [None if part is None else _early(low, part) for part in parts[:last]]
    return [*done, low.expression(parts[last]), *parts[last + 1 :]]


def _early(low: Lowering, part: Any) -> Any:
    """A part that is evaluated before a later await."""
    if isinstance(part, ast.keyword):
        if part.arg is None:
            merged = low.mark(build.placed(ast.Dict([None], [part.value]), part))
            return build.replaced(part, value=low.temp(merged))
        return build.replaced(part, value=low.temp(part.value))
    if isinstance(part, ast.Slice):
        bounds = [each and low.temp(each) for each in (part.lower, part.upper, part.step)]
        return build.replaced(part, lower=bounds[0], upper=bounds[1], step=bounds[2])
    return low.temp(part)


@lowers(EXPRESSIONS, ast.Call)
def _call(low: Lowering, node: ast.Call) -> ast.expr:
    if _fills_container(low, node):
        return build.replaced(node, args=[low.expression(node.args[0])])
    if low.is_global(node.func):
        function, rest = low.callee(node.func), in_order(low, [*node.args, *node.keywords])
    else:
        function, *rest = in_order(low, [node.func, *node.args, *node.keywords])
    keywords = [part for part in rest if isinstance(part, ast.keyword)]
    arguments = [part for part in rest if not isinstance(part, ast.keyword)]
    return build.replaced(node, func=function, args=arguments, keywords=keywords)


def _fills_container(low: Lowering, node: ast.Call) -> bool:
    """``items.append(await …)``, the most common call of all: no bound method needs to be kept.

    The method is asked for again at re-entry; capture checks that it must be the same one.
    """
    function = node.func
    if not (isinstance(function, ast.Attribute) and function.attr in CONTAINER_METHODS):
        return False
    receiver, arguments = function.value, node.args
    if not (isinstance(receiver, ast.Name) and low.is_steady(receiver.id)):
        return False
    if len(arguments) != 1 or node.keywords or not isinstance(arguments[0], ast.Await):
        return False
    if low.has_point(arguments[0].value):
        return False
    low.receivers[arguments[0]] = receiver.id, function.attr
    return True


@lowers(EXPRESSIONS, ast.GeneratorExp)
def _generator(low: Lowering, node: ast.GeneratorExp) -> ast.expr:
    first, *others = node.generators  # only the first iterable is evaluated here and now
    ready = ast.comprehension(first.target, low.expression(first.iter), first.ifs, first.is_async)
    return build.replaced(node, generators=[ready, *others])


@lowers(EXPRESSIONS, ast.Dict)
def _dict(low: Lowering, node: ast.Dict) -> ast.expr:
    parts: list[Any] = []
    for key, value in zip(node.keys, node.values, strict=True):
        parts += [key, value]
    lowered = in_order(low, parts)
    return build.replaced(node, keys=lowered[::2], values=lowered[1::2])


@lowers(EXPRESSIONS, ast.Await, ast.Yield, ast.YieldFrom)
def _await(low: Lowering, node: Any) -> ast.expr:
    mark = low.temps
    value = node.value
    if low.has_point(value):
        value = low.temp(value)
        low.drop(mark)
    fresh = build.replaced(node, value=value)
    receiver = low.receivers.pop(node, None)
    point = low.point(node, node=fresh, is_yield=isinstance(node, ast.Yield), receiver=receiver)
    low.out.append(low.arrive(point, node))
    return fresh


@lowers(EXPRESSIONS, ast.Lambda)
def _lambda(low: Lowering, node: ast.Lambda) -> ast.expr:
    return build.replaced(node, args=defaults(low, node.args))


def defaults(low: Lowering, arguments: ast.arguments) -> ast.arguments:
    """Lower the default values of a function's parameters."""
    plain = len(arguments.defaults)
    lowered = in_order(low, [*arguments.defaults, *arguments.kw_defaults])
    fields: dict[str, Any] = {field: getattr(arguments, field) for field in arguments._fields}
    fields |= {"defaults": lowered[:plain], "kw_defaults": lowered[plain:]}
    return ast.arguments(**fields)


@lowers(EXPRESSIONS, ast.NamedExpr)
def _walrus(low: Lowering, node: ast.NamedExpr) -> ast.expr:
    value = low.temp(node.value)
    low.emit(build.placed(ast.Assign([node.target], value), node))
    return value


@lowers(EXPRESSIONS, ast.BoolOp, ast.IfExp)
def _choice(low: Lowering, node: Any) -> ast.expr:
    return _decided(low, node, as_truth=False)


@lowers(EXPRESSIONS, ast.Compare)
def _compare(low: Lowering, node: ast.Compare) -> ast.expr:
    if len(node.ops) > 1:
        return _decided(low, node, as_truth=False)
    left, right = in_order(low, [node.left, node.comparators[0]])
    return build.replaced(node, left=left, comparators=[right])


def condition(low: Lowering, node: Any) -> Any:
    """Lower an expression that is only asked for its truth, so that it is asked once."""
    if not low.has_point(node):
        return node
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return build.replaced(node, operand=condition(low, node.operand))
    if isinstance(node, ast.BoolOp | ast.IfExp) or (isinstance(node, ast.Compare) and len(node.ops) > 1):
        return _decided(low, node, as_truth=True)
    return low.expression(node)


def _decided(low: Lowering, node: Any, *, as_truth: bool) -> ast.expr:
    """An expression that evaluates only some of its parts: an `if` statement and a temporary."""
    mark = low.temps
    result = low.new_temp()

    def settle(part: Any) -> list[ast.stmt]:
        return _suite(low, lambda: _store(low, result, part, as_truth))

    if isinstance(node, ast.IfExp):
        test = condition(low, node.test)
        start = low.take()
        low.emit(build.branch(test, settle(node.body), settle(node.orelse), node), start)
    elif isinstance(node, ast.BoolOp):
        _bool_op(low, node, result, node.values, as_truth)
    else:
        _chain(low, node, result, as_truth)
    low.drop(mark)
    low.temps = mark + 1
    low.live.append(result)
    return build.name(result, node)


def _suite(low: Lowering, write: Any) -> list[ast.stmt]:
    """The statements that *write* emits, on their own."""
    outer, low.out = low.out, []
    mark = low.temps
    try:
        write()
        return low.out
    finally:
        low.drop(mark)
        low.out = outer


def _store(low: Lowering, result: str, part: Any, as_truth: bool) -> None:
    value = condition(low, part) if as_truth else low.expression(part)
    low.emit(build.assign(result, build.truth(value, part) if as_truth else value, part))


def _bool_op(low: Lowering, node: ast.BoolOp, result: str, values: list[ast.expr], as_truth: bool) -> None:
    first, *rest = values
    mark = low.temps
    _store(low, result, first, as_truth)
    low.drop(mark)
    if rest:
        known: ast.expr = build.name(result, first)
        test = known if isinstance(node.op, ast.And) else build.negated(known, first)
        start = low.take()
        more = _suite(low, lambda: _bool_op(low, node, result, rest, as_truth))
        low.emit(build.branch(test, more, [], first), start)


def _chain(low: Lowering, node: ast.Compare, result: str, as_truth: bool) -> None:
    """``a < b < c``: each operand once, and no further than the first comparison that fails."""
    left = low.temp(node.left)
    _links(low, node, result, left, as_truth, 0)


def _links(low: Lowering, node: ast.Compare, result: str, left: ast.expr, as_truth: bool, index: int) -> None:
    last = index == len(node.ops) - 1
    part = node.comparators[index]
    right = low.expression(part) if last else low.temp(part)
    compared = build.placed(ast.Compare(left, [node.ops[index]], [right]), node)
    low.emit(build.assign(result, build.truth(compared, node) if as_truth else compared, node))
    if not last:
        start = low.take()
        more = _suite(low, lambda: _links(low, node, result, right, as_truth, index + 1))
        low.emit(build.branch(build.name(result, node), more, [], node), start)


def unsupported_template(low: Lowering, node: Any) -> Any:
    """Template strings (Python 3.14) with awaits inside."""
    raise Unsupported("an await inside a template string")


for _kind in ("TemplateStr", "Interpolation"):
    if hasattr(ast, _kind):
        EXPRESSIONS[getattr(ast, _kind)] = unsupported_template
