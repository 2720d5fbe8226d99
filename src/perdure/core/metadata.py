"""Changes of a run's metadata: a JSON object that the task, its children and the outside may change.

A key is the name of an entry, or, when it begins with `$.`, a path into it: `$.steps[0].done`.
The operations and their rules are Trigger.dev's.
"""

import copy
import re
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any, Protocol

from perdure.core.errors import BadMetadata

_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")
# JavaScript clients would follow these names into their own objects.
_FORBIDDEN = frozenset({"__proto__", "constructor", "prototype"})
_MAX_INDEX = 10_000
_Step = str | int


class Operation(Protocol):
    """One change; see `perdure.wire.runs.MetadataOperation`."""

    @property
    def type(self) -> str: ...  # noqa: D102

    @property
    def key(self) -> str | None: ...  # noqa: D102

    @property
    def value(self) -> Any: ...  # noqa: D102


def apply(metadata: Mapping[str, Any], operations: Iterable[Operation]) -> dict[str, Any]:
    """Return metadata after these changes, in order; what was given stays as it was.

    Raises:
        BadMetadata: a key is missing or forbidden, or a value does not fit its operation.
    """
    changed = copy.deepcopy(dict(metadata))
    for operation in operations:
        changed = _apply(changed, operation)
    return changed


def _apply(metadata: dict[str, Any], operation: Operation) -> dict[str, Any]:
    if operation.type == "update":
        if not isinstance(operation.value, dict):
            raise BadMetadata(key="(all)", reason="an update takes an object")
        return dict(operation.value)
    path = _path(operation.key)
    if operation.type == "delete":
        _delete(metadata, path)
        return metadata
    before = _get(metadata, path)
    _set(metadata, path, _changed(operation, before))
    return metadata


def _changed(operation: Operation, before: Any) -> Any:
    """Return the value that stands at the key after the operation."""
    value = operation.value
    if operation.type == "set":
        return value
    if operation.type == "append":
        return [*_as_list(before), value]
    if operation.type == "remove":
        return [item for item in _as_list(before) if item != value]
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BadMetadata(key=operation.key, reason="an increment takes a number")
    return (before if isinstance(before, (int, float)) and not isinstance(before, bool) else 0) + value


def _as_list(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


def _path(key: str | None) -> list[_Step]:
    if not key:
        raise BadMetadata(key=key, reason="the operation needs a key")
    if not key.startswith("$."):
        steps: list[_Step] = [key]
    else:
        found = list(_STEP.finditer(key, 1))
        if "".join(match[0] for match in found) != key[1:]:
            raise BadMetadata(key=key, reason="it is no path such as $.a.b or $.a[0]")
        steps = [match[1] if match[1] is not None else int(match[2]) for match in found]
    for step in steps:
        if step in _FORBIDDEN or (isinstance(step, int) and step > _MAX_INDEX):
            raise BadMetadata(key=key, reason=f"{step} can't stand in a key")
    return steps


def _get(value: Any, path: list[_Step]) -> Any:
    for step in path:
        if isinstance(step, int) and isinstance(value, list) and step < len(value):
            value = value[step]
        elif isinstance(step, str) and isinstance(value, dict):
            value = value.get(step)
        else:
            return None
    return value


def _set(root: dict[str, Any], path: list[_Step], value: Any) -> None:
    """Put a value at a path; what is missing on the way is made."""
    place: Any = root
    for step, following in pairwise(path):
        inner = _get(place, [step])
        wanted = list if isinstance(following, int) else dict
        if not isinstance(inner, wanted):
            inner = wanted()
            _put(place, step, inner)
        place = inner
    _put(place, path[-1], value)


def _put(place: Any, step: _Step, value: Any) -> None:
    if isinstance(step, int):
        place.extend([None] * (step + 1 - len(place)))
    place[step] = value


def _delete(root: dict[str, Any], path: list[_Step]) -> None:
    place, last = _get(root, path[:-1]), path[-1]
    if isinstance(place, dict) and isinstance(last, str):
        place.pop(last, None)
    elif isinstance(place, list) and isinstance(last, int) and last < len(place):
        del place[last]
