"""`metadata`: a JSON object of the run that everyone who watches it sees at once.

Changes are collected and sent in the background, about once a second; `await metadata.flush()` sends
them now.  Outside of runs nothing happens.
"""

from __future__ import annotations

from contextvars import ContextVar
from threading import Lock
from typing import Any, Literal, Self

from perdure import sdk, wire
from perdure.core.metadata import apply
from perdure.sdk import runtime
from perdure.sdk.runtime import Target


class _Known:
    """The metadata of a run, as an attempt and all its branches and threads know it."""

    def __init__(self, value: dict[str, Any]) -> None:
        self.value = value
        self._turn = Lock()

    def change(self, operation: wire.runs.MetadataOperation) -> None:
        with self._turn:
            self.value = apply(self.value, [operation])


_local: ContextVar[_Known | None] = ContextVar("perdure_metadata", default=None)
_Type = Literal["set", "delete", "append", "remove", "increment", "update"]


class Changes:
    """The metadata of a run, its parent or its root, to be changed."""

    def __init__(self, target: Target) -> None:
        self._target: Target = target

    def set(self, key: str, value: Any) -> Self:
        """Put a value at a key; a key that begins with `$.` is a path, such as `$.steps[0].done`."""
        return self._change("set", key, value)

    def delete(self, key: str) -> Self:
        """Remove a key."""
        return self._change("delete", key)

    def append(self, key: str, value: Any) -> Self:
        """Add a value to the list at a key, which is made if there is none."""
        return self._change("append", key, value)

    def remove(self, key: str, value: Any) -> Self:
        """Remove a value from the list at a key."""
        return self._change("remove", key, value)

    def increment(self, key: str, by: float = 1) -> Self:
        """Add to the number at a key, which begins at 0."""
        return self._change("increment", key, by)

    def decrement(self, key: str, by: float = 1) -> Self:
        """Subtract from the number at a key, which begins at 0."""
        return self._change("increment", key, -by)

    def replace(self, value: dict[str, Any]) -> Self:
        """Put a whole new object in place of the metadata."""
        return self._change("update", None, value)

    def _change(self, type: _Type, key: str | None, value: Any = None) -> Self:
        host = runtime.current.get()
        if host is not None:
            operation = wire.runs.MetadataOperation(type=type, key=key, value=sdk.codec.to_plain(value))
            self._keep(operation)
            host.change_metadata(self._target, operation)
        return self

    def _keep(self, operation: wire.runs.MetadataOperation) -> None:
        # What is wrong with an operation shows here, in the user's own call.
        apply({}, [operation])


class RunMetadata(Changes):
    """The metadata of the run that the code belongs to."""

    def __init__(self) -> None:
        super().__init__("self")
        self.parent = Changes("parent")
        self.root = Changes("root")

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value at a key, as this attempt knows it."""
        return self.current().get(key, default)

    def current(self) -> dict[str, Any]:
        """Return the whole, as this attempt knows it."""
        known = _local.get()
        return dict(known.value) if known else {}

    async def flush(self) -> None:
        """Wait until the server has all changes."""
        host = runtime.current.get()
        if host is not None:
            await host.flush()

    def _keep(self, operation: wire.runs.MetadataOperation) -> None:
        known = _local.get()
        if known is not None:
            known.change(operation)


metadata = RunMetadata()


def begin(known: dict[str, Any]) -> None:
    """Begin an attempt whose run has this metadata."""
    _local.set(_Known(known))
