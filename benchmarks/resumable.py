"""What sleeping on disk costs: the plain form, a capture, a restore, the bytes, the rewriting.

    python benchmarks/resumable.py

Prints a table; the targets beside it are those of the package's issue. Times are of the processor, the best
of several rounds, so that what else the machine does counts little.
"""

import asyncio
import contextlib
import importlib
import itertools
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from time import process_time
from types import ModuleType
from typing import Any

from perdure.resumable import capture, install, restore

ROUNDS = 15

PROJECT = """
    from perdure.resumable import suspend

    async def leaf(x):
        return x

    async def loop(turns):
        total = 0
        for number in range(turns):
            total += await leaf(number)
        return total

    async def mixed(turns):
        total, items = 0, []
        for number in range(turns):
            if number % 3 == 0:
                total += await leaf(number)
            else:
                items.append(await leaf(total))
            try:
                total = max(total, await leaf(number) + len(items))
            except ValueError:
                raise
            if len(items) > 10:
                items = [await leaf(x) for x in items[:3]]
        return total

    async def waits(turns):
        total = 0
        for number in range(turns):
            total += await suspend(number)
        return total

    async def outer(order_id, amount):
        order = {"id": order_id, "lines": [1, 2, 3]}
        attempt, currency, paid = 1, "EUR", False
        return await middle(order, amount), attempt, currency, paid

    async def middle(order, amount):
        fee, rate, total = 3, 0.19, amount * 1.19
        for line in order["lines"]:
            await inner(order, line)
        return fee, rate, total

    async def inner(order, line):
        name, note = "line", "a few words"
        return await suspend(name), note
"""


PLAIN = """
def plain_{}(a, b):
    c = [a, b]
    for d in c:
        if d:
            a += d
    return a

"""


NUMBERS = itertools.count(1)


@contextlib.contextmanager
def importable(source: str, *, rewritten: bool) -> Iterator[Callable[[], ModuleType]]:
    """A module in a folder of its own; the function given imports it as a new process would."""
    with tempfile.TemporaryDirectory() as folder:
        name = f"bench_{next(NUMBERS)}"
        (Path(folder) / f"{name}.py").write_text(textwrap.dedent(source))
        sys.path.insert(0, folder)
        if rewritten:
            install([folder])

        def load() -> ModuleType:
            sys.modules.pop(name, None)
            importlib.invalidate_caches()
            return importlib.import_module(name)

        try:
            yield load
        finally:
            sys.path.remove(folder)


def best(run: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Seconds of the fastest of several runs."""
    times = []
    for _ in range(rounds):
        start = process_time()
        run()
        times.append(process_time() - start)
    return min(times)


def in_turn(first: Callable[[], object], second: Callable[[], object]) -> tuple[float, float]:
    """The best of each, taken in turn, so that both see the same machine."""
    pairs = [(best(first, 1), best(second, 1)) for _ in range(ROUNDS * 3)]
    return min(a for a, _ in pairs), min(b for _, b in pairs)


def driven(coroutine: Any) -> None:
    """Run to the end, answering each wait at once."""
    answer = None
    with contextlib.suppress(StopIteration):
        while True:
            answer = coroutine.send(answer)


async def ordinary(function: Callable[[int], Any], turns: int) -> None:
    """Under asyncio, as an ordinary coroutine."""
    await function(turns)


def plain_form(untouched: ModuleType, rewritten: ModuleType) -> Iterator[tuple[str, str, str]]:
    turns = 20_000
    for name in ("loop", "mixed", "waits"):
        theirs, ours = in_turn(
            lambda name=name: driven(getattr(untouched, name)(turns)),
            lambda name=name: driven(getattr(rewritten, name)(turns)),
        )
        yield f"plain form of `{name}` against the untouched function", f"{ours / theirs:.3f} x", "<= 1.05 x"
    theirs, ours = in_turn(
        lambda: asyncio.run(ordinary(untouched.loop, turns)),
        lambda: asyncio.run(ordinary(rewritten.loop, turns)),
    )
    yield "the same, `loop` as a task of asyncio", f"{ours / theirs:.3f} x", "<= 1.05 x"


def snapshots(rewritten: ModuleType) -> Iterator[tuple[str, str, str]]:
    coroutine, times = rewritten.outer("order-1", 100), 200
    coroutine.send(None)
    data = capture(coroutine)
    yield "bytes of three frames with a dozen locals", f"{len(data):,}", "< 1,000"
    taken = best(lambda: [capture(coroutine) for _ in range(times)]) / times
    yield "capture", f"{taken * 1e6:.1f} µs", "< 40 µs"
    woken = best(lambda: [restore(data, value=1).close() for _ in range(times)]) / times
    yield "restore", f"{woken * 1e6:.1f} µs", "< 20 µs"

    def to_the_next_wait() -> None:
        restored = restore(data, value=1)
        restored.send(None)
        restored.close()

    woken = best(lambda: [to_the_next_wait() for _ in range(times)]) / times
    yield "restore and run to the next wait", f"{woken * 1e6:.1f} µs", ""
    signed = capture(coroutine, key=b"key")
    woken = best(lambda: [restore(signed, value=1, key=b"key").close() for _ in range(times)]) / times
    yield "restore of signed bytes", f"{woken * 1e6:.1f} µs", ""


def import_of(source: str, *, rewritten: bool, stored: bool = False) -> float:
    """Seconds of processor time to import a module, with or without its bytecode on disk."""
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, not stored
    try:
        with importable(source, rewritten=rewritten) as load:
            load()
            return best(load)
    finally:
        sys.dont_write_bytecode = before


def importing() -> Iterator[tuple[str, str, str]]:
    """A project of 3,000 lines: half of its functions wait. Then one in which nothing waits."""
    head = "from perdure.resumable import suspend\n"
    waiting = textwrap.dedent(PROJECT).replace(head, "")
    plain = "".join(PLAIN.format(number) for number in range(6))

    def figures(source: str) -> tuple[float, float]:
        """Milliseconds for 100 lines: untouched, and what the rewriting adds."""
        own = import_of(source, rewritten=False)
        per_hundred = 1e5 / source.count("\n")
        return own * per_hundred, (import_of(source, rewritten=True) - own) * per_hundred

    half = head + (waiting + plain) * 30
    own, added = figures(half)
    yield "import of 100 lines, nothing stored, untouched", f"{own:.2f} ms", ""
    yield "  rewriting adds, if half of the functions wait", f"{added:.2f} ms", "< 1 ms"
    own, added = figures(plain * 70)
    yield "  rewriting adds, if nothing waits", f"{added:.2f} ms", "~ 0"
    stored = import_of(half, rewritten=True, stored=True) * 1e5 / half.count("\n")
    yield "import of 100 lines, bytecode stored", f"{stored:.3f} ms", "~ 0"


def main() -> None:
    print(f"Python {sys.version.split()[0]}")
    print(f"{'':60} {'measured':>12} {'target':>12}")
    with importable(PROJECT, rewritten=False) as load, importable(PROJECT, rewritten=True) as load_rewritten:
        untouched, rewritten = load(), load_rewritten()
        for what, measured, target in (
            *plain_form(untouched, rewritten),
            *snapshots(rewritten),
            *importing(),
        ):
            print(f"{what:60} {measured:>12} {target:>12}", flush=True)


if __name__ == "__main__":
    main()
