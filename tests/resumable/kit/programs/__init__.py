"""Random programs, for Hypothesis or for anything else that can choose small integers.

`programs()` is the strategy. A program is the text of a module with a coroutine
function `main`; it is made statement by statement from tables of productions
(`simple`, `flow`, `guards`, `functions`, `expressions`), so a new construct is a
new function of a few lines. Choice 0 is the simplest everywhere: failures shrink
to short programs.
"""

from hypothesis import strategies as st

from . import flow, functions, guards
from .functions import own
from .simple import block
from .writer import Lines, Scope, Writer, indent

__all__ = ["Program", "flow", "functions", "guards", "programs", "write"]

START = [
    "global g",
    "a, b, c, g = 0, 1, 2, 3",
    "xs, d, box = [3, 4, 5], {0: 6, 1: 7, 2: 8}, Box(9)",
]
END = ["log(await ask(a))", "return a, b, c, g, xs, d, box"]


BYTES = st.binary(min_size=48, max_size=48)


class Program:
    """The text of a program, shown as it is when a test fails."""

    def __init__(self, source: str) -> None:
        self.source = source

    def __repr__(self) -> str:
        return f"\n{self.source}"


def write(w: Writer) -> Program:
    """One program, made of the choices that `w` makes."""
    scope = Scope(
        ints=["a", "b", "c", "g"],
        lists=["xs"],
        boxes=["box"],
        dicts=["d"],
        functions=[],
        coroutines=[],
        streams=["numbers"],
        iterators=[],
    )
    lines = ["from .world import *", "", "g = 0", ""]
    lines += [line for _ in w.times(1) for line in module_function(w, scope)]
    body = block(w, scope, depth=3)
    lines += ["async def main():", *indent(START + body + END), ""]
    return Program("\n".join(lines))


def module_function(w: Writer, main: Scope) -> Lines:
    """A coroutine function or an async generator beside `main`."""
    f, stream = w.name("f"), w.one_in(3)
    scope = main.inner(depth=2)
    inside = own(w, scope, "p", [], yields=stream, depth=2)
    inside.ints, inside.fixed, inside.nested = ["p", "q", "k"], (), False
    body = ["q, xs, d, box = 1, [p, k], {0: k, 1: p}, Box(p)", *block(w, inside)]
    (main.streams if stream else main.coroutines).append(f)
    end = "yield q" if stream else "return q"
    return [f"async def {f}(p, *rest, k=1, **more):", *indent([*body, end]), ""]


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """Hypothesis strategy: one program."""
    return write(Writer(lambda: draw(BYTES)))
