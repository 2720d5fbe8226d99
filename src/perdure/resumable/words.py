"""A quick look at a source text: where nothing can wait, no later pass has anything to do."""

from bisect import bisect_left
from typing import Any


class Words:
    """The lines that hold a word without which nothing waits: in code, or in a string or comment.

    Without a text, any line might.
    """

    def __init__(self, text: str | None) -> None:
        self.lines = None if text is None else _lines_that_wait(text)

    def any(self) -> bool:
        """Whether there is such a line at all."""
        return self.lines is None or bool(self.lines)

    def within(self, first: Any, last: Any) -> bool:
        """Whether there is one from the beginning of a statement to the end of another."""
        if self.lines is None:
            return True
        decorators = getattr(first, "decorator_list", None)
        at = bisect_left(self.lines, (decorators[0] if decorators else first).lineno)
        return at < len(self.lines) and self.lines[at] <= last.end_lineno


def _lines_that_wait(text: str) -> list[int]:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    numbered = enumerate(lines, 1)
    return [number for number, line in numbered if "await" in line or "yield" in line or "async" in line]


ANYWHERE = Words(None)
