"""Rates: what they look like, and how many they let through."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.core.errors import BadOption
from perdure.core.rates import RateLimit


@pytest.mark.parametrize(
    ("text", "limit", "period_ms"),
    [("100/1m", 100, 60_000), ("5/s", 5, 1000), ("10 / 30s", 10, 30_000), ("7/1h30m", 7, 5_400_000)],
)
def test_a_text_is_a_rate(text: str, limit: int, period_ms: int):
    rate = RateLimit.of(text)

    assert (rate.limit, rate.period_ms, rate.per_key) == (limit, period_ms, False)


@pytest.mark.parametrize(
    "text", ["", "100", "1m", "0/1m", "-5/1m", "5/x", "5/0s", "1.5/1m", "5/1m/2", 7, None]
)
def test_what_is_no_rate_is_refused_with_an_example(text: object):
    with pytest.raises(
        BadOption, match=r'Option rate_limit can\'t be .*; it takes runs in a time, such as "100/1m"'
    ):
        RateLimit.of(text)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((0, "1m"), "limit of a rate can't be 0; it takes a whole number, 1 to 100000."),
        ((True, "1m"), "limit of a rate can't be True"),
        ((5, "-1s"), "period of a rate can't be '-1s'; it takes 1 ms to 30 days"),
        ((5, "31d"), "period of a rate can't be '31d'"),
        ((5, "1m", 0), "burst of a rate can't be 0; it takes a whole number, 1 to 100000."),
    ],
)
def test_a_rate_that_cannot_be_is_refused_by_name(arguments: tuple, problem: str):
    with pytest.raises(BadOption) as caught:
        RateLimit(*arguments)
    assert problem in str(caught.value)


@given(
    st.integers(1, 500),
    st.integers(1, 5_000),
    st.none() | st.integers(1, 20),
    st.lists(st.tuples(st.integers(0, 2_000), st.integers(1, 30)), max_size=40),
)
def test_in_any_period_no_more_start_than_the_limit_and_the_burst_allow(
    limit: int, period_ms: int, burst: int | None, asked: list[tuple[int, int]]
):
    rate = RateLimit(limit, period_ms / 1000, burst)
    spent, now, starts = 0, 1_800_000_000_000, []
    for later, wanted in asked:
        now += later
        given_now = min(wanted, rate.allowed(spent, now))
        if given_now:
            spent = rate.charge(spent, now, given_now)
            starts += [now] * given_now

    for start in starts:
        in_period = sum(start <= other < start + period_ms for other in starts)
        assert in_period <= limit + rate.most - 1


@given(st.integers(1, 100_000), st.integers(1, 100_000), st.integers(1, 50))
def test_the_next_moment_is_the_first_that_gives_a_run(limit: int, period_ms: int, burst: int):
    rate, now = RateLimit(limit, period_ms / 1000, burst), 1_800_000_000_000
    spent = rate.charge(0, now, rate.allowed(0, now))

    moment = rate.next_at(spent)

    assert rate.allowed(spent, max(moment, now)) >= 1
    assert moment <= now or rate.allowed(spent, moment - 1) == 0
