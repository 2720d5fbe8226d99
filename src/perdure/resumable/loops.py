"""The iterators of `for` loops, in short: pickle takes longer for one of them than for a frame.

Most stand in a hidden local over a list, a tuple or a range, and nothing else refers to them. Such a one is
stored as (sequence, index) or (start, stop, step, index) in its place; a tuple can't be an iterator, so it
is told apart. One that something else refers to as well must stay one object, and is left to pickle.
"""

from typing import Any

KINDS = frozenset({type(iter([])), type(iter(())), type(iter(range(0)))})


def is_iterator(name: str) -> bool:
    """Whether a local is the hidden iterator of a loop: ``.it1`` (``.it:1`` is a comprehension's ``it``)."""
    return name.startswith(".it") and name[3:].isdigit()


class Shared(Exception):
    """Something else refers to an iterator that was stored in short."""


def short(values: tuple[Any, ...], places: tuple[int, ...], stored: set[int]) -> tuple[Any, ...]:
    """The values of a frame with those at *places* in short, where that can be; *stored* gets their ids.

    Raises `Shared` for an iterator that is in *stored* already.
    """
    changed = list(values)
    for place in places:
        iterator = values[place]
        if type(iterator) in KINDS and (step := _step(iterator)) is not None:
            if id(iterator) in stored:
                raise Shared
            stored.add(id(iterator))
            changed[place] = step
    return tuple(changed)


def _step(iterator: Any) -> tuple[Any, ...] | None:
    _, (sequence,), *state = iterator.__reduce__()
    index = state[0] or 0 if state else 0
    if type(sequence) is range:
        return sequence.start, sequence.stop, sequence.step, index
    return (sequence, index) if type(sequence) in (list, tuple) else None


def full(values: tuple[Any, ...], places: tuple[int, ...]) -> tuple[Any, ...]:
    """The inverse of `short`."""
    changed = list(values)
    for place in places:
        if type(values[place]) is tuple:
            *sequence, index = values[place]
            made: Any = iter(range(*sequence) if len(sequence) == 3 else sequence[0])
            made.__setstate__(index)
            changed[place] = made
    return tuple(changed)
