"""Lower `match`: only guards with awaits need more than their bodies lowered.

Cases up to the first awaited guard become one `match` that says which case fits; then the guard
is asked; then, if it declines, the cases after it have their turn. The bodies follow at the end.
"""

import ast
from typing import Any

from . import build
from .core import STATEMENTS, Lowering, lowers


@lowers(STATEMENTS, ast.Match)
def _match(low: Lowering, node: ast.Match) -> None:
    if low.any_point([case.guard for case in node.cases]):
        _staged(low, node)
        return
    mark = low.temps
    subject = low.expression(node.subject)
    start = low.take()
    low.drop(mark)
    cases = [ast.match_case(case.pattern, case.guard, low.body(case.body)) for case in node.cases]
    low.emit(build.replaced(node, subject=subject, cases=cases), start)


def _staged(low: Lowering, node: ast.Match) -> None:
    subject, chosen = low.fresh("subject"), low.fresh("case")
    low.statement(low.mark(build.assign(subject, node.subject, node.subject)))
    low.live += [subject, chosen]
    low.emit(build.assign(chosen, build.constant(0, node), node))
    try:
        for statement in _stages(low, node, subject, chosen):
            low.statement(statement)
    finally:
        del low.live[-2:]
    dispatch: list[ast.stmt] = []
    for number, case in reversed(list(enumerate(node.cases, 1))):
        test = build.placed(
            ast.Compare(build.name(chosen, case.pattern), [ast.Eq()], [build.constant(number, node)]),
            case.pattern,
        )
        dispatch = [build.branch(test, case.body, dispatch, case.pattern)]
    low.emit(build.clear([subject], node))
    low.statement(low.mark(dispatch[0]))


def _stages(low: Lowering, node: ast.Match, subject: str, chosen: str) -> list[ast.stmt]:
    cases = list(enumerate(node.cases, 1))
    found: list[ast.stmt] = []
    while cases:
        end = next((i for i, (_, case) in enumerate(cases) if low.has_point(case.guard)), len(cases) - 1) + 1
        stage, cases = cases[:end], cases[end:]
        number, last = stage[-1]
        awaited = low.has_point(last.guard)
        pick = [_picking(case, chosen, n, keep_guard=not (awaited and n == number)) for n, case in stage]
        step: Any = build.placed(ast.Match(build.name(subject, node), pick), node)
        if found:
            step = build.branch(build.negated(build.name(chosen, node), node), [step], [], node)
        found.append(low.mark(step))
        if awaited:
            found.append(low.mark(_ask(last, chosen, number)))
    return found


def _picking(case: ast.match_case, chosen: str, number: int, *, keep_guard: bool) -> ast.match_case:
    pick = build.assign(chosen, build.constant(number, case.pattern), case.pattern)
    return ast.match_case(case.pattern, case.guard if keep_guard else None, [pick])


def _ask(case: ast.match_case, chosen: str, number: int) -> ast.stmt:
    guard: Any = case.guard
    fits = build.placed(
        ast.Compare(build.name(chosen, guard), [ast.Eq()], [build.constant(number, guard)]), guard
    )
    decline = build.assign(chosen, build.constant(0, guard), guard)
    return build.branch(fits, [build.branch(build.negated(guard, guard), [decline], [], guard)], [], guard)
