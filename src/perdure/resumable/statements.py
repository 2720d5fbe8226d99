"""Lower simple statements, branches and loops."""

import ast
from typing import Any

from . import build
from .core import STATEMENTS, Finalizer, Loop, Lowering, Note, lowers
from .expressions import condition, defaults, in_order
from .targets import assign_to


@lowers(STATEMENTS, ast.Expr)
def _expression(low: Lowering, node: ast.Expr) -> None:
    mark = low.temps
    low.emit(build.replaced(node, value=low.expression(node.value)))
    low.release(mark, node)


@lowers(STATEMENTS, ast.Raise)
def _raise(low: Lowering, node: ast.Raise) -> None:
    mark = low.temps
    error, cause = in_order(low, [node.exc, node.cause])
    low.emit(build.replaced(node, exc=error, cause=cause))
    low.release(mark, node)


@lowers(STATEMENTS, ast.Assign)
def _assign(low: Lowering, node: ast.Assign) -> None:
    mark = low.temps
    if not low.any_point(node.targets):
        low.emit(build.replaced(node, value=low.expression(node.value)))
    else:
        value = low.keep_value(low.expression(node.value), node.value)
        for target in node.targets:
            assign_to(low, target, value, node)
    low.release(mark, node)


@lowers(STATEMENTS, ast.AnnAssign)
def _annotated(low: Lowering, node: ast.AnnAssign) -> None:
    if low.has_point(node.target) and node.value is not None:
        _assign(low, low.mark(build.placed(ast.Assign([node.target], node.value), node)))
        return
    mark = low.temps
    low.emit(build.replaced(node, value=low.expression(node.value)))
    low.release(mark, node)


@lowers(STATEMENTS, ast.AugAssign)
def _augmented(low: Lowering, node: ast.AugAssign) -> None:
    mark, target = low.temps, node.target
    if isinstance(target, ast.Name):
        if low.simple or low.is_steady(target.id):
            start = len(low.out)
            value = low.expression(node.value)
            if len(low.out) > start and target.id not in low.bound:
                old = build.name(target.id, target)
                low.out.insert(start, build.expression(old, target))  # unbound: the error comes first
            low.emit(build.replaced(node, value=value))
        else:
            old = low.temp(build.name(target.id, target))
            low.emit(_in_place(low, old, node))
            low.emit(build.placed(ast.Assign([target], old), node))
    elif isinstance(target, ast.Attribute):
        owner = low.temp(target.value)
        old = low.temp(build.replaced(target, value=owner, ctx=build.LOAD))
        low.emit(_in_place(low, old, node))
        low.emit(build.placed(ast.Assign([build.replaced(target, value=owner)], old), node))
    else:
        owner, index = low.temp(target.value), _index(low, target.slice)
        old = low.temp(build.replaced(target, value=owner, slice=index, ctx=build.LOAD))
        low.emit(_in_place(low, old, node))
        low.emit(build.placed(ast.Assign([build.replaced(target, value=owner, slice=index)], old), node))
    low.release(mark, node)


def _index(low: Lowering, index: ast.expr) -> ast.expr:
    if isinstance(index, ast.Slice):
        return build.replaced(index, **{f: v and low.temp(v) for f, v in ast.iter_fields(index)})
    return low.temp(index)


def _in_place(low: Lowering, old: ast.expr, node: ast.AugAssign) -> ast.stmt:
    assert isinstance(old, ast.Name)
    return build.placed(ast.AugAssign(build.target(old.id, old), node.op, low.expression(node.value)), node)


@lowers(STATEMENTS, ast.Delete)
def _delete(low: Lowering, node: ast.Delete) -> None:
    for target in node.targets:
        mark = low.temps
        if isinstance(target, ast.Subscript):
            value, index = in_order(low, [target.value, target.slice])
            target = build.replaced(target, value=value, slice=index)
        elif isinstance(target, ast.Attribute):
            target = build.replaced(target, value=low.expression(target.value))
        low.emit(build.placed(ast.Delete([target]), node))
        low.release(mark, node)


