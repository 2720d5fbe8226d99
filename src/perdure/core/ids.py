"""Identifiers: a prefix that says what the thing is, and a body that sorts by time.

`run_` + 25 characters of base 32 (the digits and `a` to `v`): ten for the moment in milliseconds,
fifteen random (75 bits).  The official clients ask for exactly one underscore and lower case.

Of those that one process makes in the same millisecond, each goes on from the one before by a random
step, so that they too sort in the order they were made, and runs that were triggered one after the
other stand in line so.
"""

import secrets

_ALPHABET = "0123456789abcdefghijklmnopqrstuv"
_TIME_LENGTH = 10
_RANDOM_LENGTH = 15
_STEP_BITS = 48
"""How far apart two ids of one millisecond are at most: nobody guesses one from the other."""

_last = (0, 0)
"""The moment and the number of the last id."""

END = 32**_TIME_LENGTH
"""The first moment, far away, that no identifier can be made at."""


def new_id(prefix: str, now: int) -> str:
    """Return a fresh identifier such as `run_01f8…`; later moments sort after earlier ones.

    Args:
        prefix: what the thing is: `run`, `batch`, `waitpoint`, `worker`, …
        now: the current moment in milliseconds since the Unix epoch.
    """
    return prefix + "_" + _base32(now, _TIME_LENGTH) + _base32(_next_number(now), _RANDOM_LENGTH)


def _next_number(now: int) -> int:
    global _last
    moment, number = _last
    if moment == now:
        number += 1 + secrets.randbits(_STEP_BITS)
    else:
        number = secrets.randbits(_RANDOM_LENGTH * 5 - 1)  # the highest bit leaves room to go on
    _last = (now, number)
    return number


def first_id(prefix: str, moment: int) -> str:
    """Return a text that sorts before every identifier made at a moment, and after all made earlier.

    Args:
        prefix: what the things are.
        moment: milliseconds since the Unix epoch, less than `END`.
    """
    return prefix + "_" + _base32(moment, _TIME_LENGTH)


def _base32(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        digits.append(_ALPHABET[number & 31])
        number >>= 5
    return "".join(reversed(digits))
