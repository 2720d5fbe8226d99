"""Second pass: from the plain form and the number of an await, the re-entry form.

It has no parameters but one, a dictionary of its locals. It puts them back, then takes the way
to the await that leads past nothing that was done already, and goes on like the plain form.
"""

import ast
from typing import Any

from . import build
from .core import Note, Point
from .lower import Lowered


class Reentry:
    """Write the body of one re-entry form."""

    def __init__(self, lowered: Lowered, point: Point) -> None:
        self.lowered = lowered
        self.point = point
        self.index = point.number - 1
        self.used = 0
        self.before: list[ast.stmt] = []  # statements on the way that were done

    # -- finding the way -----------------------------------------------------------------------

    def holds(self, node: ast.AST) -> bool:
        """Whether the point is inside this statement or handler."""
        low, high = self.lowered.spans.get(node, (0, 0))
        return low <= self.index < high

    def find(self, body: list[Any]) -> int | None:
        """The position of the statement that holds the point."""
        return next((position for position, each in enumerate(body) if self.holds(each)), None)

    def suite(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """Enter a suite at the point: skip what was done."""
        position = self.find(body)
        if position is None:
            raise AssertionError("the point is not in this suite")
        self.before += body[:position]
        return [*self.enter(body[position]), *body[position + 1 :]]

    def enter(self, node: Any) -> list[ast.stmt]:
        """Enter one statement at the point."""
        rule = _RULES.get(type(node), Reentry.header)
        return rule(self, node)

    def header(self, node: Any) -> list[ast.stmt]:
        """The point is in an expression of the statement itself."""
        assert self.point.node is not None
        return [build.substitute(node, self.point.node, self.rest(self.point.node))]

    def rest(self, at: Any) -> ast.expr:
        """What now stands for the awaited expression."""
        if self.point.is_yield:
            return build.replaced(at, value=None)
        return build.replaced(at, value=build.call(self.inner(at), [], at))

    def inner(self, at: Any) -> ast.expr:
        """``.w.pop()``: makes the awaitable; popped, so that it is not kept alive."""
        return build.call(build.attribute(build.name(build.INNER, at), "pop", at), [], at)

    def fresh(self, kind: str) -> str:
        """A hidden name that only this form uses."""
        self.used += 1
        return f".re-{kind}{self.used}"

    def note(self, node: ast.AST) -> Note:
        """What lowering has noted about a statement."""
        return self.lowered.notes.get(node) or Note()

    # -- branches and loops --------------------------------------------------------------------

    def branch(self, node: Any) -> list[ast.stmt]:
        """`if`, `match`: straight into the branch that was taken."""
        suites = (
            [case.body for case in node.cases] if isinstance(node, ast.Match) else [node.body, node.orelse]
        )
        for body in suites:
            if self.find(body) is not None:
                return self.suite(body)
        return self.header(node)

    def while_loop(self, node: ast.While) -> list[ast.stmt]:
        """Into the body without asking; after that, as ever."""
        if self.find(node.orelse) is not None:
            return self.suite(node.orelse)
        if self.find(node.body) is None:
            return self.header(node)
        first = self.fresh("first")
        test = build.placed(ast.BoolOp(ast.Or(), [build.name(first, node), node.test]), node.test)
        body = self.first_time(first, node.body, node.body, node)
        return [self.begin(first, node), build.replaced(node, test=test, body=body)]

    def begin(self, first: str, at: Any) -> ast.stmt:
        """Say that the next step of the loop is the one under way."""
        return build.assign(first, build.constant(True, at), at)

    def first_time(self, first: str, body: list[ast.stmt], normal: list[ast.stmt], at: Any) -> list[ast.stmt]:
        """The body of a loop: entered at the point once, then *normal*."""
        done = build.assign(first, build.constant(False, at), at)
        return [build.branch(build.name(first, at), [done, *self.suite(body)], normal, at)]

    def for_loop(self, node: ast.For) -> list[ast.stmt]:
        """Into the body with the item at hand; after that, on with the stored iterator."""
        if self.find(node.orelse) is not None:
            return self.suite(node.orelse)
        if self.find(node.body) is None:
            return self.header(node)
        iterator = build.name(self.note(node).iterator, node.iter)
        return self.stepping(node, build.helper("again", [iterator], node.iter))

    def stepping(self, node: Any, source: ast.expr) -> list[ast.stmt]:
        """A loop over *source*, whose first item stands for the step under way."""
        first, item = self.fresh("first"), self.fresh("item")
        bind = build.placed(ast.Assign([node.target], build.name(item, node.target)), node.target)
        normal = [bind, build.clear([item], node.target), *node.body]
        body = self.first_time(first, node.body, normal, node)
        loop = build.replaced(node, target=build.target(item, node.target), iter=source, body=body)
        return [self.begin(first, node), loop]

    def async_for(self, node: ast.AsyncFor) -> list[ast.stmt]:
        """Into the body, or into the step that was under way."""
        if self.find(node.orelse) is not None:
            return self.suite(node.orelse)
        note = self.note(node)
        iterator = build.name(note.iterator, node.iter)
        if note.step == self.point.number:
            source = build.helper("First", [iterator, self.inner(node)], node.iter)
            return [build.replaced(node, iter=source)]
        return self.stepping(node, build.helper("First", [iterator], node.iter))

    # -- with ----------------------------------------------------------------------------------

    def with_block(self, node: ast.With) -> list[ast.stmt]:
        """Into the block without `__enter__`; out of it through the real `__exit__`."""
        if self.find(node.body) is None:
            return self.header(node)
        manager = self.note(node).manager
        if not manager:
            raise AssertionError("a with block with awaits has a hidden manager")
        shim = build.helper("Inside", [build.name(manager, node)], node)
        return [build.replaced(node, items=[ast.withitem(shim, None)], body=self.suite(node.body))]

    def async_with(self, node: ast.AsyncWith) -> list[ast.stmt]:
        """Into `__aenter__`, the block, or `__aexit__`."""
        note, item = self.note(node), node.items[0]
        manager = build.name(note.manager, node)
        if note.enter == self.point.number:
            shim = build.helper("Entering", [manager, self.inner(node)], node)
            return [build.replaced(node, items=[ast.withitem(shim, item.optional_vars)])]
        if note.leave == self.point.number:
            shim = build.helper("Leaving", [self.inner(node)], node)
            again, body = self.leave_again(note, node)
            return [again, build.replaced(node, items=[ast.withitem(shim, None)], body=body)]
        shim = build.helper("Inside", [manager], node)
        return [build.replaced(node, items=[ast.withitem(shim, None)], body=self.suite(node.body))]

    # -- try -----------------------------------------------------------------------------------

    def leave_again(self, note: Note, at: Any) -> tuple[ast.stmt, list[ast.stmt]]:
        """Statements that leave a block as it was left: by what the hidden local says."""
        again = self.fresh("again")
        make = build.assign(again, build.helper("Again", [build.name(note.how, at)], at), at)
        raised = build.call(build.attribute(build.name(again, at), "raised", at), [], at)
        body: list[ast.stmt] = [build.branch(raised, self.raise_again(again, at), [], at)]
        ways = {
            "return": build.placed(ast.Return(self.returned(at)), at),
            "break": build.placed(ast.Break(), at),
            "continue": build.placed(ast.Continue(), at),
        }
        for way in sorted(note.exits):
            test = build.placed(
                ast.Compare(build.name(note.how, at), [ast.Eq()], [build.constant(way, at)]), at
            )
            body.append(build.branch(test, [ways[way]], [], at))
        return make, body

    def returned(self, at: Any) -> ast.expr | None:
        """The value of the `return` that was on its way."""
        return None if self.lowered.bare_returns else build.name(build.RETURNED, at)

    def raise_again(self, again: str, at: Any) -> list[ast.stmt]:
        """Raise a stored exception so that it looks as it did when it was first handled."""
        error = build.attribute(build.name(again, at), "error", at)
        settle = build.call(build.attribute(build.name(again, at), "settle", at), [], at)
        handled = [build.expression(settle, at), build.placed(ast.Raise(None, None), at)]
        return [
            build.guarded(
                [build.placed(ast.Raise(error, None), at)], [build.handler(None, handled, at)], [], [], at
            )
        ]

    def try_block(self, node: Any) -> list[ast.stmt]:
        """Into the body, a handler, the `else` or the `finally`."""
        if self.find(node.body) is not None:
            return [build.replaced(node, body=self.suite(node.body))]
        if self.find(node.orelse) is not None:
            rest = self.suite(node.orelse)
            return [build.guarded(rest, [], [], node.finalbody, node)] if node.finalbody else rest
        if (position := self.find(node.handlers)) is not None:
            return self.handler(node, node.handlers[position])
        if self.find(node.finalbody) is None:
            return self.header(node)
        note = self.note(node)
        again, body = self.leave_again(note, node)
        return [again, build.guarded(body, [], [], self.suite(node.finalbody), node)]

    def handler(self, node: Any, handler: ast.ExceptHandler) -> list[ast.stmt]:
        """Into an `except` clause: raise the stored exception again, to be handled there."""
        note, again = self.note(handler), self.fresh("again")
        make = build.assign(again, build.helper("Again", [build.name(note.error, handler)], handler), handler)
        error = build.attribute(build.name(again, handler), "error", handler)
        settle = build.call(build.attribute(build.name(again, handler), "settle", handler), [], handler)
        body = self.suite(handler.body)
        if handler.name:
            body = [build.guarded(body, [], [], build.forget(handler.name, handler), handler)]
        caught = build.handler(None, [build.expression(settle, handler), *body], handler)
        raising = build.placed(ast.Raise(error, None), handler)
        return [make, build.guarded([raising], [caught], [], node.finalbody, node)]


_RULES: dict[type[ast.AST], Any] = {
    ast.If: Reentry.branch,
    ast.Match: Reentry.branch,
    ast.While: Reentry.while_loop,
    ast.For: Reentry.for_loop,
    ast.AsyncFor: Reentry.async_for,
    ast.With: Reentry.with_block,
    ast.AsyncWith: Reentry.async_with,
    ast.Try: Reentry.try_block,
    ast.TryStar: Reentry.try_block,
}
