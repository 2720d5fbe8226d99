"""Spreading ticks: schedules that come at one moment need not all run at that moment.

A window is `30m`, `2h` or `30%` (of the time until the next tick).  Within it, each schedule has a place of
its own, the same for all of its ticks, so that they keep their distance from each other.
"""

import hashlib
import re

from perdure.core.duration import Duration, to_milliseconds
from perdure.core.errors import BadDuration, BadOption

_MINUTE = 60_000
_HOUR = 60 * _MINUTE
_LONGEST = 24 * _HOUR
_WINDOW = re.compile(r"(0|[1-9]\d{0,6})([mh%])")


def window_text(window: Duration) -> str:
    """Return a window as it is stored and as the official clients read it.

    Args:
        window: whole minutes up to 24 hours, as any duration, or a percentage up to `"100%"`.

    Raises:
        BadOption: it is no such thing.
    """
    if isinstance(window, str) and window.endswith("%"):
        found = _WINDOW.fullmatch(window)
        if found is None or int(found[1]) > 100:
            raise _bad(window)
        return window
    try:
        size = to_milliseconds(window)
    except BadDuration:
        raise _bad(window) from None
    if size > _LONGEST or size % _MINUTE:
        raise _bad(window)
    return f"{size // _HOUR}h" if size and size % _HOUR == 0 else f"{size // _MINUTE}m"


def delay_ms(window: str | None, schedule: str, interval_ms: int) -> int:
    """Return how long after its moment a tick of a schedule runs.

    Args:
        window: as `window_text` gives it; None is no spread.
        schedule: the id, whose hash decides.
        interval_ms: the time from the tick to the next, which is never reached.
    """
    if window is None:
        return 0
    number, unit = int(window[:-1]), window[-1]
    size = interval_ms * number // 100 if unit == "%" else number * (_HOUR if unit == "h" else _MINUTE)
    share = int.from_bytes(hashlib.blake2b(schedule.encode(), digest_size=6).digest())
    return min(size, interval_ms) * share >> 48


def _bad(window: Duration) -> BadOption:
    return BadOption(
        option="window",
        value=window,
        expected="whole minutes or hours up to 24h, as in '30m', or a share of the time between two ticks "
        "up to 100%, as in '30%'",
    )
