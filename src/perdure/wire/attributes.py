"""Attributes of spans and log lines: JSON values of a bounded size; what is more is cut, with a mark."""

import json
from typing import Any

from pydantic_core import to_json

from perdure.core.traces import MAX_ATTRIBUTES, MAX_VALUE

# Room for the other attributes when one or several are cut.
_BYTES = 2 * MAX_VALUE


def cut(text: str, limit: int) -> str:
    """Return a text that can be sent, cut with a mark if it has more characters than the limit."""
    if len(text) > limit:
        text = f"{text[:limit]}… (cut; {len(text) - limit:,} more characters)"
    # A lone surrogate can't be sent as UTF-8.
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def plain(properties: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return properties as JSON values: what is none is told by its `repr`, what is too large is cut."""
    if not properties:
        return None
    try:
        text = to_json(properties, fallback=repr)
    except Exception as error:  # the `repr` of a user's object may raise anything
        return {"unserializable": ascii(error)}
    values: dict[str, Any] = json.loads(text)
    if len(text) <= MAX_VALUE and len(values) <= MAX_ATTRIBUTES:
        return values
    kept = {name: _cut_value(value) for name, value in list(values.items())[:MAX_ATTRIBUTES]}
    if len(values) > MAX_ATTRIBUTES:
        kept["cut"] = f"{len(values) - MAX_ATTRIBUTES:,} more attributes; there may be {MAX_ATTRIBUTES}"
    size = len(to_json(kept))
    return kept if size <= _BYTES else {"cut": f"{size:,} bytes of attributes; there may be {_BYTES:,}"}


def _cut_value(value: Any) -> Any:
    if isinstance(value, str):
        return cut(value, MAX_VALUE)
    size = len(to_json(value))
    return value if size <= MAX_VALUE else f"(cut; {size:,} bytes, and a value may have {MAX_VALUE:,})"
