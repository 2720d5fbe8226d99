"""A clock that stands still until it is told to move."""

from perdure.core.duration import Duration, to_milliseconds

START = 1_767_225_600_000
"""2026-01-01T00:00:00Z"""


class FakeClock:
    """A `core.clock.Clock` for tests."""

    def __init__(self, start: int = START) -> None:
        """Stand at a moment, in milliseconds since 1970."""
        self._now = start

    def now(self) -> int:
        """Return the current moment in milliseconds since the Unix epoch."""
        return self._now

    def forward(self, by: Duration) -> int:
        """Move on by a duration (`"5m"`, 90, a timedelta); return the new moment."""
        return self.move_to(self._now + to_milliseconds(by))

    def move_to(self, moment: int) -> int:
        """Move on to a moment, in milliseconds since 1970; never back."""
        self._now = max(self._now, moment)
        return self._now
