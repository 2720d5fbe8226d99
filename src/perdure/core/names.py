"""Names that people misspell."""

import difflib
from collections.abc import Collection, Iterable

from perdure.core.errors import UnknownOption

LIKENESS = 0.5
"""How like a name must be, from 0 to 1, to be what is meant."""


def similar(name: str, known: Collection[str], *, count: int = 1, likeness: float = LIKENESS) -> list[str]:
    """Return the known names that look most like this one, the likest first; none if none does."""
    return difflib.get_close_matches(name, known, n=count, cutoff=likeness)


def nearest(name: str, known: Collection[str]) -> str:
    """Return a hint: the known name that looks most like this one, or all of them."""
    near = similar(name, known)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"


def choices(name: str, known: Collection[str]) -> str:
    """Return a hint: all that there is, and what of it looks most like this name."""
    if len(known) < 2:
        return f"there is only {next(iter(known))}" if known else "there is none at all"
    near = similar(name, known)
    return f"there are {', '.join(known)}" + (f"; did you mean {near[0]}?" if near else "")


def check_options(given: Iterable[str], known: Collection[str]) -> None:
    """Refuse an option that does not exist.

    Raises:
        UnknownOption: a name is not among the known; the nearest is named.
    """
    for name in given:
        if name not in known:
            raise UnknownOption(option=name, hint=nearest(name, known))
