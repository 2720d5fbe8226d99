"""What claims and random programs act upon: an effect log, awaitable helpers, managers.

This file is project code like the claims: it is rewritten with them, so its
coroutines are frames that must be captured and restored too.
"""

import functools
import sys
from itertools import chain

from perdure.resumable import gather, race, suspend

__all__ = [
    "AsyncGuard", "Box", "Countdown", "Guard", "Trouble", "add", "ask", "boom", "chain",
    "clip", "countdown", "double", "down", "exc", "gather", "islice", "log", "many",
    "numbers", "odd", "race", "suspend", "sys", "t", "tick", "twice", "unwind",
]  # fmt: skip

EFFECTS = []
STATE = {"ticks": 0}


class Trouble(Exception):
    """The error that programs raise, and that the driver throws at request."""


def islice(items, stop):
    """Like that of itertools, which can't be stored on Python 3.14."""
    for _, item in zip(range(stop), items, strict=False):
        yield item


def log(*values):
    """One effect: the values as they are now."""
    EFFECTS.append(", ".join(map(repr, values)))


def t(number, value=0):
    """An effect in the middle of an expression."""
    log("t", number)
    return value


def tick():
    """Tests of loops: true three times in a row, and false for good after twenty calls."""
    STATE["ticks"] += 1
    return STATE["ticks"] % 4 != 0 and STATE["ticks"] < 20


def clip(value):
    """Keep numbers small."""
    return value % 100 if value >= 0 else -(-value % 100)


def add(*values, k=0, z=0):
    return clip(sum(values) + k + z)


def double(value):
    log("double", value)
    return clip(2 * value)


def odd(value):
    log("odd", value)
    return value % 2 == 1


def boom(number):
    """A request that the driver answers with an error."""
    return ("boom", number)


def exc():
    """The exception being handled, seen from inside a call, with its context."""
    return unwind(sys.exc_info()[1])


def unwind(error):
    """An exception as plain data: type, arguments, cause, context, group members."""
    if error is None:
        return None
    chained = (unwind(error.__cause__), unwind(error.__context__), error.__suppress_context__)
    members = [unwind(each) for each in getattr(error, "exceptions", ())]
    if isinstance(error, NameError) and "cannot access" in str(error):
        # After a restore, a variable that a nested function shares is found unbound as a free variable.
        return ("NameError", "unbound " + str(error).split("'")[1], chained, members)
    return (type(error).__name__, str(error), chained, members)


async def ask(value, extra=0, *rest, k=0):
    """A call that waits once."""
    answer = await suspend(value)
    log("ask", answer, extra, rest, k)
    return add(answer, extra, *rest, k=k)


async def many(*values, **named):
    """A call that waits once for each argument."""
    total = 0
    for value in values:
        total += await suspend(value)
    for name, value in named.items():
        log(name)
        total += await ask(value)
    return clip(total)


async def down(value):
    """Recursion: the same function on the stack several times."""
    if value <= 0:
        return await suspend(value)
    below = await down(value - 1)
    return clip(below + await ask(value))


def twice(function):
    """A decorator of the project, whose wrapper is a frame between two others."""

    @functools.wraps(function)
    async def wrapper(*args, **kwargs):
        first = await function(*args, **kwargs)
        log("once")
        return add(first, await function(*args, **kwargs))

    return wrapper


@twice
async def countdown(value):
    """A decorated coroutine function."""
    while value > 0:
        value -= await suspend(1)
    return value


async def numbers(count, start=0):
    """An async generator that waits between items."""
    for number in range(start, start + count):
        got = await suspend(number)
        log("number", got)
        yield got


class Countdown:
    """An iterator of the project."""

    def __init__(self, value):
        self.value = value

    def __iter__(self):
        return self

    def __next__(self):
        if self.value <= 0:
            raise StopIteration
        self.value -= 1
        return self.value


class Box:
    """An object with methods of every kind, and an attribute to assign to."""

    made = 0

    def __init__(self, value):
        self.value = value

    def __repr__(self):
        return f"Box({self.value!r})"

    __match_args__ = ("value",)

    async def put(self, value):
        self.value = clip(self.value + await suspend(value))
        return self.value

    @classmethod
    async def make(cls, value):
        return cls(await suspend(value))

    @staticmethod
    async def fixed(value):
        return clip(1 + await suspend(value))


class Guard:
    """A context manager that logs, and swallows `Trouble` when told so."""

    def __init__(self, name, swallow=False):
        self.name, self.swallow = name, swallow

    def __enter__(self):
        log("enter", self.name)
        return self.name

    def __exit__(self, kind, error, traceback):
        log("exit", self.name, unwind(error), exc(), kind is type(error) or kind is None)
        return self.swallow and isinstance(error, Trouble)


class AsyncGuard(Guard):
    """The same, waiting at the door both ways."""

    async def __aenter__(self):
        log("coming", await suspend(self.name))
        return self.__enter__()

    async def __aexit__(self, kind, error, traceback):
        log("going", await suspend(self.name), exc())
        return self.__exit__(kind, error, traceback)
