"""Statements of one line, and the table of all statements."""

from .expressions import expr, index
from .writer import Lines, Scope, Table, Writer

STATEMENTS = Table()
ERRORS = ["Trouble", "ValueError", "KeyError", "ZeroDivisionError"]


def block(w: Writer, s: Scope, **changes: object) -> Lines:
    """Some statements, in a scope of their own; names they make are seen by those after."""
    inside = s.inner(**changes)
    lines: Lines = []
    for _ in w.times(inside.depth + 1 if inside.depth < 2 else 3, 1):
        with w.statement():
            lines += STATEMENTS.pick(w, inside)(w, inside)
    return lines


def target(w: Writer, s: Scope) -> str:
    """Something to assign to, besides a name; its parts are evaluated in order."""
    form = w.below(8)
    if form == 5:
        return f"{w.pick(s.lists)}[{index(w, s, 1)}]"
    if form == 6:
        return f"{w.pick(s.dicts)}[{index(w, s, 1)}]"
    if form == 7:
        return f"{w.pick(s.boxes)}.value"
    return w.pick(s.targets() or ["w"])


@STATEMENTS.add(6)
def log(w: Writer, s: Scope) -> Lines:
    return [f"log({w.number()}, {expr(w, s)})"]


@STATEMENTS.add(5, lambda s: s.awaits)
def ask(w: Writer, s: Scope) -> Lines:
    return [f"await suspend({expr(w, s)})"]


@STATEMENTS.add(6)
def assign(w: Writer, s: Scope) -> Lines:
    return [f"{target(w, s)} = {expr(w, s)}"]


@STATEMENTS.add(4)
def augment(w: Writer, s: Scope) -> Lines:
    return [f"{target(w, s)} {w.pick(['+=', '-=', '|='])} {expr(w, s)}"]


@STATEMENTS.add(1)
def augment_list(w: Writer, s: Scope) -> Lines:
    return [f"{w.pick(s.lists)} += [{expr(w, s)}]"]


@STATEMENTS.add(1)
def assign_twice(w: Writer, s: Scope) -> Lines:
    return [f"{target(w, s)} = {target(w, s)} = {expr(w, s)}"]


@STATEMENTS.add(2)
def unpack(w: Writer, s: Scope) -> Lines:
    rest = w.name("ys")
    form, first, second = w.below(3), target(w, s), expr(w, s)
    if form == 0:
        return [f"{first}, {target(w, s)} = {second}, {expr(w, s)}"]
    s.lists.append(rest)
    if form == 1:
        return [f"{first}, *{rest} = [{second}, {expr(w, s)}]"]
    return [f"({first}, [*{rest}, {target(w, s)}]) = {second}, [{expr(w, s)}]"]


@STATEMENTS.add(1)
def annotate(w: Writer, s: Scope) -> Lines:
    free = [name for name in s.targets() if name != "g"]
    return [f"{w.pick(free or ['w'])}: int = {expr(w, s)}"] if not s.nested else ["pass"]


@STATEMENTS.add(1)
def splice(w: Writer, s: Scope) -> Lines:
    return [f"{w.pick(s.lists)}[{expr(w, s, 1)}:{expr(w, s, 1)}] = [{expr(w, s, 1)}]"]


@STATEMENTS.add(1)
def alias(w: Writer, s: Scope) -> Lines:
    old, new = w.pick(s.lists), w.name("ys")
    s.lists.append(new)
    return [f"{new} = {old}", f"{new}.append({expr(w, s)})", f"log({new} is {old}, {old})"]


@STATEMENTS.add(1)
def delete(w: Writer, s: Scope) -> Lines:
    if w.below(3) == 0 and not s.nested:
        return [f"del {w.pick(s.targets() or ['w'])}"]
    return [f"del {w.pick(s.lists + s.dicts)}[{index(w, s, 1)}]"]


@STATEMENTS.add(1)
def check(w: Writer, s: Scope) -> Lines:
    return [f"assert {expr(w, s)}, {expr(w, s)}"]


@STATEMENTS.add(1)
def importing(w: Writer, s: Scope) -> Lines:
    name = w.name("op")
    s.functions.append(f"{name}.neg")
    return [f"import operator as {name}"]


@STATEMENTS.add(1)
def hold_iterator(w: Writer, s: Scope) -> Lines:
    name = w.name("it")
    values = f"[{expr(w, s, 1)}, {expr(w, s, 0)}]"
    forms = [
        "iter({})",
        "reversed({})",
        "map(double, {})",
        "filter(odd, {})",
        "chain({}, [7])",
        "islice({}, 1)",
    ]
    lines = [f"{name} = {w.pick(forms).format(values)}"]
    s.iterators.append(name)
    return lines


@STATEMENTS.add(1)
def handled(w: Writer, s: Scope) -> Lines:
    return ["log(exc())"]


@STATEMENTS.add(1)
def raise_new(w: Writer, s: Scope) -> Lines:
    error = f"raise {w.pick(ERRORS)}({expr(w, s, 1)})"
    cause = w.pick(["", "", " from ", " from None"])
    error += cause + (f"{w.pick(ERRORS)}({expr(w, s, 0)})" if cause == " from " else "")
    return [f"if {expr(w, s, 1)}:", f"    {error}"] if w.below(4) else [error]


@STATEMENTS.add(1, lambda s: s.awaits)
def raise_from_outside(w: Writer, s: Scope) -> Lines:
    return [f"await suspend(boom({w.number()}))"]


@STATEMENTS.add(3, lambda s: s.handler)
def raise_again(w: Writer, s: Scope) -> Lines:
    return ["raise"] if w.one_in(2) else [f"if {expr(w, s, 1)}:", "    raise"]


@STATEMENTS.add(3, lambda s: s.loop)
def leave_loop(w: Writer, s: Scope) -> Lines:
    way = w.pick(["break", "continue"])
    return [way] if w.one_in(4) else [f"if {expr(w, s, 1)}:", f"    {way}"]


@STATEMENTS.add(1, lambda s: not s.star)
def leave_function(w: Writer, s: Scope) -> Lines:
    way = "return" if s.yields else f"return {expr(w, s)}"
    return [way] if w.one_in(3) else [f"if {expr(w, s, 1)}:", f"    {way}"]


@STATEMENTS.add(6, lambda s: s.yields)
def produce(w: Writer, s: Scope) -> Lines:
    return [f"yield {expr(w, s)}"]
