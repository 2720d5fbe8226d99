"""When a cron expression comes, in a time zone.

Five fields (minute, hour, day of month, month, weekday), as Debian's cron reads them.  `cronsim` walks the
calendar, by wall clocks that know no zone; this file says which moments those wall times are, on the days
when clocks change too:

- **A rhythm**, whose minute or hour begins with `*`, comes whenever the clock on the wall shows a time that
  fits: not in an hour that is skipped, and twice in one that is repeated.
- **A time of day** comes once for each wall time: one that is skipped comes when the clocks jump, and one
  that is repeated comes the first time.

Source of the two rules: cron(8) of Debian.
"""

import copy
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from itertools import islice
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from cronsim import CronSim, CronSimError
from cronsim.cronsim import Field

from perdure.core.errors import BadCron, UnknownZone
from perdure.core.names import similar

_DAY_S = 86_400
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a wall clock

_FIELDS = (
    ("minute", "0 to 59", "0"),
    ("hour", "0 to 23", "9"),
    ("day of month", "1 to 31, L for the last, LW for the last from Monday to Friday", "1"),
    ("month", "1 to 12, or JAN to DEC", "1"),
    ("weekday", "0 to 7 from Sunday to Sunday, or SUN to SAT, 5L for the last Friday, MON#2 the second", "1"),
)
"""Of each field its name, what it takes, and one value that it takes."""

_NICKNAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_NO_ZONES = frozenset({"", "Factory", "localtime"})
"""What the data has beside zones: the machine's own, and one that means there is none."""

_ONE_STEP = re.compile(r"(?<![\w-])(\w+)-\1/[1-9]\d*", re.IGNORECASE)
"""A range of one with a step, `5-5/2`, which is 5; `cronsim` 2.8 reads it as `5/2`."""

_EXAMPLE = "0 9 * * 1-5"


class Cron:
    """A cron expression in a time zone.

    Args:
        expression: five fields.
        timezone: an IANA name.

    Raises:
        BadCron: it is no such expression, or there is no day that it fits; the message names the field.
        UnknownZone: there is no such zone.
    """

    def __init__(self, expression: str, timezone: str = "UTC") -> None:
        self._zone = zone(timezone)
        self._is_utc = timezone == "UTC"
        self._walk = _parse(expression)
        _, minute, hour, *_ = self._walk.parts
        self._is_rhythm = minute.startswith("*") or hour.startswith("*")
        if next(self.after(0), None) is None:
            raise BadCron(cron=expression, reason="no day fits it", example=_EXAMPLE)

    def after(self, moment: int) -> Iterator[int]:
        """Yield the ticks after a moment, without end; all in milliseconds since 1970."""
        start = moment // 1000
        for tick in self._rhythm(start) if self._is_rhythm else self._times_of_day(start):
            yield tick * 1000

    @cached_property
    def description(self) -> str:
        """What it says, in words: `At 09:00 on Monday through Friday`."""
        return self._walk.explain()

    def _times_of_day(self, start: int) -> Iterator[int]:
        last = start
        for wall in self._walls(start, self._offset(start)):
            tick = self._first(wall)
            if tick > last:  # two that are skipped come as one
                yield tick
                last = tick

    def _rhythm(self, start: int) -> Iterator[int]:
        """Yield ticks piece by piece: between two changes of the clocks, a wall runs like time itself."""
        offset: int | None = self._offset(start)
        while offset is not None:
            change = None
            for wall in self._walls(start, offset):
                tick = wall - offset
                change = self._change(start, tick, offset)
                if change is not None:
                    break
                yield tick
                start = tick
            start, offset = (start, None) if change is None else (change - 1, self._offset(change))

    def _walls(self, start: int, offset: int) -> Iterator[int]:
        """Yield what a wall shows when the expression fits, after a moment at which it is so far ahead."""
        walk = copy.copy(self._walk)
        walk.dt = datetime.fromtimestamp(start + offset, UTC).replace(tzinfo=None)
        try:
            for wall in walk:
                yield int((wall - _EPOCH).total_seconds())
        except OverflowError:  # the end of the calendar
            return

    def _first(self, wall: int) -> int:
        """Return the first moment at which the wall shows a time; if none does, when it jumps over it."""
        shown = datetime.fromtimestamp(wall, UTC).replace(tzinfo=self._zone)
        tick = wall - _seconds(shown)
        if self._offset(tick) == _seconds(shown):
            return tick
        before = wall - _seconds(shown.replace(fold=1))
        return self._change(before, tick, self._offset(before)) or tick

    def _offset(self, moment: int) -> int:
        """Return how far the wall is ahead of UTC."""
        return 0 if self._is_utc else _seconds(datetime.fromtimestamp(moment, self._zone))

    def _change(self, start: int, end: int, offset: int) -> int | None:
        """Return the first moment after a start, and up to an end, at which the offset is another."""
        low = end if self._is_utc else start
        while low < end:
            high = min(low + _DAY_S, end)
            if self._offset(high) != offset:
                while high - low > 1:
                    middle = (low + high) // 2
                    low, high = (middle, high) if self._offset(middle) == offset else (low, middle)
                return high
            low = high
        return None


