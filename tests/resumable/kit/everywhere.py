"""The heart of these tests: a program that slept does what it would have done awake."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import CoroutineType
from typing import Any

from perdure.resumable import capture

from .driver import Answer, Outcome, World, answer, finish, run, undisturbed

UNBOUND = re.compile(
    r"""'(?:UnboundLocalError|NameError)', "cannot access (?:local|free) variable '\w+' where it is not """
    r"""associated with a value(?: in enclosing scope)?\""""
)
Main = Callable[[], CoroutineType]


@dataclass
class Snapshot:
    """A coroutine as bytes, with what it acted upon outside, at one wait."""

    number: int
    data: bytes
    mark: Any
    said: Answer

    def wake(self, world: World) -> Outcome:
        """Go on from here to the end."""
        with undisturbed(world, self.mark):
            return finish(world, self.said.restored(self.data))


def snapshots_of(world: World, main: Main, only: Callable[[int], bool] = lambda number: True):
    """Run to the end in place, taking a snapshot at each wait: the outcome, and the snapshots."""
    taken: list[Snapshot] = []
    waits = iter(range(10_000))

    def visit(coroutine: CoroutineType, request: Any) -> None:
        number = next(waits)
        if only(number):
            data = capture(coroutine)
            before = world.mark()
            said = answer(world, request)
            taken.append(Snapshot(number, data, world.mark(), said))
            world.rewind(before)

    return run(world, main, visit=visit), taken


def differences(expected: Outcome, seen: Outcome, how: str) -> None:
    """Fail, saying how the program slept and where it began to differ."""
    if expected == seen:
        return
    ours, theirs = ([normal(each) for each in (*one.effects, one.result)] for one in (seen, expected))
    if ours == theirs:
        return
    same = next((number for number, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), 0)
    lines = [f"slept {how}; the same up to effect {same}, then"]
    lines += [f"  expected  {each}" for each in theirs[same : same + 3]]
    lines += [f"  but got   {each}" for each in ours[same : same + 3]]
    raise AssertionError("\n".join(lines))


def normal(effect: str) -> str:
    """Let pass one difference that README.md states: which kind of `NameError` says that a name is unbound.

    A variable that nested functions share is local to one code object and free in another; so
    is one in a comprehension, until Python 3.12.
    """
    return UNBOUND.sub("'NameError', 'unbound'", effect)


def sampled(count: int, most: int) -> set[int]:
    """At most so many of the numbers below `count`, spread evenly, the last among them."""
    return (
        set(range(count)) if count <= most else {count - 1 - number * count // most for number in range(most)}
    )


def same_everywhere(
    untouched: tuple[World, Main],
    rewritten: tuple[World, Main],
    some: Iterable[Callable[[int], bool]] = (),
    most: int = 1_000,
) -> Outcome:
    """Compare the untouched program with the rewritten one: awake, asleep at each wait, at all, at some."""
    expected = run(*untouched)
    world, main = rewritten
    chosen = sampled(expected.waits, most)
    awake, taken = snapshots_of(world, main, only=chosen.__contains__)
    differences(expected, awake, "nowhere, but was captured")
    if awake.lines != expected.lines:
        raise AssertionError(f"traceback: expected {expected.lines}, got {awake.lines}")
    for snapshot in taken:
        differences(expected, snapshot.wake(world), f"at wait {snapshot.number}")
    for way, sleeps in enumerate([lambda number: True, *some]):
        differences(expected, run(world, main, sleeps), "at some waits" if way else "at all waits")
    return expected
