"""Triggers that come in bursts."""

from dataclasses import dataclass
from typing import Literal

from perdure.core.duration import Duration, to_milliseconds
from perdure.core.errors import BadOption

MAX_KEY = 512
MIN_DELAY_MS = 1_000

Mode = Literal["leading", "trailing"]


@dataclass(frozen=True)
class Debounce:
    """Makes one run of triggers that follow each other closely.

    The run starts when no trigger with the key has come for `delay`; keys belong to a task.

        await reindex.options(debounce=Debounce("user:1", "5s", mode="trailing")).trigger(user=1)
    """

    #: what the triggers have in common: 1 to 512 characters
    key: str
    #: how long to wait for another one: a second or more
    delay: Duration
    #: whose payload the run gets: that of the first trigger, or of the last
    mode: Mode = "leading"
    #: how long after the first trigger the run starts, however many come; None: there is no such limit
    max_delay: Duration | None = None

    def __post_init__(self) -> None:
        """Refuse what can't be, by name."""
        if not 1 <= len(self.key) <= MAX_KEY:
            raise BadOption(option="debounce.key", value=self.key, expected=f"1 to {MAX_KEY} characters")
        if self.mode not in ("leading", "trailing"):
            raise BadOption(option="debounce.mode", value=self.mode, expected="leading or trailing")
        if self.delay_ms < MIN_DELAY_MS:
            raise BadOption(option="debounce.delay", value=self.delay, expected="a second or more")
        if self.max_delay_ms is not None and self.max_delay_ms <= self.delay_ms:
            raise BadOption(
                option="debounce.max_delay",
                value=self.max_delay,
                expected=f"more than the delay, {self.delay}",
            )

    @property
    def delay_ms(self) -> int:
        """The delay in milliseconds."""
        return to_milliseconds(self.delay)

    @property
    def max_delay_ms(self) -> int | None:
        """The longest delay in milliseconds, or None."""
        return None if self.max_delay is None else to_milliseconds(self.max_delay)

    @property
    def is_trailing(self) -> bool:
        """Whether the last trigger says what the run is given."""
        return self.mode == "trailing"
