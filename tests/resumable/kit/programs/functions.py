"""Functions inside functions: closures, lambdas held in locals, nested coroutines."""

from .expressions import expr
from .flow import deep, single
from .simple import STATEMENTS, block
from .writer import Lines, Scope, Writer, indent

CELLS = ["a", "b", "c"]


def own(w: Writer, s: Scope, parameter: str, changed: list[str], **changes: object) -> Scope:
    """The scope of a nested function's body: outer names may be read, some also assigned."""
    fixed = tuple(name for name in s.ints if name not in changed)
    fresh = {"loop": False, "handler": False, "star": False, "yields": False, "nested": True}
    inside = s.inner(**(fresh | {"fixed": fixed} | changes))
    inside.ints.append(parameter)
    return inside


def nonlocals(w: Writer, s: Scope) -> list[str]:
    cells = [name for name in CELLS if name in s.targets()]
    return [w.pick(cells)] if cells and w.below(2) else []


def header(changed: list[str]) -> Lines:
    return [f"nonlocal {', '.join(changed)}"] if changed else []


@STATEMENTS.add(2, deep)
def nested_function(w: Writer, s: Scope) -> Lines:
    f, p, changed = w.name("f"), w.name("p"), nonlocals(w, s)
    inside = own(w, s, p, changed, awaits=False)
    body = [f"{name} = {expr(w, inside)}" for name in changed]
    lines = [f"def {f}({p}, k=0):", *indent(header(changed) + body + [f"return {expr(w, inside)}"])]
    s.functions.append(f)
    return lines


@STATEMENTS.add(1, deep)
def held_lambda(w: Writer, s: Scope) -> Lines:
    f, p = w.name("f"), w.name("p")
    inside = own(w, s, p, [], awaits=False, walrus=False)
    lines = [f"{f} = lambda {p}: {expr(w, inside)}"]
    s.functions.append(f)
    return lines


@STATEMENTS.add(3, lambda s: s.depth > 1 and s.awaits)
def nested_coroutine(w: Writer, s: Scope) -> Lines:
    f, p, changed = w.name("f"), w.name("p"), nonlocals(w, s)
    inside = own(w, s, p, changed)
    default = f", k={expr(w, s, 1)}" if w.below(2) else ""
    body = [*block(w, inside), f"return {expr(w, inside)}"]
    lines = [f"async def {f}({p}{default}):", *indent(header(changed) + body)]
    s.coroutines.append(f)
    return lines


@STATEMENTS.add(1, lambda s: s.depth > 1 and s.awaits)
def nested_stream(w: Writer, s: Scope) -> Lines:
    f, p, changed = w.name("f"), w.name("p"), nonlocals(w, s)
    inside = own(w, s, p, changed, yields=True, depth=min(s.depth, 2))
    body = [*block(w, inside), f"yield {expr(w, inside)}"]
    lines = [f"async def {f}({p}):", *indent(header(changed) + body)]
    s.streams.append(f)
    return lines


@STATEMENTS.add(1, deep)
def held_generator(w: Writer, s: Scope) -> Lines:
    f, p, changed = w.name("f"), w.name("p"), nonlocals(w, s)
    inside = own(w, s, p, changed, awaits=False, yields=True, depth=min(s.depth, 2))
    body = [*block(w, inside), w.pick(["yield {0}", "yield from {1}"]).format(p, single(w, inside))]
    lines = [f"def {f}({p}):", *indent(header(changed) + body)]
    name = w.name("it")
    s.iterators.append(name)
    return [*lines, f"{name} = {f}({expr(w, s, 1)})"]


@STATEMENTS.add(1, lambda s: s.awaits)
def together(w: Writer, s: Scope) -> Lines:
    function = w.pick(["gather", "gather", "race"])
    ready = s.inner(awaits=False)  # no waits between the making of branches: they are not awaited yet
    branches = ", ".join(f"ask({expr(w, ready, 1)})" for _ in w.times(3, 1))
    return [f"log(await {function}({branches}))"]
