"""Lower assignment targets that hold awaits: ``a, b[await i()] = value``."""

import ast
from typing import Any

from . import build
from .core import Lowering
from .expressions import in_order


def assign_to(low: Lowering, target: Any, value: ast.expr, at: ast.stmt) -> None:
    """Emit the assignment of *value* (a temporary or constant) to *target*."""
    if isinstance(target, ast.Tuple | ast.List) and low.has_point(target):
        delayed: list[tuple[ast.expr, str]] = []
        flat = _unpacked(low, target, delayed)
        low.emit(build.placed(ast.Assign([flat], value), at))
        low.live.extend(identifier for _, identifier in delayed)
        for part, identifier in delayed:
            assign_to(low, part, build.name(identifier, part), at)
            low.live.remove(identifier)
        return
    low.emit(build.placed(ast.Assign([_settled(low, target)], value), at))


def _settled(low: Lowering, target: Any) -> ast.expr:
    """*target* with the awaits in it done, but for the last."""
    if isinstance(target, ast.Subscript):
        value, index = in_order(low, [target.value, target.slice])
        return build.replaced(target, value=value, slice=index)
    if isinstance(target, ast.Attribute):
        return build.replaced(target, value=low.expression(target.value))
    return target


def _unpacked(low: Lowering, target: Any, delayed: list[tuple[ast.expr, str]]) -> Any:
    """*target* with each part from the first await on replaced by a hidden local."""
    if isinstance(target, ast.Starred):
        return build.replaced(target, value=_unpacked(low, target.value, delayed))
    if isinstance(target, ast.Tuple | ast.List):
        return build.replaced(target, elts=[_unpacked(low, part, delayed) for part in target.elts])
    if not delayed and not low.has_point(target):
        return target
    identifier = low.fresh("part")
    delayed.append((target, identifier))
    return build.target(identifier, target)
