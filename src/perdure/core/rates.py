"""Rates: how many runs of a queue may start in a time.

The rule is GCRA, the generic cell rate algorithm (ITU-T I.371, 1993): a limit of 100 in a minute is one
run each 600 ms.  All that is stored is one moment, until when the runs given so far are *spent*; a run
may start when that moment is no further ahead than the burst allows.  It holds over any period, not only
over those that begin with the minute, and needs no counting of what ran before.

Moments are whole microseconds, since a thousand runs a second are one each millisecond.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from perdure.core.duration import Duration, to_milliseconds
from perdure.core.errors import BadDuration, BadOption

MAX_RUNS = 100_000
MAX_PERIOD_MS = 30 * 86_400_000

EXPECTED = 'runs in a time, such as "100/1m", "5/s" or RateLimit(100, "1m", burst=10)'

SLACK_MS = 100
"""Without a burst of its own, a rate gives what comes in this time at once: fewer, larger claims."""

_TEXT = re.compile(r"\s*(\d+)\s*/\s*(\d.*|[a-z]+)\s*")


@dataclass(frozen=True)
class RateLimit:
    """How many runs of a queue may start in a time.

    In any period at most `limit + burst - 1` runs start; so with the burst of 1 that rates below ten a
    second have, never more than the limit.
    """

    #: how many runs may start, 1 to 100,000 …
    limit: int
    #: … in each period of this length, at most 30 days
    period: Duration
    #: how many may start at once after a quiet time; None: what comes in 100 ms, at least 1
    burst: int | None = None
    #: whether each concurrency key has this rate for itself
    per_key: bool = False

    def __post_init__(self) -> None:
        """Refuse what can't be, by name."""
        if not _is_whole(self.limit) or not 1 <= self.limit <= MAX_RUNS:
            raise BadOption(
                option="limit of a rate", value=self.limit, expected=f"a whole number, 1 to {MAX_RUNS}"
            )
        try:
            period = to_milliseconds(self.period)
        except BadDuration:
            period = 0
        if not 1 <= period <= MAX_PERIOD_MS:
            raise BadOption(
                option="period of a rate", value=self.period, expected='1 ms to 30 days, as in "1m"'
            )
        if self.burst is not None and not (_is_whole(self.burst) and 1 <= self.burst <= MAX_RUNS):
            raise BadOption(
                option="burst of a rate", value=self.burst, expected=f"a whole number, 1 to {MAX_RUNS}"
            )

    @classmethod
    def of(cls, given: RateLimit | str) -> RateLimit:
        """Return a rate as it was given, or of a text: `"100/1m"`, `"5/s"`.

        Raises:
            BadOption: it is no rate; the error says what one looks like.
        """
        if isinstance(given, RateLimit):
            return given
        found = _TEXT.fullmatch(given) if isinstance(given, str) else None
        if found is None:
            raise BadOption(option="rate_limit", value=given, expected=EXPECTED)
        limit, period = found.groups()
        try:
            return cls(int(limit), period if period[0].isdigit() else f"1{period}")
        except BadOption as error:
            raise BadOption(option="rate_limit", value=given, expected=f"{EXPECTED} ({error})") from None

    @property
    def period_ms(self) -> int:
        """The period in milliseconds."""
        return to_milliseconds(self.period)

    @property
    def most(self) -> int:
        """How many runs may start at once."""
        return self.burst or max(1, self.limit * SLACK_MS // self.period_ms)

    @property
    def interval(self) -> int:
        """The microseconds that one run costs, rounded up, so that the limit holds."""
        return -(-self.period_ms * 1000 // self.limit)

    def allowed(self, spent_until: int, now: int) -> int:
        """Return how many runs may start now.

        Args:
            spent_until: what is stored, in microseconds; 0 at first.
            now: the current moment in milliseconds.
        """
        ahead = max(0, spent_until - now * 1000)
        return max(0, (self.most * self.interval - ahead) // self.interval)

    def charge(self, spent_until: int, now: int, runs: int) -> int:
        """Return what is to be stored when some runs have started."""
        return max(spent_until, now * 1000) + runs * self.interval

    def next_at(self, spent_until: int) -> int:
        """Return the millisecond at which a run may start, if none more do until then."""
        return -(-(spent_until - (self.most - 1) * self.interval) // 1000)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
