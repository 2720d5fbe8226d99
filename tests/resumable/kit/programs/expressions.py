"""Expressions. Every one is an integer when it succeeds; many fail, and that is wanted."""

from .writer import Scope, Table, Writer

LEAVES, BRANCHES = Table(), Table()


def awaits(scope: Scope) -> bool:
    return scope.awaits


def expr(w: Writer, s: Scope, depth: int | None = None) -> str:
    """An expression of at most this depth; mostly a shallow one when it isn't said."""
    depth = w.pick([1, 0, 2, 1]) if depth is None else depth
    table = LEAVES if depth <= 0 else BRANCHES
    return table.pick(w, s)(w, s, depth)


@LEAVES.add(2)
@BRANCHES.add(2)
def literal(w: Writer, s: Scope, depth: int) -> str:
    return str(w.below(5))


@LEAVES.add(4)
@BRANCHES.add(4)
def name(w: Writer, s: Scope, depth: int) -> str:
    return w.pick(s.ints)


@LEAVES.add(5, awaits)
@BRANCHES.add(14, awaits)
def wait(w: Writer, s: Scope, depth: int) -> str:
    form = w.below(4)
    if form == 3 and depth > 0:
        return f"(await suspend({expr(w, s, depth - 1)}))"
    return f"(await suspend({w.pick(s.ints) if form else w.below(5)}))"


@LEAVES.add(3)
@BRANCHES.add(3)
def effect(w: Writer, s: Scope, depth: int) -> str:
    return f"t({w.number()}, {expr(w, s, depth - 1)})" if depth > 0 else f"t({w.number()})"


@LEAVES.add(1)
@BRANCHES.add(1)
def attribute(w: Writer, s: Scope, depth: int) -> str:
    return f"{w.pick(s.boxes)}.value"


@LEAVES.add(1)
def last(w: Writer, s: Scope, depth: int) -> str:
    return f"{w.pick(s.lists)}[-1]"


@BRANCHES.add(4)
def arithmetic(w: Writer, s: Scope, depth: int) -> str:
    operator = w.pick(["+", "+", "-", "-", "*", "//", "%", "&", "|", "^"])
    return f"clip({expr(w, s, depth - 1)} {operator} {expr(w, s, depth - 1)})"


@BRANCHES.add(1)
def unary(w: Writer, s: Scope, depth: int) -> str:
    return f"({w.pick(['-', '+', 'not '])}{expr(w, s, depth - 1)})"


@BRANCHES.add(2)
def conditional(w: Writer, s: Scope, depth: int) -> str:
    parts = [expr(w, s, depth - 1) for _ in range(3)]
    return f"({parts[0]} if {parts[1]} else {parts[2]})"


@BRANCHES.add(3)
def boolean(w: Writer, s: Scope, depth: int) -> str:
    parts = [expr(w, s, depth - 1) for _ in w.times(3, 2)]
    return "(" + f" {w.pick(['and', 'or'])} ".join(parts) + ")"


@BRANCHES.add(2)
def comparison(w: Writer, s: Scope, depth: int) -> str:
    parts = [expr(w, s, depth - 1)]
    for _ in w.times(3, 1):
        parts += [w.pick(["<", "<=", "==", "!=", ">", ">="]), expr(w, s, depth - 1)]
    return f"({' '.join(parts)})"


@BRANCHES.add(1)
def membership(w: Writer, s: Scope, depth: int) -> str:
    operator = w.pick(["in", "not in"])
    return f"({expr(w, s, depth - 1)} {operator} [{expr(w, s, depth - 1)}, {expr(w, s, depth - 1)}])"


@BRANCHES.add(2, lambda s: s.walrus)
def walrus(w: Writer, s: Scope, depth: int) -> str:
    return f"({w.pick(s.targets() or ['w'])} := {expr(w, s, depth - 1)})"


def items(w: Writer, s: Scope, depth: int) -> str:
    """The inside of a list display: elements, some starred."""
    parts = []
    for _ in w.times(3, 1):
        if w.one_in(4):
            parts.append(f"*{w.pick(s.lists)}" if w.below(2) else f"*[{expr(w, s, depth)}]")
        else:
            parts.append(expr(w, s, depth))
    return ", ".join(parts)


def index(w: Writer, s: Scope, depth: int) -> str:
    """A subscript: mostly one that is there."""
    return expr(w, s, depth) if w.one_in(6) else f"{expr(w, s, depth)} % 2"


@BRANCHES.add(2)
def item(w: Writer, s: Scope, depth: int) -> str:
    return f"[{items(w, s, depth - 1)}][{index(w, s, 0)}]"


@BRANCHES.add(1)
def element(w: Writer, s: Scope, depth: int) -> str:
    return f"{w.pick(s.lists + s.dicts)}[{index(w, s, depth - 1)}]"


@BRANCHES.add(1)
def piece(w: Writer, s: Scope, depth: int) -> str:
    bounds = [expr(w, s, depth - 1) if w.below(3) else "" for _ in range(2)]
    return f"add(*{w.pick(s.lists)}[{bounds[0]}:{bounds[1]}:{w.pick(['', '-1', '2'])}])"


