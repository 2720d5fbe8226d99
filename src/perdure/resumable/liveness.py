"""Which locals may still be read after a wait: what can't be stored, and is never read, need not be.

Control goes down the text, but for loops. So what may be read after a point stands below it, or in a
loop around it; there, what the loop's body assigns before it reads it does not count. The plain form is
what is looked at: its spans say where the point is. Where in doubt, a name is read.
"""

import ast
from typing import Any

from .compiling import mangled
from .core import Point
from .lower import Lowered

# With one of these a function may see every local of its own.
_INTROSPECTION = frozenset({"locals", "vars", "dir", "eval", "exec", "_getframe", "currentframe", "stack"})
_SUITES = ("body", "orelse", "finalbody")
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_BRANCHES = (ast.If, ast.Match)


def read_after(lowered: Lowered, point: Point) -> set[str] | None:
    """The names, as the frame has them, that may be read or deleted after *point*; None if any may be."""
    for node in ast.walk(ast.Module(lowered.body, [])):
        if getattr(node, "id", getattr(node, "attr", None)) in _INTROSPECTION:
            return None
    after = _After(lowered, point.number - 1)
    after.below(lowered.body)
    return {mangled(lowered.context, each) for each in after.names}


class _After:
    """Collects the names that are read once the point is passed."""

    def __init__(self, lowered: Lowered, index: int) -> None:
        self.spans, self.index = lowered.spans, index
        self.names = set[str]()

    def holds(self, node: ast.AST) -> bool:
        """Whether the point is inside this statement or clause."""
        low, high = self.spans.get(node, (0, 0))
        return low <= self.index < high

    # -- from the point on ---------------------------------------------------------------------

    def below(self, body: list[Any]) -> None:
        """What comes after the point in a suite that holds it."""
        at = next(number for number, each in enumerate(body) if self.holds(each))
        self.rest(body[at])
        self.suite(body[at + 1 :], set())

    def rest(self, node: Any) -> None:
        """What comes after the point in a statement that holds it."""
        if isinstance(node, _LOOPS):
            self.reads(node, set())
        suites = _suites(node)
        inside = [suite for suite in suites if any(map(self.holds, suite))]
        if not inside:
            self.reads(node, set())
            return
        self.below(inside[0])
        if not isinstance(node, _BRANCHES):
            for suite in suites:
                if suite is not inside[0]:
                    self.suite(suite, set())

    # -- from the beginning of a statement -----------------------------------------------------

    def suite(self, body: list[Any], assigned: set[str]) -> None:
        """What a suite reads, but for names that are *assigned* before, or by itself."""
        assigned = set(assigned)
        for each in body:
            self.reads(each, assigned)
            assigned |= _assigned(each)

    def reads(self, node: Any, assigned: set[str]) -> None:
        """What a statement or clause reads, but for names that are *assigned* before."""
        suites = _suites(node)
        inner = {id(each) for suite in suites for each in suite}
        for each in ast.iter_child_nodes(node) if suites else (node,):
            if id(each) not in inner:
                self.names |= _names(each) - assigned
        body = getattr(node, "body", None)
        inside = assigned | {name for target in _targets(node) for name in _bound(target)}
        for suite in suites:
            self.suite(suite, inside if suite is body else assigned)


def _suites(node: Any) -> list[list[Any]]:
    """The suites of a compound statement, its `except` clauses one by one; none of anything else."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
        return []
    found = [getattr(node, field, None) for field in _SUITES]
    if isinstance(node, ast.Match):
        return [case.body for case in node.cases]
    clauses = [[each] for each in getattr(node, "handlers", ())]
    return [*(suite for suite in found if isinstance(suite, list) and suite), *clauses]


def _names(node: ast.AST) -> set[str]:
    """Names that are read, deleted or changed in place, at any depth."""
    found = set[str]()
    for each in ast.walk(node):
        if isinstance(each, ast.Name) and not isinstance(each.ctx, ast.Store):
            found.add(each.id)
        elif isinstance(each, ast.AugAssign) and isinstance(each.target, ast.Name):
            found.add(each.target.id)
    return found


def _targets(node: Any) -> list[Any]:
    """What a compound statement binds before its body begins."""
    if isinstance(node, ast.With | ast.AsyncWith):
        return [item.optional_vars for item in node.items]
    return [node.target] if isinstance(node, ast.For | ast.AsyncFor) else []


def _assigned(node: Any) -> set[str]:
    """Names that certainly have a new value when this statement is done."""
    if isinstance(node, ast.Assign):
        return {name for target in node.targets for name in _bound(target)}
    return _bound(node.target) if isinstance(node, ast.AnnAssign) and node.value else set()


def _bound(target: Any) -> set[str]:
    parts = target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
    return {each.id for each in parts if isinstance(each, ast.Name)}
