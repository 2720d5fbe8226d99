"""Lower `with`, `async with` and `try`: what must still happen when the block is left.

A `finally` with awaits has to know, when it goes on in another process, how it was entered:
normally, by an exception, or by a return, break or continue on its way out. The plain form notes
that in a hidden local, and re-entry enters the `finally` the same way again.
"""

import ast
from typing import Any

from . import build
from .core import STATEMENTS, Finalizer, Lowering, Note, lowers


def _note_how(low: Lowering, statements: list[ast.stmt], finalizer: Finalizer, at: Any) -> ast.Try:
    """Run *statements*, and say in the hidden local how they were left."""
    low.exits.append(finalizer)
    try:
        body = low.body(statements, live=(finalizer.how,))
    finally:
        low.exits.pop()
    caught = low.fresh("caught")
    note = build.assign(finalizer.how, build.name(caught, at), at)
    again = build.placed(ast.Raise(None, None), at)
    normally = build.clear([finalizer.how], at)
    return build.guarded(body, [build.handler(caught, [note, again], at)], [normally], [], at)


# -- try ---------------------------------------------------------------------------------------


@lowers(STATEMENTS, ast.Try)
def _try(low: Lowering, node: ast.Try) -> None:
    if low.any_point(node.finalbody):
        _finally(low, node)
        return
    start = low.take()
    body = low.body(node.body)
    if low.any_point([each.type for each in node.handlers]):
        handlers = [_dispatcher(low, node)]
    else:
        handlers = [_handler(low, each) for each in node.handlers]
    orelse, finalbody = low.body(node.orelse), low.body(node.finalbody)
    low.emit(build.replaced(node, body=body, handlers=handlers, orelse=orelse, finalbody=finalbody), start)


def _finally(low: Lowering, node: ast.Try) -> None:
    finalizer = Finalizer(low.fresh("how"))
    inner = node.body
    if node.handlers:
        inner = [low.mark(build.guarded(node.body, node.handlers, node.orelse, [], node))]
    start = low.take()
    noted = _note_how(low, inner, finalizer, node)
    low.spans[noted] = (start, len(low.points))
    middle = low.take()
    last = node.finalbody[0]
    final = low.body(node.finalbody, live=(finalizer.how, build.RETURNED))
    inner_final = build.guarded(final, [], [], [build.clear([finalizer.how], last)], last)
    low.spans[inner_final] = (middle, len(low.points))
    if not finalizer.exits:
        noted.orelse = []  # nothing but an exception ever sets it
    whole = build.guarded([noted], [], [], [inner_final], node)
    low.notes[whole] = Note(how=finalizer.how, exits=finalizer.exits)
    low.emit(whole, start)


def _handler(low: Lowering, node: ast.ExceptHandler) -> ast.ExceptHandler:
    """One `except` clause; with awaits inside, a hidden local keeps the exception."""
    if not low.any_point(node.body):
        return build.replaced(node, body=low.body(node.body))
    hidden = bool(node.name and node.name.startswith("."))
    error = node.name if node.name and hidden else low.fresh("error")
    start = low.take()
    body = low.body(node.body, live=(error,))
    low.spans[node] = (start, len(low.points))
    if node.name and not hidden:
        keep = build.assign(error, build.name(node.name, node), node)
        body = [keep, build.guarded(body, [], [], [build.clear([error], node)], node)]
        low.spans[body[1]] = low.spans[node]
    fresh = build.replaced(node, name=node.name or error, body=body)
    low.spans[fresh] = low.spans[node]
    low.notes[fresh] = Note(error=error)
    return fresh


def _dispatcher(low: Lowering, node: ast.Try) -> ast.ExceptHandler:
    """`except` clauses whose types hold awaits: one clause that asks for them in turn."""
    error = low.fresh("caught")
    chain: list[ast.stmt] = [build.placed(ast.Raise(None, None), node)]
    for each in reversed(node.handlers):
        body = [*named_error(each.name, build.name(error, each), each.body, each)]
        if each.type is None:
            chain = body
            continue
        test = build.helper("matches", [build.name(error, each), each.type], each)
        chain = [build.branch(test, body, chain, each)]
    return _handler(low, low.mark(build.handler(error, chain, node)))


def named_error(name: str | None, error: ast.expr, body: list[ast.stmt], at: Any) -> list[ast.stmt]:
    """The body of ``except … as name``: the name is bound, and unbound at the end."""
    if name is None:
        return body
    return [build.assign(name, error, at), build.guarded(body, [], [], build.forget(name, at), at)]


# -- except* -----------------------------------------------------------------------------------


@lowers(STATEMENTS, ast.TryStar)
def _try_star(low: Lowering, node: ast.TryStar) -> None:
    if low.any_point(node.finalbody):
        inner = low.mark(build.replaced(node, finalbody=[]))
        _finally(low, build.guarded([inner], [], [], node.finalbody, node))
    elif low.any_point(node.handlers):
        _explicit_star(low, node)
    else:
        start = low.take()
        body = low.body(node.body)
        handlers = [build.replaced(each, body=low.body(each.body)) for each in node.handlers]
        orelse, finalbody = low.body(node.orelse), low.body(node.finalbody)
        low.emit(
            build.replaced(node, body=body, handlers=handlers, orelse=orelse, finalbody=finalbody), start
        )