@lowers(STATEMENTS, ast.Assert)
def _assert(low: Lowering, node: ast.Assert) -> None:
    failure: ast.expr = build.attribute(build.name(build.RUNTIME, node), "AssertionError", node)
    if node.msg is not None:
        failure = build.call(failure, [node.msg], node)
    failed = build.placed(ast.Raise(failure, None), node)
    check = build.branch(build.negated(node.test, node.test), [failed], [], node)
    debug = build.branch(build.name("__debug__", node), [check], [], node)
    low.statement(low.mark(debug))


@lowers(STATEMENTS, ast.FunctionDef, ast.AsyncFunctionDef)
def _function(low: Lowering, node: Any) -> None:
    mark = low.temps
    node = low.nested(node)
    if low.any_point([*node.decorator_list, *node.args.defaults, *node.args.kw_defaults]):
        decorators = [low.temp(each) for each in node.decorator_list]
        node = build.replaced(node, decorator_list=decorators, args=defaults(low, node.args))
    low.emit(node)
    low.release(mark, node)


@lowers(STATEMENTS, ast.ClassDef)
def _class(low: Lowering, node: ast.ClassDef) -> None:
    mark = low.temps
    fresh: Any = low.nested(node)
    if low.any_point([*node.decorator_list, *node.bases, *node.keywords]):
        parts = in_order(low, [*node.decorator_list, *node.bases, *node.keywords])
        first, second = len(node.decorator_list), len(node.decorator_list) + len(node.bases)
        parts = {"decorator_list": parts[:first], "bases": parts[first:second], "keywords": parts[second:]}
        fresh = build.replaced(fresh, **parts)
    low.emit(fresh)
    low.release(mark, node)


# -- ways out ----------------------------------------------------------------------------------


@lowers(STATEMENTS, ast.Return)
def _return(low: Lowering, node: ast.Return) -> None:
    finalizers = [each for each in low.exits if isinstance(each, Finalizer)]
    mark = low.temps
    if not finalizers:
        low.emit(build.replaced(node, value=low.expression(node.value)))
        low.drop(mark)
        return
    if not low.bare_returns:
        value = node.value or build.constant(None, node)
        low.emit(build.assign(build.RETURNED, low.expression(value), node))
        low.release(mark, node)
    for each in finalizers:
        _leave(low, each, "return", node)
    returned = None if low.bare_returns else build.name(build.RETURNED, node)
    low.emit(build.placed(ast.Return(returned), node))


@lowers(STATEMENTS, ast.Break, ast.Continue)
def _break(low: Lowering, node: Any) -> None:
    exit_kind = "break" if isinstance(node, ast.Break) else "continue"
    for each in reversed(low.exits):
        if isinstance(each, Loop):
            if exit_kind == "break":
                each.broken = node
            break
        _leave(low, each, exit_kind, node)
    low.emit(node)


def _leave(low: Lowering, finalizer: Finalizer, exit_kind: str, node: ast.stmt) -> None:
    """Say how the `finally` on the way is about to be entered."""
    finalizer.exits.add(exit_kind)
    low.emit(build.assign(finalizer.how, build.constant(exit_kind, node), node))


# -- branches and loops ------------------------------------------------------------------------


def head(low: Lowering, test: ast.expr, at: ast.stmt) -> ast.expr:
    """Lower the condition of a compound statement; temporaries are let go before its body."""
    mark = low.temps
    value = condition(low, test)
    if low.high == mark:
        return value
    low.drop(mark)
    identifier = low.new_temp()
    if not (isinstance(value, ast.Name) and value.id == identifier):
        low.emit(build.assign(identifier, build.truth(value, test), test))
    others = [f".t{n}" for n in range(mark + 2, low.high + 1)]
    if others:
        low.emit(build.clear(others, at))
    low.drop(mark)
    low.high = mark
    return build.name(identifier, test)


@lowers(STATEMENTS, ast.If)
def _if(low: Lowering, node: ast.If) -> None:
    test = head(low, node.test, node)
    start = low.take()
    body, orelse = low.body(node.body), low.body(node.orelse)
    low.emit(build.replaced(node, test=test, body=body, orelse=orelse), start)


