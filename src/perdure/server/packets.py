"""Packets: a text and what kind of text it is.

The API shows payloads and outputs as plain JSON values; the official client sends and expects packets
(`wire.values`): JSON, SuperJSON (JSON with a note of which texts were dates, sets, …), or a raw text.
"""

from typing import Any

from pydantic_core import from_json

from perdure.wire.values import JSON, SUPER_JSON


def decode(data: str | None, kind: str) -> Any:
    """Return a packet as a JSON value; a text that is not what its type says is shown as it is.

    Args:
        data: the text; None or an empty one is no value.
        kind: its type, such as `application/json`.
    """
    if not data or kind not in (JSON, SUPER_JSON):
        return data or None
    try:
        value = from_json(data)
    except ValueError:
        return data
    if kind == SUPER_JSON and isinstance(value, dict) and "json" in value:
        return value["json"]
    return value
