"""`with` and `try`, of every kind."""

from .expressions import expr
from .flow import otherwise
from .simple import ERRORS, STATEMENTS, block
from .writer import Lines, Scope, Writer, indent


def solid(scope: Scope) -> bool:
    """Not in an async generator: what it does when dropped half-way depends on the collector."""
    return scope.depth > 0 and not scope.yields


def manager(w: Writer, s: Scope, kind: str) -> tuple[str, list[str]]:
    swallow = f", {expr(w, s, 0)}" if w.below(2) else ""
    text = f"{kind}({w.number() if w.below(2) else expr(w, s, 1)}{swallow})"
    if w.one_in(2):
        x = w.name("x")
        return f"{text} as {x}", [x]
    return text, []


@STATEMENTS.add(4, solid)
def with_block(w: Writer, s: Scope) -> Lines:
    kind = w.pick(["Guard", "AsyncGuard"] if s.awaits else ["Guard"])
    inside, parts = s.inner(depth=s.depth), []
    for _ in w.times(2, 1):
        text, names = manager(w, s, kind)
        inside.ints += names
        parts.append(text)
    word = "async with" if kind == "AsyncGuard" else "with"
    return [f"{word} {', '.join(parts)}:", *indent(block(w, inside))]


def handler(w: Writer, s: Scope, mark: str = "", **changes: object) -> Lines:
    kinds = [
        *ERRORS,
        "Exception",
        f"({w.pick(ERRORS)}, IndexError)",
        "LookupError",
        "ArithmeticError",
        "NameError",
    ]
    head = f"except{mark} {w.pick(kinds)}"
    if w.below(2):
        return [f"{head}:", *indent(block(w, s, handler=True, **changes))]
    error = f"e{w.below(2)}"
    body = [f"log(unwind({error}))", *block(w, s, handler=True, **changes)]
    return [f"{head} as {error}:", *indent(body)]


def ending(w: Writer, s: Scope) -> Lines:
    return ["finally:", *indent(block(w, s, handler=False))]


@STATEMENTS.add(8, solid)
def try_block(w: Writer, s: Scope) -> Lines:
    lines = ["try:", *indent(block(w, s))]
    caught = [handler(w, s) for _ in w.times(2)]
    if w.one_in(5):
        caught.append(["except:", *indent(block(w, s, handler=True))])
    for each in caught:
        lines += each
    if caught:
        lines += otherwise(w, s)
    lines += ending(w, s) if not caught or w.one_in(2) else []
    return lines + (["log('e0' in locals(), 'e1' in locals())"] if w.one_in(4) else [])


@STATEMENTS.add(2, solid)
def try_group(w: Writer, s: Scope) -> Lines:
    group = f"ExceptionGroup('g', [{w.pick(ERRORS)}({expr(w, s, 0)}), {w.pick(ERRORS)}({expr(w, s, 1)})])"
    lines = ["try:", *indent([f"raise {group}"] if w.below(2) else block(w, s))]
    for _ in w.times(2, 1):
        lines += handler(w, s, "*", star=True, loop=False)
    lines += otherwise(w, s)
    return lines + (ending(w, s) if w.one_in(2) else [])


@STATEMENTS.add(1, lambda s: solid(s) and s.loop and not s.star)
def leave_by_finally(w: Writer, s: Scope) -> Lines:
    ways = ["break", "continue"] + ([] if s.yields else [f"return {expr(w, s, 1)}"])
    return ["try:", *indent([*block(w, s), w.pick(ways)]), *ending(w, s)]
