"""Branches and loops."""

from .expressions import expr, items
from .simple import STATEMENTS, block
from .writer import Lines, Scope, Writer, indent


def deep(scope: Scope) -> bool:
    return scope.depth > 0


@STATEMENTS.add(4, deep)
def branch(w: Writer, s: Scope) -> Lines:
    lines = [f"if {expr(w, s)}:", *indent(block(w, s))]
    for _ in w.times(1):
        lines += [f"elif {expr(w, s)}:", *indent(block(w, s))]
    return lines + otherwise(w, s)


def otherwise(w: Writer, s: Scope, **changes: object) -> Lines:
    return ["else:", *indent(block(w, s, **changes))] if w.one_in(2) else []


@STATEMENTS.add(3, deep)
def while_loop(w: Writer, s: Scope) -> Lines:
    test = w.pick(["tick()", f"tick() and {expr(w, s)}"])
    return [f"while {test}:", *indent(block(w, s, loop=True)), *otherwise(w, s)]


def iteration(w: Writer, s: Scope) -> tuple[str, str, list[str]]:
    """What to loop over, with a fitting target and the integer names it binds."""
    x, y, form = w.name("x"), w.name("y"), w.below(8)
    if form < 4:
        return x, single(w, s), [x]
    if form == 4:
        return f"{w.pick(s.boxes)}.value", single(w, s), []
    some, more = f"[{items(w, s, 1)}]", f"[{items(w, s, 0)}]"
    if form == 5:
        return f"{x}, ({y}, *_)", f"enumerate(zip({some}, {more}))", [x, y]
    pairs = [
        "enumerate({0}, 1)",
        "zip({0}, {1})",
        "dict(zip({0}, {1})).items()",
        "zip({0}, {1}, strict=True)",
    ]
    return f"{x}, {y}", w.pick(pairs).format(some, more), [x, y]


def single(w: Writer, s: Scope) -> str:
    """An iterable of integers."""
    some, name = f"[{items(w, s, 1)}]", w.pick(s.lists)
    forms = ["{0}", "range({2} % 4)", "({1}[0], 2)", "islice({1}, 3)", "reversed({0})", "map(double, {0})"]
    forms += ["filter(odd, {0})", "chain({0}, {1}[:2])", "{{1: 2, {2}: 3}}", "{{1: 2, 3: {2}}}.values()"]
    forms += ["Countdown({2} % 3)", "sorted({{*{0}}})", "{{1: 2, {2}: 3}}.keys()"]
    return w.pick(forms).format(some, name, expr(w, s, 1))


@STATEMENTS.add(5, deep)
def for_loop(w: Writer, s: Scope) -> Lines:
    target, iterable, names = iteration(w, s)
    inside = s.inner(depth=s.depth)
    inside.ints += names
    lines = [f"for {target} in {iterable}:", *indent(block(w, inside, loop=True)), *otherwise(w, s)]
    if names and w.one_in(4):
        s.ints += names
    return lines


@STATEMENTS.add(2, lambda s: s.depth > 0 and s.awaits)
def async_for_loop(w: Writer, s: Scope) -> Lines:
    x = w.name("x")
    inside = s.inner(depth=s.depth)
    inside.ints.append(x)
    stream = f"{w.pick(s.streams)}({expr(w, s, 1)} % 4)"
    return [f"async for {x} in {stream}:", *indent(block(w, inside, loop=True)), *otherwise(w, s)]


@STATEMENTS.add(3, deep)
def match(w: Writer, s: Scope) -> Lines:
    value = expr(w, s, 1)
    subject = w.pick(["{0}", "[{0}, a]", "[{0}]", "{{1: {0}, 2: b}}", "Box({0})"])
    lines = [f"match {subject.format(value)}:"]
    for _ in w.times(3, 1):
        lines += indent(case(w, s))
    return lines + indent(["case _:", *indent(block(w, s))] if w.below(2) else [])


def case(w: Writer, s: Scope) -> Lines:
    x = w.name("x")
    patterns = [
        "0",
        "1",
        "int() as {x}",
        "0 | 2 | 3 as {x}",
        "[{x}, *_]",
        "[_, {x}]",
        "[]",
        "{{1: {x}, **_rest}}",
    ]
    pattern = w.pick([*patterns, "Box({x})", "Box(value=int({x}))", "[{x}] | Box({x})"])
    names = [x] if "{x}" in pattern else []
    pattern = pattern.format(x=x)
    inside = s.inner(depth=s.depth)
    inside.ints += names
    guard = f" if {expr(w, inside)}" if w.one_in(3) else ""
    return [f"case {pattern}{guard}:", *indent(block(w, inside))]
