"""What a trigger's options mean, and what they can't be."""

import json
import math
from datetime import datetime
from typing import Any

from perdure.core.clock import from_datetime
from perdure.core.debounce import Debounce
from perdure.core.duration import to_milliseconds
from perdure.core.errors import BadDuration, BadOption
from perdure.core.traces import SpanContext
from perdure.store.packets import METADATA, PAYLOAD, TRACE
from perdure.store.rows import Packet
from perdure.wire.runs import Debounce as WireDebounce
from perdure.wire.runs import TriggerRun
from perdure.wire.values import JSON

TEXT = "text/plain"

MAX_PRIORITY_S = 10 * 365 * 86_400
"""No head start is longer than ten years."""


def to_text(value: Any) -> str:
    """Return a JSON value as compact text that any database can store."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON allows and UTF-8 does not
        return json.dumps(value, separators=(",", ":"))
    return text


def payload_packet(run: str, command: TriggerRun) -> Packet | None:
    """Return the packet of the payload, or None if the trigger has none.

    Raises:
        BadOption: the payload is said to be of a type whose packets are texts, and is none.
    """
    if "payload" not in command.model_fields_set:
        return None
    return _packet(run, PAYLOAD, command.payload, command.options.payload_type)


def metadata_packet(run: str, command: TriggerRun) -> Packet | None:
    """Return the packet of the metadata, or None if the trigger has none.

    Raises:
        BadOption: the metadata is no object.
    """
    options = command.options
    if options.metadata is None:
        return None
    if options.metadata_type == JSON and not isinstance(options.metadata, dict | str):
        raise BadOption(option="metadata", value=options.metadata, expected="a JSON object")
    if isinstance(options.metadata, str):
        return Packet(run, METADATA, options.metadata_type, _metadata_text(options.metadata))
    return Packet(run, METADATA, JSON, to_text(options.metadata))


def trace_packet(run: str, command: TriggerRun) -> Packet | None:
    """Return the packet of the place in a trace, or None if the trigger names none that can be read."""
    place = SpanContext.parse(command.options.traceparent)
    return None if place is None else Packet(run, TRACE, TEXT, str(place))


def _metadata_text(text: str) -> str:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise BadOption(option="metadata", value=text[:100], expected="a JSON object")
    return text


def _packet(run: str, kind: str, value: Any, kind_of_text: str) -> Packet:
    if kind_of_text == JSON:
        return Packet(run, kind, JSON, to_text(value))
    if not isinstance(value, str):
        raise BadOption(option=kind, value=value, expected=f"a text, as its type is {kind_of_text!r}")
    return Packet(run, kind, kind_of_text, plain_text(kind, value))


def plain_text(option: str, value: str) -> str:
    """Return a text of the user's; refuse what a database can't store.

    Raises:
        BadOption: it has a NUL character or half a surrogate pair.
    """
    if "\0" in value or not _is_unicode(value):
        raise BadOption(option=option, value=value[:100], expected="text without NUL characters")
    return value


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def delayed_until(delay: str | datetime | None, now: int) -> int | None:
    """Return the moment a delay ends, or None if it is not in the future.

    Args:
        delay: a duration (`"1h30m"`), a moment (ISO 8601), or None.
        now: the current moment.

    Raises:
        BadOption: it is neither.
    """
    if delay is None:
        return None
    moment = _moment(delay, now)
    return moment if moment > now else None


def _moment(delay: str | datetime, now: int) -> int:
    try:
        if isinstance(delay, datetime):
            return from_datetime(delay)
        if "T" in delay or delay.count("-") >= 2:
            return from_datetime(datetime.fromisoformat(delay))
        return now + to_milliseconds(delay)
    except (BadDuration, ValueError, OverflowError) as error:
        expected = 'a duration such as "1h30m", or a moment such as "2026-12-24T18:00:00Z"'
        raise BadOption(option="delay", value=str(delay), expected=expected) from error


def debounce(wanted: WireDebounce | None) -> Debounce | None:
    """Return how a trigger is debounced, or None.

    Raises:
        BadOption: its key, its delay or its longest delay can't be.
    """
    if wanted is None:
        return None
    for option, text in (("debounce.delay", wanted.delay), ("debounce.max_delay", wanted.max_delay)):
        if text is not None:
            _duration(option, text)
    return Debounce(
        plain_text("debounce.key", wanted.key), wanted.delay, wanted.mode, max_delay=wanted.max_delay
    )


def ttl_ms(ttl: str | int | None) -> int | None:
    """Return a TTL in milliseconds: 0 says none at all, None leaves it to the task.

    Raises:
        BadOption: it is neither seconds nor a duration.
    """
    return None if ttl is None else _duration("ttl", ttl)


def key_ttl_ms(ttl: str | None, default: int) -> int:
    """Return how long an idempotency key is kept, in milliseconds; raises BadOption."""
    return default if ttl is None else _duration("idempotency_key_ttl", ttl)


def _duration(option: str, value: str | int) -> int:
    try:
        return to_milliseconds(value)
    except (BadDuration, OverflowError) as error:
        expected = 'seconds, or a duration such as "10m"'
        raise BadOption(option=option, value=value, expected=expected) from error


def priority_s(priority: float | None) -> float:
    """Return the head start in seconds; raises BadOption."""
    value = priority or 0.0
    if not math.isfinite(value) or abs(value) > MAX_PRIORITY_S:
        raise BadOption(option="priority", value=priority, expected="seconds of head start, at most 10 years")
    return value
