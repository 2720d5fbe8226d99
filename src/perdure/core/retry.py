"""When to try again."""

from dataclasses import dataclass

from perdure.core.duration import Duration, to_milliseconds
from perdure.core.errors import BadOption

MAX_ATTEMPTS = 250
"""More attempts than this are never made; the same cap as Trigger.dev's."""


@dataclass(frozen=True, kw_only=True)
class Retry:
    """How often a run is tried, and how long it waits in between.

    The wait after attempt *n* is `min_timeout · factor^(n-1)`, at most `max_timeout`; with `randomize`
    it is first multiplied by a random number from 1 to 2, so that runs which failed together do not
    come back together.
    """

    #: how often the run is tried in all, the first time included
    max_attempts: int = 3
    #: how much longer each wait is than the one before
    factor: float = 2.0
    #: the wait after the first attempt
    min_timeout: Duration = 1.0
    #: no wait is longer than this
    max_timeout: Duration = 60.0
    #: spread the waits by a random factor
    randomize: bool = True
    #: the machine preset to use after the run ran out of memory, or None to fail
    out_of_memory_machine: str | None = None

    def __post_init__(self) -> None:
        """Refuse what makes no sense, by name."""
        if not isinstance(self.max_attempts, int) or not 1 <= self.max_attempts <= MAX_ATTEMPTS:
            raise BadOption(option="max_attempts", value=self.max_attempts, expected=f"1 to {MAX_ATTEMPTS}")
        if not isinstance(self.factor, (int, float)) or self.factor < 1:
            raise BadOption(option="factor", value=self.factor, expected="1 or more")
        if to_milliseconds(self.max_timeout) < to_milliseconds(self.min_timeout):
            raise BadOption(option="max_timeout", value=self.max_timeout, expected="min_timeout or more")

    def delay_after(self, attempt: int, dice: float) -> int:
        """Return the wait after a failed attempt, in milliseconds.

        Args:
            attempt: the number of the attempt that failed; the first is 1.
            dice: a random number from 0 to 1; unused unless `randomize` is set.
        """
        spread = 1 + dice if self.randomize else 1.0
        # The exponent is capped where any wait is long past its maximum, so that no float overflows.
        raw = to_milliseconds(self.min_timeout) * self.factor ** min(attempt - 1, 64) * spread
        return round(min(raw, to_milliseconds(self.max_timeout)))
