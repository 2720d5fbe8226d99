"""What the lowering passes share: the state of one function being rewritten, and the table of rules.

Lowering turns the user's function into its *plain form*: the same statements in the same order,
except that whatever an await needs to find again stands in a local variable when it suspends.
Each rule handles one kind of node; expression rules return what is left to evaluate, and may
emit statements that go before it.
"""

import ast
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from . import build
from .context import Context, type_parameters
from .scan import CLOSES, DECLARES, EXIT, GENERATOR, NESTED, POINT, Marks, scan
from .scopes import Scope, analyse, bindings, parameters


@dataclass
class Point:
    """A place where the function can be suspended."""

    number: int
    line: int
    live: tuple[str, ...]  # the hidden locals that going on from here needs
    node: ast.AST | None = None  # the await in the plain form; None for the awaits that a statement implies
    is_yield: bool = False
    reason: str | None = None  # why it can't be captured here
    receiver: tuple[str, str] | None = None  # a local and the name of its method that will be called
    again: tuple[ast.stmt, ...] = ()  # assignments of globals to temporaries, done again at re-entry


@dataclass
class Note:
    """What re-entry must know of a compound statement beyond its syntax."""

    enter: int = 0  # async with: the point of `__aenter__`
    leave: int = 0  # async with: the point of `__aexit__`
    step: int = 0  # async for: the point of `__anext__`
    iterator: str = ""  # for: the hidden iterator
    manager: str = ""  # with: the hidden context manager
    how: str = ""  # the hidden local that says how a `finally` was entered
    exits: set[str] = field(default_factory=set)  # which of return, break, continue lead through it
    error: str = ""  # handler: the hidden local with the exception


Spans = dict[ast.AST, tuple[int, int]]  # of a statement or handler: the points that it holds
Notes = dict[ast.AST, Note]


class Unsupported(Exception):
    """This statement can't be lowered: its awaits stay where they are, and are refused at capture."""


class Loop:
    """On the stack of exits: where `break` and `continue` end."""

    def __init__(self, cleanup: str | None = None) -> None:
        self.cleanup = cleanup  # the hidden iterator, let go of behind the loop
        self.broken: Any = None  # a `break` that leaves it, unless a `finally` on the way decides otherwise


@dataclass
class Finalizer:
    """On the stack of exits: a `finally` (or `__aexit__`) with awaits, which every way out passes."""

    how: str
    exits: set[str] = field(default_factory=set)


Rule = Callable[["Lowering", Any], Any]
EXPRESSIONS: dict[type[ast.AST], Rule] = {}
STATEMENTS: dict[type[ast.AST], Rule] = {}


def lowers(table: dict[type[ast.AST], Rule], *kinds: type[ast.AST]) -> Callable[[Rule], Rule]:
    """Register the rule for these kinds of node."""

    def register(rule: Rule) -> Rule:
        table.update(dict.fromkeys(kinds, rule))
        return rule

    return register


