"""Durations, as people write them: `300`, `"1h30m"`, `timedelta(minutes=5)`."""

import re
from datetime import timedelta

from perdure.core.errors import BadDuration

Duration = int | float | str | timedelta

# The units of the official clients' duration strings, in milliseconds.
_UNITS = {
    "ms": 1,
    "s": 1_000,
    "m": 60_000,
    "h": 3_600_000,
    "hr": 3_600_000,
    "d": 86_400_000,
    "w": 604_800_000,
}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|hr|[smhdw])")
_MAX_LENGTH = 100


def to_milliseconds(duration: Duration) -> int:
    """Return a duration in whole milliseconds.

    Args:
        duration: a number of seconds, a string of parts such as `"1h30m"` (units `ms`, `s`, `m`, `h`
            or `hr`, `d`, `w`), or a timedelta.

    Raises:
        BadDuration: the text is no duration, or the duration is negative or not finite.
    """
    if isinstance(duration, str):
        return _parse(duration)
    seconds = duration.total_seconds() if isinstance(duration, timedelta) else duration
    if isinstance(seconds, bool) or not 0 <= seconds < float("inf"):
        raise BadDuration(duration=repr(duration))
    return round(seconds * 1000)


def to_seconds(duration: Duration) -> float:
    """Return a duration in seconds; raises BadDuration as `to_milliseconds` does."""
    return to_milliseconds(duration) / 1000


def _parse(text: str) -> int:
    compact = text.replace(" ", "")
    parts = _PART.findall(compact)
    if len(text) > _MAX_LENGTH or not parts or "".join(n + unit for n, unit in parts) != compact:
        raise BadDuration(duration=repr(text))
    return round(sum(float(number) * _UNITS[unit] for number, unit in parts))