def _explicit_star(low: Lowering, node: ast.TryStar) -> None:
    """``except*`` said with plain ``except``: `runtime.Split` keeps the books."""
    caught, split = low.fresh("caught"), low.fresh("split")
    steps: list[ast.stmt] = [
        build.assign(split, build.helper("Split", [build.name(caught, node)], node), node)
    ]
    for each in node.handlers:
        steps += _star_clause(low, each, split)
    unhandled = build.attribute(build.name(split, node), "part", node)
    steps += [
        build.branch(
            _ask(split, "finish", [], node),
            _raise_as_is(split, unhandled, [build.placed(ast.Raise(None, None), node)], node),
            [],
            node,
        )
    ]
    steps += [build.clear([split], node)]
    handlers = [build.handler(caught, steps, node)]
    low.live.append(split)
    low.statement(low.mark(build.guarded(node.body, handlers, node.orelse, node.finalbody, node)))
    low.live.remove(split)


def _ask(split: str, method: str, arguments: list[ast.expr], at: Any) -> ast.Call:
    return build.call(build.attribute(build.name(split, at), method, at), arguments, at)


def _raise_as_is(split: str, error: ast.expr, then: list[ast.stmt], at: Any) -> list[ast.stmt]:
    """Raise an exception without changing its context; *then* runs while it is handled."""
    raising = build.placed(ast.Raise(error, None), at)
    settle = build.expression(_ask(split, "settle", [], at), at)
    return [build.guarded([raising], [build.handler(None, [settle, *then], at)], [], [], at)]


def _star_clause(low: Lowering, node: ast.ExceptHandler, split: str) -> list[ast.stmt]:
    failed = low.fresh("caught")
    part = build.attribute(build.name(split, node), "part", node)
    assert node.type is not None
    handling = _raise_as_is(split, part, named_error(node.name, part, node.body, node), node)
    note = build.expression(_ask(split, "failed", [build.name(failed, node)], node), node)
    outer = build.guarded(handling, [build.handler(failed, [note], node)], [], [], node)
    return [build.branch(_ask(split, "take", [node.type], node), [outer], [], node)]


# -- with --------------------------------------------------------------------------------------


@lowers(STATEMENTS, ast.With, ast.AsyncWith)
def _with(low: Lowering, node: Any) -> None:
    if len(node.items) > 1:
        first, *rest = node.items
        inner = low.mark(build.replaced(node, items=rest))
        node = low.mark(build.replaced(node, items=[first], body=[inner]))
    if isinstance(node, ast.AsyncWith):
        _async_with(low, node)
    else:
        _sync_with(low, node)


def _sync_with(low: Lowering, node: ast.With) -> None:
    mark, item = low.temps, node.items[0]
    if not low.any_point([*node.body, item.optional_vars]):
        manager = low.expression(item.context_expr)
        start = low.take()
        low.drop(mark)
        items = [ast.withitem(manager, item.optional_vars)]
        low.emit(build.replaced(node, items=items, body=low.body(node.body)), start)
        return
    identifier, fresh, prelude = _manager(low, node)
    start = low.take()
    body = low.body([*prelude, *node.body], live=(identifier,))
    block = build.replaced(node, items=[fresh], body=body)
    low.notes[block] = Note(manager=identifier)
    low.emit(block, start)
    low.emit(build.clear([identifier], node))


def _manager(low: Lowering, node: Any) -> tuple[str, ast.withitem, list[ast.stmt]]:
    """Put the context manager into a hidden local; its target if it has awaits, into another."""
    mark, item = low.temps, node.items[0]
    identifier = low.fresh("cm")
    low.emit(build.assign(identifier, low.expression(item.context_expr), item.context_expr))
    low.release(mark, node)
    variable, prelude = item.optional_vars, []
    if variable is not None and low.has_point(variable):
        entered = low.fresh("entered")
        prelude = [low.mark(build.placed(ast.Assign([variable], build.name(entered, variable)), variable))]
        variable = build.target(entered, variable)
    manager = build.name(identifier, item.context_expr)
    return identifier, ast.withitem(manager, variable), prelude


def _async_with(low: Lowering, node: ast.AsyncWith) -> None:
    identifier, item, prelude = _manager(low, node)
    how = Finalizer(low.fresh("how"))
    low.live.append(identifier)
    start = low.take()
    enter = low.point(node)
    low.take()
    noted = _note_how(low, [*prelude, *node.body], how, node)
    low.spans[noted] = (start + 1, len(low.points))
    low.live[-1:] = [how.how, build.RETURNED]
    leave = low.point(node)
    del low.live[-2:]
    if how.exits:
        noted.finalbody = [low.arrive(leave, node)]
    else:  # nothing but an exception sets the hidden local, and a block less does
        noted.handlers[0].body.insert(1, low.arrive(leave, node))
        noted.orelse = [low.arrive(leave, node)]
    block = build.replaced(node, items=[item], body=[noted])
    low.notes[block] = Note(
        enter=enter.number, leave=leave.number, manager=identifier, how=how.how, exits=how.exits
    )
    low.spans[block] = (start, len(low.points))
    done = build.clear([identifier, how.how], node)
    whole = build.guarded([low.arrive(enter, node), block], [], [], [done], node)
    low.emit(whole, start)