class Lowering:
    """One function on its way to plain form."""

    bare_returns = False  # an async generator's `return` has no value
    definition: Callable[[Any, Context], Any]  # lowers a definition in a context
    temps = 0  # how many temporaries are in use
    high = 0  # how many were in use at most since the statement began
    placed = 0  # how many points stand in emitted statements
    hidden = 0  # how many hidden names there are

    def __init__(self, function: Any, context: Context, marks: Marks, bits: int) -> None:
        self.function, self.context = function, context
        self.marks = marks
        self.alone = context.visible | type_parameters(function) <= {"__class__"}  # no function is around it
        self.simple = not bits & (NESTED | GENERATOR | CLOSES | DECLARES)  # every name assigned is local
        self.points: list[Point] = []
        self.spans: Spans = {}
        self.notes: Notes = {}
        self.out: list[ast.stmt] = []
        self.live: list[str] = []
        self.exits: list[Loop | Finalizer] = []
        self.receivers: dict[ast.expr, tuple[str, str]] = {}  # of an await: see Point
        self.again: dict[str, ast.stmt] = {}  # temporaries with a global that is to be called
        self.light = set[str]()  # temporaries with a global, which lives on anyway

    @cached_property
    def scope(self) -> Scope:
        """The names of the function. Not asked for unless an expression must be taken apart."""
        return bindings(self.function) if self.simple and self.alone else analyse(self.function)

    @cached_property
    def shared(self) -> set[str]:
        """Local variables that functions inside this one can change."""
        return self.scope.shared

    @cached_property
    def bound(self) -> set[str]:
        """Names that certainly have a value."""
        return set(parameters(self.function.args)) - self.scope.deleted

    # -- nodes ---------------------------------------------------------------------------------

    def has_point(self, node: Any) -> bool:
        """Whether *node* holds an await of this function."""
        return bool(self.marks.get(node, 0) & POINT)

    def any_point(self, nodes: list[Any]) -> bool:
        """Whether one of *nodes* holds an await of this function."""
        marks = self.marks
        return any(marks.get(node, 0) & POINT for node in nodes)

    def mark(self, node: Any) -> Any:
        """Scan a node that a rule has put together, so that other rules can lower it."""
        scan((node,), self.marks)
        return node

    def fresh(self, kind: str) -> str:
        """A new hidden name."""
        self.hidden += 1
        return f".{kind}{self.hidden}"

    def is_steady(self, identifier: str) -> bool:
        """Whether nothing but this function's own statements can change the variable."""
        if identifier[0] == ".":
            return True
        scope = self.scope
        return identifier in scope.own and identifier not in scope.walrus and identifier not in self.shared

    # -- points --------------------------------------------------------------------------------

    def point(self, at: Any, **kind: Any) -> Point:
        """A new place to suspend at, here."""
        live, again = tuple(self.live), ()
        if self.again:
            live = tuple(each for each in self.live if each not in self.again)
            again = tuple(self.again[each] for each in self.live if each in self.again)
        found = Point(len(self.points) + 1, at.lineno, live, again=again, **kind)
        self.points.append(found)
        return found

    def arrive(self, point: Point, at: Any) -> ast.Assign:
        """The statement that says which await comes next."""
        return build.assign(build.POINT, build.constant(point.number, at), at)

    # -- statements ----------------------------------------------------------------------------

    def emit(self, statement: ast.stmt, since: int | None = None) -> None:
        """Add a statement; it holds the points made since *since* (since the last one by default)."""
        start = self.placed if since is None else since
        if start < len(self.points):
            self.spans[statement] = (start, len(self.points))
        self.placed = len(self.points)
        self.out.append(statement)

    def take(self) -> int:
        """The points so far belong to the head of a compound statement; returns where it began."""
        start, self.placed = self.placed, len(self.points)
        return start

    def body(self, statements: list[ast.stmt], *, live: tuple[str, ...] = ()) -> list[ast.stmt]:
        """Lower a suite on its own, with some more hidden locals alive in it."""
        if not statements:
            return []
        outer, self.out = self.out, []
        depth = len(self.live)
        self.live.extend(live)
        try:
            for statement in statements:
                self.statement(statement)
            return self.out
        finally:
            self.out = outer
            del self.live[depth:]

    def nested(self, node: Any) -> Any:
        """Lower a definition inside this function."""
        return self.definition(node, self.context.inside_function(self.function, self.scope))

    def statement(self, statement: ast.stmt) -> None:
        """Lower one statement into ``self.out``."""
        bits = self.marks.get(statement, 0)
        if not bits & (POINT | NESTED) and not (bits & EXIT and self.exits):
            self.emit(statement)
            return
        written, alive, temps = len(self.out), len(self.live), self.temps
        high, self.high = self.high, self.temps
        try:
            STATEMENTS[type(statement)](self, statement)
        except Unsupported as refusal:
            if any(isinstance(each, Finalizer) for each in self.exits):
                raise
            del self.out[written:], self.live[alive:]
            self.temps = temps
            self.emit(self.arrive(self.point(statement, reason=str(refusal)), statement))
            self.emit(statement)
        self.high = max(high, self.temps)

    def release(self, mark: int, at: Any) -> None:
        """After a statement: let go of the temporaries above *mark*."""
        if self.high > mark:
            used = [f".t{n}" for n in range(mark + 1, self.high + 1)]
            if held := [identifier for identifier in used if identifier not in self.light]:
                self.emit(build.clear(held, at))
            self.drop(mark)
            self.high = mark
        self.light.clear()

    # -- expressions ---------------------------------------------------------------------------

    def expression(self, node: Any) -> Any:
        """What is left of *node* after its awaits but the last have been emitted as statements."""
        if not self.has_point(node):
            return node
        return EXPRESSIONS[type(node)](self, node)

    def temp(self, node: Any) -> ast.expr:
        """Evaluate *node* now, into a temporary; a constant can wait."""
        if isinstance(node, ast.Constant):
            return node
        if isinstance(node, ast.Name) and self.is_steady(node.id):
            if node.id not in self.bound and node.id[0] != ".":
                self.emit(build.expression(node, node))  # if it is unbound, the error comes now
            return node
        mark = self.temps
        if isinstance(node, ast.Starred):
            spread = self.mark(build.placed(ast.List([node], build.LOAD), node))
            return build.replaced(node, value=self.temp(spread))
        if isinstance(node, ast.FormattedValue):
            piece = self.mark(build.placed(ast.JoinedStr([node]), node))
            return build.replaced(node, value=self.temp(piece), conversion=-1, format_spec=None)
        value = self.expression(node)
        self.drop(mark)
        return self.keep_value(value, node)

    def keep_value(self, value: ast.expr, at: Any) -> ast.expr:
        """Assign *value* to the next temporary, alive from here on."""
        identifier = self.new_temp()
        self.emit(build.assign(identifier, value, at))
        self.live.append(identifier)
        self.light.discard(identifier)
        self.again.pop(identifier, None)
        if isinstance(value, ast.Name) and value.id not in self.scope.own:
            self.light.add(identifier)
        return build.name(identifier, at)

    def callee(self, node: ast.expr) -> ast.expr:
        """Look up a global (or an attribute of one) to be called after an await.

        It is not stored: what a module holds is that module's, and is looked up again at re-entry.
        """
        kept = self.keep_value(node, node)
        assert isinstance(kept, ast.Name)
        self.again[kept.id] = self.out[-1]
        self.light.add(kept.id)
        return kept

    def is_global(self, node: ast.expr) -> bool:
        """Whether *node* is a dotted name that begins with a global."""
        while isinstance(node, ast.Attribute):
            node = node.value
        if not isinstance(node, ast.Name) or node.id[0] == ".":
            return False
        return node.id not in self.context.visible and node.id not in self.scope.own

    def new_temp(self) -> str:
        """The next temporary, not yet alive."""
        self.temps += 1
        self.high = max(self.high, self.temps)
        return f".t{self.temps}"

    def drop(self, mark: int) -> None:
        """Temporaries above *mark* have been used."""
        while self.temps > mark:
            identifier = f".t{self.temps}"
            if self.live and self.live[-1] == identifier:
                self.live.pop()
            self.temps -= 1
