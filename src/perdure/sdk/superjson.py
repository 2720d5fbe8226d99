"""Payloads of the official npm clients: SuperJSON, which says what JSON can't.

`{"json": …, "meta": {"values": {path: [type]}}}`: the value as JSON, and beside it which parts of it were
dates, sets, maps, big integers or numbers that JSON has no word for.
Source: the format as the `superjson` package 2.x writes it.
"""

import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

_NUMBERS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf"), "-0": -0.0}

_REVIVERS: dict[str, Callable[[Any], Any]] = {
    "Date": datetime.fromisoformat,
    "bigint": int,
    "set": lambda items: list(items) if any(isinstance(i, (dict, list)) for i in items) else set(items),
    "map": lambda pairs: {key: value for key, value in pairs},
    "number": _NUMBERS.__getitem__,
    "undefined": lambda _: None,
}
_SEPARATOR = re.compile(r"(?<!\\)\.")


def loads(text: str | bytes) -> Any:
    """Return the value of a SuperJSON text, with its dates, sets, maps and numbers revived.

    Raises:
        ValueError: the text is no SuperJSON.
    """
    packet = json.loads(text)
    if not isinstance(packet, dict) or "json" not in packet:
        raise ValueError("SuperJSON has a key `json`")
    values = (packet.get("meta") or {}).get("values")
    return packet["json"] if values is None else _revive(packet["json"], values)


def _revive(value: Any, tree: Any) -> Any:
    """Apply a tree of annotations: `{path: node}`, or a node: `[type]` or `[type, {path: node}]`."""
    if isinstance(tree, dict):
        for path, node in tree.items():
            value = _revive_at(value, _SEPARATOR.split(path), node)
        return value
    kind, *inner = tree
    for children in inner:
        value = _revive(value, children)
    reviver = _REVIVERS.get(kind) if isinstance(kind, str) else None
    return reviver(value) if reviver else value


def _revive_at(value: Any, path: list[str], node: Any) -> Any:
    if not path:
        return _revive(value, node)
    key: Any = path[0].replace("\\.", ".")
    if isinstance(value, list):
        key = int(key)
    value[key] = _revive_at(value[key], path[1:], node)
    return value
