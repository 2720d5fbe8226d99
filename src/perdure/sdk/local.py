"""Values that middleware, hooks and the task of one attempt share."""

from contextvars import ContextVar
from typing import Any, Generic, TypeVar

T = TypeVar("T")

_values: ContextVar[dict[int, Any] | None] = ContextVar("perdure_locals", default=None)


class Local(Generic[T]):
    """A typed place for a value that lives as long as an attempt.

    `pool: Local[Pool] = Local("pool")` in a module; middleware does `pool.set(…)`, the task `pool.get()`.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def set(self, value: T) -> None:
        """Put a value there for the rest of the attempt."""
        values = _values.get()
        if values is None:
            values = {}
            _values.set(values)
        values[id(self)] = value

    def get(self) -> T:
        """Return the value.

        Raises:
            LookupError: nothing was set in this attempt.
        """
        values = _values.get() or {}
        if id(self) not in values:
            raise LookupError(f"Local {self.name!r} is not set: set it in middleware or on_start_attempt.")
        return values[id(self)]


def begin() -> None:
    """Give the attempt that begins here a place for its values."""
    _values.set({})
