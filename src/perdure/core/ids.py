"""Identifiers: a prefix that says what the thing is, and a body that sorts by time.

`run_` + 25 characters of base 32 (the digits and `a` to `v`): ten for the moment in milliseconds,
fifteen random (75 bits).  The official clients ask for exactly one underscore and lower case.
"""

import secrets

_ALPHABET = "0123456789abcdefghijklmnopqrstuv"
_TIME_LENGTH = 10
_RANDOM_LENGTH = 15

END = 32**_TIME_LENGTH
"""The first moment, far away, that no identifier can be made at."""


def new_id(prefix: str, now: int) -> str:
    """Return a fresh identifier such as `run_01f8…`; later moments sort after earlier ones.

    Args:
        prefix: what the thing is: `run`, `batch`, `waitpoint`, `worker`, …
        now: the current moment in milliseconds since the Unix epoch.
    """
    return prefix + "_" + _base32(now, _TIME_LENGTH) + _base32(secrets.randbits(75), _RANDOM_LENGTH)


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
