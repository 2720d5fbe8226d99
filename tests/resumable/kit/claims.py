"""Find the claims, as Python has them and as `perdure.resumable` rewrote them."""

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import CoroutineType, ModuleType

from .driver import World
from .oracle import SPEC, untouched_claims

FAMILIES = sorted(path.stem for path in SPEC.glob("*.py") if path.stem not in ("__init__", "world"))


@dataclass(frozen=True)
class Claim:
    """One claim: a coroutine function whose name says what holds."""

    family: str
    name: str

    def __str__(self) -> str:
        return f"{self.family}-{self.name}"

    def untouched(self) -> Callable[[], CoroutineType]:
        return getattr(untouched_claims(self.family), self.name)

    def rewritten(self) -> Callable[[], CoroutineType]:
        return getattr(rewritten_claims(self.family), self.name)


def rewritten_claims(family: str) -> ModuleType:
    """A file of claims, imported in the ordinary way; `install` must have been called before."""
    return importlib.import_module(f"{__package__}.spec.{family}")


def untouched_world() -> World:
    return World(untouched_claims("world"))


def rewritten_world() -> World:
    return World(rewritten_claims("world"))


def all_claims() -> list[Claim]:
    """The public coroutine functions of all families."""
    claims = []
    for family in FAMILIES:
        for name, value in vars(untouched_claims(family)).items():
            own = getattr(value, "__module__", "") == f"untouched.{family}"
            if own and inspect.iscoroutinefunction(value) and not name.startswith("_"):
                claims.append(Claim(family, name))
    return claims
