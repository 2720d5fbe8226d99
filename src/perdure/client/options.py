"""The options of a trigger, from Python's spelling to the wire's."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from pydantic_core import to_jsonable_python

from perdure.client.idempotency import IdempotencyKey, make_key
from perdure.core.clock import from_datetime
from perdure.core.debounce import Debounce
from perdure.core.duration import Duration, to_milliseconds
from perdure.core.errors import BadOption
from perdure.core.names import check_options
from perdure.wire.runs import Debounce as WireDebounce
from perdure.wire.runs import KeyOptions, QueueChoice, TriggerOptions

OPTIONS = (
    "concurrency_key",
    "debounce",
    "delay",
    "idempotency_key",
    "idempotency_key_ttl",
    "machine",
    "max_attempts",
    "max_duration",
    "metadata",
    "priority",
    "queue",
    "region",
    "tags",
    "test",
    "ttl",
    "version",
)
"""What a trigger can be told, by name."""


def make_options(given: Mapping[str, Any]) -> TriggerOptions:
    """Return trigger options for the wire.

    Args:
        given: values by the names in `OPTIONS`; durations as seconds, text or timedelta, moments as
            aware datetimes, `queue` as a name or a queue, `idempotency_key` as a text or a made key.
            None means unset.

    Raises:
        UnknownOption: a name is unknown; the nearest is named.
        BadOption: a value can't be.
        BadDuration: a text is no duration.
    """
    check_options(given, OPTIONS)
    wire: dict[str, Any] = {}
    for name, value in given.items():
        if value is not None:
            wire.update(_SPELLED.get(name, _as_it_is)(name, value))
    try:
        return TriggerOptions(**wire)
    except ValidationError as error:
        raise _refused(error) from None


def duration_text(duration: Duration) -> str:
    """Return a duration as the server reads it; text stays as it is, once checked."""
    milliseconds = to_milliseconds(duration)
    return duration if isinstance(duration, str) else f"{milliseconds}ms"


def whole_seconds(duration: Duration) -> str:
    """Return a duration in seconds, rounded up, for options that take one number with one unit."""
    return f"{-(-to_milliseconds(duration) // 1000)}s"


def moment_or_duration(value: Duration | datetime) -> str:
    """Return a moment, as ISO 8601, or a duration from now.

    Raises:
        BadOption: the moment has no time zone.
    """
    if not isinstance(value, datetime):
        return duration_text(value)
    try:
        from_datetime(value)
    except ValueError as error:
        raise BadOption(option="delay", value=value, expected=str(error)) from None
    return value.isoformat()


def _refused(error: ValidationError) -> BadOption:
    """Return the error for the first option whose value can't be."""
    first = error.errors()[0]
    unit = "characters" if isinstance(first["input"], str) else "items"
    expected = _EXPECTED.get(first["type"], first["msg"]).format(unit=unit, **first.get("ctx", {}))
    return BadOption(
        option=_PYTHON_NAMES[str(first["loc"][0])], value=_shortened(first["input"]), expected=expected
    )


def _shortened(value: Any) -> Any:
    if isinstance(value, str) and len(value) > _SHOWN:
        return value[:_SHOWN] + "…"
    if isinstance(value, list | tuple) and len(value) > _SHOWN_ITEMS:
        return [*value[:_SHOWN_ITEMS], f"… {len(value)} in all"]
    return value


_SHOWN = 80
_SHOWN_ITEMS = 3

_EXPECTED = {
    "too_long": "at most {max_length} {unit}",
    "string_too_long": "at most {max_length} characters",
    "string_too_short": "at least {min_length} characters",
    "greater_than_equal": "a number from {ge} on",
    "greater_than": "a number above {gt}",
    "less_than_equal": "a number up to {le}",
}
"""What Pydantic's errors come to, by their type; the others say it well themselves."""

# By the name on the wire, and by the field's own.
_PYTHON_NAMES = {
    name: {"lock_to_version": "version"}.get(field, field)
    for field, about in TriggerOptions.model_fields.items()
    for name in (field, about.alias or field)
}


def _as_it_is(name: str, value: Any) -> dict[str, Any]:
    return {name: value}


def _delay(_: str, value: Duration | datetime) -> dict[str, Any]:
    return {"delay": moment_or_duration(value)}


def _debounce(_: str, value: Debounce) -> dict[str, Any]:
    if not isinstance(value, Debounce):
        raise BadOption(option="debounce", value=value, expected='Debounce("key", "5s")')
    longest = None if value.max_delay is None else duration_text(value.max_delay)
    return {
        "debounce": WireDebounce(
            key=value.key, delay=duration_text(value.delay), mode=value.mode, max_delay=longest
        )
    }


def _ttl(_: str, value: Duration) -> dict[str, Any]:
    return {"ttl": 0 if to_milliseconds(value) == 0 else duration_text(value)}


def _max_duration(_: str, value: Duration) -> dict[str, Any]:
    return {"max_duration": to_milliseconds(value) / 1000}


def _queue(_: str, value: Any) -> dict[str, Any]:
    return {"queue": QueueChoice(name=getattr(value, "name", value))}


def _key(_: str, value: str | IdempotencyKey) -> dict[str, Any]:
    key = value if isinstance(value, IdempotencyKey) else make_key(value)
    return {
        "idempotency_key": key.hash,
        "idempotency_key_options": KeyOptions(key=key.key, scope=key.scope),
    }


def _key_ttl(_: str, value: Duration) -> dict[str, Any]:
    return {"idempotency_key_ttl": whole_seconds(value)}


def _metadata(_: str, value: Any) -> dict[str, Any]:
    return {"metadata": to_jsonable_python(value)}


def _version(_: str, value: str) -> dict[str, Any]:
    return {"lock_to_version": value}


_SPELLED: dict[str, Callable[[str, Any], dict[str, Any]]] = {
    "debounce": _debounce,
    "delay": _delay,
    "ttl": _ttl,
    "max_duration": _max_duration,
    "queue": _queue,
    "idempotency_key": _key,
    "idempotency_key_ttl": _key_ttl,
    "metadata": _metadata,
    "version": _version,
}
