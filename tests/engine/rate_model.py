"""A rate as the standard says it (ITU-T I.371, the virtual scheduling algorithm), in exact fractions."""

from collections.abc import Hashable
from fractions import Fraction


class RateModel:
    """Knows when each of several meters may give a run."""

    def __init__(self, limit: int, period_ms: int, burst: int) -> None:
        self.interval = Fraction(period_ms, limit)
        self.tolerance = (burst - 1) * self.interval
        self._expected: dict[Hashable, Fraction] = {}

    def allows(self, meter: Hashable, now: int, slack: Fraction = Fraction(0)) -> bool:
        """Whether a run may start; `slack` milliseconds later than now."""
        return now - slack >= self._expected.get(meter, Fraction(0)) - self.tolerance

    def start(self, meter: Hashable, now: int) -> None:
        """Note that a run has started."""
        self._expected[meter] = max(self._expected.get(meter, Fraction(0)), Fraction(now)) + self.interval