def loop_body(low: Lowering, statements: list[ast.stmt], loop: Loop, live: tuple[str, ...]) -> list[ast.stmt]:
    """Lower the body of a loop: `break` and `continue` end here."""
    low.exits.append(loop)
    try:
        return low.body(statements, live=live)
    finally:
        low.exits.pop()


@lowers(STATEMENTS, ast.While)
def _while(low: Lowering, node: ast.While) -> None:
    if not low.has_point(node.test):
        start = low.take()
        body, orelse = loop_body(low, node.body, Loop(), ()), low.body(node.orelse)
        low.emit(build.replaced(node, body=body, orelse=orelse), start)
        return
    again = low.fresh("while")
    stop = [build.assign(again, build.constant(False, node), node), build.placed(ast.Continue(), node)]
    check = build.branch(node.test, [build.placed(ast.Pass(), node)], stop, node.test)
    low.emit(build.assign(again, build.constant(True, node), node))
    start = low.take()
    body = loop_body(low, [low.mark(check), *node.body], Loop(), (again,))
    orelse = low.body(node.orelse)
    low.emit(build.replaced(node, test=build.name(again, node), body=body, orelse=orelse), start)


@lowers(STATEMENTS, ast.For)
def _for(low: Lowering, node: ast.For) -> None:
    mark = low.temps
    iterable = low.expression(node.iter)
    if not low.any_point([node.target, *node.body]):
        if low.high > mark:
            iterable = low.keep_value(iterable, node.iter)
        start = low.take()
        low.drop(mark)
        body, orelse = loop_body(low, node.body, Loop(), ()), low.body(node.orelse)
        low.emit(build.replaced(node, iter=iterable, body=body, orelse=orelse), start)
        return
    iterator = low.fresh("it")
    low.emit(build.assign(iterator, build.helper("iter", [iterable], node.iter), node.iter))
    low.release(mark, node)
    start = low.take()
    target, prelude = loop_target(low, node)
    around = Loop(iterator)
    body = loop_body(low, [*prelude, *node.body], around, (iterator,))
    done = build.clear([iterator], node)
    orelse = [done, *low.body(node.orelse)]
    again = build.helper("over", [build.name(iterator, node.iter)], node.iter)
    loop = build.replaced(node, target=target, iter=again, body=body, orelse=orelse)
    low.notes[loop] = Note(iterator=iterator)
    low.emit(loop, start)
    _let_go(low, around)


def _let_go(low: Lowering, loop: Loop) -> None:
    """Behind a loop that was left by `break`: its iterator is not needed any more."""
    if loop.broken is not None and loop.cleanup:
        low.emit(build.clear([loop.cleanup], loop.broken))


def loop_target(low: Lowering, node: Any) -> tuple[ast.expr, list[ast.stmt]]:
    """The target of a loop; one with awaits in it is assigned at the beginning of the body."""
    if not low.has_point(node.target):
        return node.target, []
    item = low.fresh("item")
    assignment = build.placed(ast.Assign([node.target], build.name(item, node.target)), node.target)
    return build.target(item, node.target), [low.mark(assignment)]


@lowers(STATEMENTS, ast.AsyncFor)
def _async_for(low: Lowering, node: ast.AsyncFor) -> None:
    mark = low.temps
    iterator = low.fresh("it")
    low.emit(build.assign(iterator, build.helper("aiter", [low.expression(node.iter)], node.iter), node.iter))
    low.release(mark, node)
    low.live.append(iterator)
    step = low.point(node)
    start = low.take()
    low.live.pop()
    low.out.append(low.arrive(step, node))
    target, prelude = loop_target(low, node)
    around = Loop(iterator)
    body = loop_body(low, [*prelude, *node.body], around, (iterator,))
    body = [build.guarded(body, [], [], [low.arrive(step, node)], node)]
    low.spans[body[0]] = (start + 1, len(low.points))
    orelse = [build.clear([iterator], node), *low.body(node.orelse)]
    again = build.helper("Over", [build.name(iterator, node.iter)], node.iter)
    loop = build.replaced(node, target=target, iter=again, body=body, orelse=orelse)
    low.notes[loop] = Note(iterator=iterator, step=step.number)
    low.emit(loop, start)
    _let_go(low, around)