@lru_cache(maxsize=4096)
def cron(expression: str, timezone: str) -> Cron:
    """Return an expression in a zone, read once; raises as `Cron` does."""
    return Cron(expression, timezone)


@lru_cache(maxsize=4096)
def upcoming(expression: str, timezone: str, moment: int, count: int) -> tuple[int, ...]:
    """Return the next ticks after a moment; many schedules share them, so they are kept for a while."""
    return tuple(islice(cron(expression, timezone).after(moment), count))


@lru_cache(maxsize=1)
def zones() -> tuple[str, ...]:
    """Return the names of all time zones: UTC, then the others in order."""
    return ("UTC", *sorted(available_timezones() - {"UTC"} - _NO_ZONES))


def zone(name: str) -> ZoneInfo:
    """Return a time zone by its IANA name.

    Raises:
        UnknownZone: there is none; the nearest are named.
    """
    try:
        if name not in _NO_ZONES:
            return ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError):  # a path, a folder, a name that there is not
        pass
    raise UnknownZone(zone=name, hint=_nearest(name))


def _nearest(name: str) -> str:
    known = {one.lower(): one for one in zones()}
    asked = name.strip().lower().replace(" ", "_")
    same = [one for one in zones() if asked in (one.lower(), one.lower().rpartition("/")[2])]
    near = same or [known[one] for one in similar(asked, known, count=3, likeness=0.6)]
    return f"did you mean {' or '.join(near)}?" if near else "they are named as Europe/Paris or UTC."


def _seconds(shown: datetime) -> int:
    offset = shown.utcoffset()
    return round(offset.total_seconds()) if offset is not None else 0


def _parse(expression: str) -> CronSim:
    parts = expression.split()
    if len(parts) != len(_FIELDS):
        raise BadCron(cron=expression, reason=_miscounted(parts), example=_example_for(expression))
    try:
        return CronSim(_ONE_STEP.sub(r"\1", expression), _EPOCH)
    except CronSimError:
        raise BadCron(cron=expression, **_misfit(parts)) from None


def _miscounted(parts: list[str]) -> str:
    names = ", ".join(name for name, _, _ in _FIELDS)
    told = f"it has {len(parts)} field{'s' * (len(parts) != 1)}, and takes five: {names}"
    return f"{told}; there are no seconds" if len(parts) == len(_FIELDS) + 1 else told


def _example_for(expression: str) -> str:
    return _NICKNAMES.get(expression.strip().lower(), _EXAMPLE)


def _misfit(parts: list[str]) -> dict[str, str]:
    """Return which fields are wrong, and the expression with others in their place."""
    wrong = [number for number, part in enumerate(parts) if not _fits(number, part)]
    told = [f"its {_FIELDS[n][0]} is {parts[n]}, and takes {_FIELDS[n][1]}" for n in wrong]
    mended = [_FIELDS[n][2] if n in wrong else part for n, part in enumerate(parts)]
    if not told:  # each fits by itself: a day that none of the months has
        return {"reason": f"there is no day {parts[2]} in month {parts[3]}", "example": _EXAMPLE}
    more = "; any takes *, lists (1,15), ranges (1-5) and steps (*/5)"
    return {"reason": "; ".join(told) + more, "example": " ".join(mended)}


def _fits(number: int, part: str) -> bool:
    try:
        Field(number + 1).parse(part.upper())
    except CronSimError:
        return False
    return True