@BRANCHES.add(1)
def displays(w: Writer, s: Scope, depth: int) -> str:
    kind = w.below(3)
    if kind == 0:
        return f"add(*({items(w, s, depth - 1)},))"
    if kind == 1:
        return f"add(*{{{items(w, s, depth - 1)}}})"
    pairs = [f"{expr(w, s, 0)}: {expr(w, s, depth - 1)}" for _ in w.times(2, 1)]
    return f"({{{', '.join(pairs)}, **{w.pick(s.dicts)}}}).get({expr(w, s, 0)}, {w.number()})"


def arguments(w: Writer, s: Scope, depth: int) -> str:
    """Positional, starred, by name, double starred, in an order that Python takes."""
    parts = [expr(w, s, depth)]
    parts += [expr(w, s, depth) for _ in w.times(1)]
    parts += [f"*[{items(w, s, depth - 1)}]" for _ in w.times(1)]
    parts += [f"k={expr(w, s, depth)}" for _ in w.times(1)]
    return ", ".join(parts)


@BRANCHES.add(2)
def call(w: Writer, s: Scope, depth: int) -> str:
    more = f", **dict(z={expr(w, s, depth - 1)})" if w.one_in(3) else ""
    return f"add({arguments(w, s, depth - 1)}{more})"


@BRANCHES.add(1, lambda s: bool(s.functions))
def call_local(w: Writer, s: Scope, depth: int) -> str:
    return f"{w.pick(s.functions)}({expr(w, s, depth - 1)})"


@BRANCHES.add(2)
def call_lambda(w: Writer, s: Scope, depth: int) -> str:
    x = w.name("x")
    inside = s.inner(awaits=False, walrus=False)
    inside.ints.append(x)
    return f"(lambda {x}: {expr(w, inside, depth - 1)})({expr(w, s, depth - 1)})"


@BRANCHES.add(8, awaits)
def helper(w: Writer, s: Scope, depth: int) -> str:
    form = w.pick(["ask", "ask", "many", "down", "countdown", "put", "make", "fixed", "local", "local"])
    if form in ("ask", "many"):
        return f"(await {form}({arguments(w, s, depth - 1)}))"
    value = expr(w, s, depth - 1)
    if form in ("down", "countdown"):
        return f"(await {form}({value} % 3))"
    if form == "put":
        return f"(await {w.pick(s.boxes)}.put({value}))"
    if form == "make":
        return f"(await Box.make({value})).value"
    if form == "local" and s.coroutines:
        return f"(await {w.pick(s.coroutines)}({value}))"
    return f"(await Box.fixed({value}))"


def clauses(w: Writer, s: Scope, depth: int) -> tuple[str, Scope]:
    """The `for … if …` of a comprehension, and the scope of its element."""
    inside, parts = s.inner(walrus=False), []
    for number in w.times(2, 1):
        outer = inside.inner(awaits=inside.awaits)
        x = w.name("x")
        if inside.awaits and w.one_in(4):
            parts.append(f"async for {x} in {w.pick(s.streams)}({expr(w, outer, 0)} % 3)")
        elif number or w.below(2):
            parts.append(f"for {x} in [{items(w, outer, depth - 1)}]")
        else:
            parts.append(f"for {x} in islice({w.pick(s.lists)}, 3)")
        inside.ints.append(x)
        inside.fixed = (*inside.fixed, x)
        inside.walrus = s.walrus and not s.nested and w.one_in(2)
        if w.one_in(3):
            parts.append(f"if {expr(w, inside, depth - 1)}")
        inside.walrus = False
    return " ".join(parts), inside


@BRANCHES.add(4)
def comprehension(w: Writer, s: Scope, depth: int) -> str:
    kind = w.below(4)
    if kind == 3:
        s = s.inner(awaits=False)
    generators, inside = clauses(w, s, depth)
    element = expr(w, inside, depth - 1)
    if kind == 0:
        return f"add(*[{element} {generators}])"
    if kind == 1:
        return f"len({{{element} {generators}}})"
    if kind == 2:
        return f"add(*{{{element}: {expr(w, inside, depth - 1)} {generators}}}.values())"
    return f"add(*({element} {generators}))"


@BRANCHES.add(2, lambda s: s.quotes)
def formatted(w: Writer, s: Scope, depth: int) -> str:
    inside = s.inner(quotes=False)
    first, second = expr(w, inside, depth - 1), expr(w, inside, depth - 1)
    spec = w.pick(["", "!r", ":>4", f":{{{expr(w, inside, 0)} % 7}}"])
    return f"len(f'<{{{first}{spec}}}|{{{second}}}>')"


@BRANCHES.add(1, lambda s: bool(s.iterators))
def advance(w: Writer, s: Scope, depth: int) -> str:
    return f"next({w.pick(s.iterators)}, {expr(w, s, 0)})"
