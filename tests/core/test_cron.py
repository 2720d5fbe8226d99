"""Cron against a reference that looks at every minute, on the days when clocks change."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from perdure.core.cron import Cron, zone, zones
from perdure.core.errors import BadCron, UnknownZone

MINUTE = 60
DAY = 86_400
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a wall clock
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
ZONES = (
    "Europe/Paris",
    "America/New_York",
    "America/Santiago",  # midnight is skipped
    "Australia/Lord_Howe",  # by half an hour
    "Antarctica/Troll",  # by two hours
    "Africa/Casablanca",  # four times in some years
    "Asia/Kathmandu",  # never, and 45 minutes from its neighbours
    "UTC",
)


NOVEMBER = int(datetime(2026, 11, 21, tzinfo=UTC).timestamp() * 1000)


def wall_at(name: str, moment: int) -> int:
    """Return what a wall shows at a moment, in seconds as if it were UTC."""
    shown = datetime.fromtimestamp(moment, ZoneInfo(name)).replace(tzinfo=None)
    return int((shown - EPOCH).total_seconds())


@lru_cache
def changes(name: str) -> list[int]:
    """Return the hours of 2025 to 2027 in which clocks change, or the beginning of 2026 if they never do."""
    start = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp())
    hours = range(start, start + 3 * 365 * DAY, 3600)
    offsets = [wall_at(name, hour) - hour for hour in hours]
    return [hour for hour, a, b in zip(hours, offsets, offsets[1:], strict=False) if a != b] or [
        start + 365 * DAY
    ]


def values(field: str, number: int) -> set[int]:
    """Return what a field fits: `*`, numbers, ranges and steps."""
    low, high = RANGES[number]
    found: set[int] = set()
    for term in field.split(","):
        base, _, step = term.partition("/")
        first, _, last = base.partition("-")
        begin, end = (low, high) if base == "*" else (int(first), int(last or (high if step else first)))
        found |= set(range(begin, end + 1, int(step or 1)))
    return {value % 7 for value in found} if number == 4 else found


def fits(fields: list[str], wall: int) -> bool:
    shown = EPOCH + timedelta(seconds=wall)
    here = (shown.minute, shown.hour, shown.day, shown.month, shown.isoweekday() % 7)
    minute, hour, day, month, weekday = (here[n] in values(field, n) for n, field in enumerate(fields))
    both = fields[2].startswith("*") or fields[4].startswith("*")
    return minute and hour and month and (day and weekday if both else day or weekday)


def reference(expression: str, name: str, start: int, end: int) -> list[int]:
    """Return the ticks after a moment and up to another, found by looking at every minute."""
    fields = expression.split()
    moments = range(start - 2 * DAY, end + 2 * DAY, MINUTE)
    walls = [wall_at(name, moment) for moment in moments]
    if fields[0].startswith("*") or fields[1].startswith("*"):
        found = {moment for moment, wall in zip(moments, walls, strict=True) if fits(fields, wall)}
    else:
        found = set()
        for wall in range(walls[0], walls[-1], MINUTE):
            if fits(fields, wall):
                found.add(next(moment for moment, shown in zip(moments, walls, strict=True) if shown >= wall))
    return sorted(moment for moment in found if start < moment <= end)


def ticks(expression: str, name: str, start: int, end: int) -> list[int]:
    every = Cron(expression, name).after(start * 1000)
    return [tick // 1000 for tick in takewhile(lambda tick: tick <= end * 1000, every)]


@st.composite
def fields(draw: st.DrawFn, number: int) -> str:
    low, high = RANGES[number]
    value = st.integers(low, high)

    def term() -> str:
        kind = draw(st.sampled_from(["value", "range", "step", "from"]))
        a, b = sorted((draw(value), draw(value)))
        step = draw(st.integers(1, max(2, high // 2)))
        return {"value": f"{a}", "range": f"{a}-{b}", "step": f"*/{step}", "from": f"{a}-{b}/{step}"}[kind]

    return ",".join(term() for _ in range(draw(st.integers(1, 2))))


def days(number: int) -> st.SearchStrategy[str]:
    return st.one_of(st.just("*"), st.just("*"), fields(number))


EXPRESSIONS = st.tuples(
    st.one_of(st.just("*"), fields(0)), st.one_of(st.just("*"), fields(1)), days(2), st.just("*"), days(4)
).map(" ".join)


@settings(deadline=None, max_examples=150)
@given(EXPRESSIONS, st.sampled_from(ZONES), st.integers(0, 9), st.integers(-2 * DAY, DAY))
@example("30 2 * * *", "Europe/Paris", 0, -DAY)
@example("30 2 * * *", "Europe/Paris", 1, -DAY)
@example("*/30 * * * *", "Europe/Paris", 1, -DAY)
@example("0,30 2 * * *", "Europe/Paris", 0, -DAY)
@example("0 */3 * * *", "Australia/Lord_Howe", 0, -DAY)
@example("0 */3 * * *", "Australia/Lord_Howe", 1, -DAY)
@example("0 0 * * *", "America/Santiago", 1, -DAY)
@example("15 1 * * *", "Antarctica/Troll", 1, 3700)
def test_ticks_are_those_that_a_look_at_every_minute_finds(
    expression: str, name: str, change: int, offset: int
):
    around = changes(name)
    start = around[change % len(around)] + offset // MINUTE * MINUTE
    end = start + 3 * DAY
    try:
        Cron(expression, name)
    except BadCron:
        assume(False)

    assert ticks(expression, name, start, end) == reference(expression, name, start, end)


def local(expression: str, name: str, start: str, count: int) -> list[str]:
    moment = int(datetime.fromisoformat(start).timestamp() * 1000)
    found = islice(Cron(expression, name).after(moment), count)
    return [f"{datetime.fromtimestamp(tick / 1000, ZoneInfo(name)):%d %H:%M %z}" for tick in found]


def test_a_time_of_day_that_is_skipped_comes_when_the_clocks_jump():
    found = local("30 2 * * *", "Europe/Paris", "2026-03-28T12:00Z", 2)

    assert found == ["29 03:00 +0200", "30 02:30 +0200"]


def test_two_times_of_day_that_are_skipped_come_as_one():
    found = local("0,30 2 * * *", "Europe/Paris", "2026-03-28T12:00Z", 2)

    assert found == ["29 03:00 +0200", "30 02:00 +0200"]


def test_a_time_of_day_that_is_repeated_comes_the_first_time():
    found = local("30 2 * * *", "Europe/Paris", "2026-10-24T12:00Z", 2)

    assert found == ["25 02:30 +0200", "26 02:30 +0100"]


def test_a_rhythm_goes_on_while_clocks_change():
    spring = local("*/30 * * * *", "Europe/Paris", "2026-03-29T00:29Z", 3)
    autumn = local("*/30 * * * *", "Europe/Paris", "2026-10-25T00:29Z", 3)

    assert spring == ["29 01:30 +0100", "29 03:00 +0200", "29 03:30 +0200"]
    assert autumn == ["25 02:30 +0200", "25 02:00 +0100", "25 02:30 +0100"]


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("0 9 * * MON-FRI", ["01 09:00", "02 09:00", "05 09:00"]),
        ("0 0 L * *", ["31 00:00", "28 00:00", "31 00:00"]),
        ("0 0 * * 5L", ["30 00:00", "27 00:00", "27 00:00"]),
        ("0 0 * * mon#2", ["12 00:00", "09 00:00", "09 00:00"]),
        ("0 0 LW feb *", ["27 00:00", "26 00:00", "29 00:00"]),
        ("0 0 29 2 *", ["29 00:00", "29 00:00", "29 00:00"]),
    ],
)
def test_days_have_names_and_can_be_the_last(expression: str, found: list[str]):
    assert [one[:8] for one in local(expression, "UTC", "2026-01-01T00:00Z", 3)] == found


@pytest.mark.parametrize(
    ("expression", "reason", "valid"),
    [
        ("61 9 * * *", "its minute is 61, and takes 0 to 59", "0 9 * * *"),
        ("0 24 * * MON", "its hour is 24, and takes 0 to 23", "0 9 * * MON"),
        ("0 9 32 * *", "its day of month is 32, and takes 1 to 31", "0 9 1 * *"),
        ("0 9 * SEPT *", "its month is SEPT, and takes 1 to 12, or JAN to DEC", "0 9 * 1 *"),
        ("0 9 * * 8", "its weekday is 8, and takes 0 to 7", "0 9 * * 1"),
        ("a b * * *", "its minute is a, and takes 0 to 59; its hour is b, and takes 0 to 23", "0 9 * * *"),
        ("*/0 * * * *", "its minute is */0", "0 * * * *"),
        ("0 9 30 2 *", "there is no day 30 in month 2", "0 9 * * 1-5"),
        ("0 9 * *", "it has 4 fields, and takes five: minute, hour", "0 9 * * 1-5"),
        ("0 0 9 * * *", "it has 6 fields, and takes five", "0 9 * * 1-5"),
        ("@hourly", "it has 1 field, and takes five", "0 * * * *"),
        ("", "it has 0 fields", "0 9 * * 1-5"),
    ],
)  # fmt: skip
def test_what_is_no_expression_says_which_field_and_what_it_takes(expression: str, reason: str, valid: str):
    with pytest.raises(BadCron) as raised:
        Cron(expression)

    assert f"Cron expression {expression!r} can't be used: {reason}" in str(raised.value)
    assert str(raised.value).endswith(f"A valid one is {valid!r}.")
    Cron(valid)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Europe/Pariss", "did you mean Europe/Paris"),
        ("europe/paris", "did you mean Europe/Paris?"),
        ("Paris", "did you mean Europe/Paris?"),
        ("new york", "did you mean America/New_York?"),
        ("../../etc/passwd", "they are named as Europe/Paris or UTC."),
        ("Europe", "did you mean Europe/"),
        ("localtime", "they are named as Europe/Paris or UTC."),
        ("", "they are named as Europe/Paris or UTC."),
    ],
)
def test_an_unknown_zone_names_the_nearest(name: str, hint: str):
    with pytest.raises(UnknownZone) as raised:
        zone(name)

    assert f"There is no time zone {name!r}; {hint}" in str(raised.value)


def test_a_leap_day_is_found_in_every_zone():
    for name in zones():
        ticks = islice(Cron("0 12 29 2 *", name).after(NOVEMBER), 3)
        walls = [datetime.fromtimestamp(tick // 1000, ZoneInfo(name)) for tick in ticks]
        assert [f"{wall:%Y-%m-%d %H:%M}" for wall in walls] == [
            f"{year}-02-29 12:00" for year in (2028, 2032, 2036)
        ], name


def test_a_leap_day_that_is_a_sunday_is_found_decades_ahead():
    ticks = islice(Cron("0 0 29 2 */7").after(NOVEMBER), 2)

    assert [datetime.fromtimestamp(tick // 1000, UTC).year for tick in ticks] == [2032, 2060]


@pytest.mark.parametrize("expression", ["0 0 31 2 *", "0 0 30 2 *", "0 0 31 4,6,9,11 *"])
def test_a_day_that_no_month_has_is_told(expression: str):
    with pytest.raises(BadCron, match=r"there is no day 3[01] in month"):
        Cron(expression)


def test_every_zone_that_is_listed_is_there():
    assert zones()[0] == "UTC"
    assert len(set(zones())) == len(zones()) > 400
    for name in zones():
        zone(name)
