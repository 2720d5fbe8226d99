"""Workers go on listening between two polls.

A poll that was given less than it could take has left nothing behind.  As long as there was no hint since,
the next poll of the same worker need not look: it can wait at once.
"""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from perdure.store.hints import Hints, Subscription

MOST = 1_000
"""The most workers that are listened for between their polls; one that is forgotten looks again."""


@dataclass(slots=True)
class Ear:
    """What a worker listens with."""

    subscription: Subscription
    #: whether its last look left nothing behind that it could have taken
    has_all: bool = False

    @property
    def must_look(self) -> bool:
        """Whether there may be something for it."""
        return not self.has_all or self.subscription.is_hinted


class Listeners:
    """The ears of workers that have polled, and will poll again."""

    def __init__(self, hints: Hints) -> None:
        """Listen to these hints."""
        self._hints = hints
        # Those that were used longest ago come first.
        self._ears: OrderedDict[str, Ear] = OrderedDict()

    @contextmanager
    def ear(self, worker: str, *channels: str) -> Iterator[Ear]:
        """Listen for a worker during a poll; and after it, until the next one."""
        ear = self._ears.pop(worker, None) or Ear(self._hints.subscribe(*channels))
        try:
            yield ear
        except BaseException:
            ear.subscription.close()
            raise
        self._keep(worker, ear)

    def _keep(self, worker: str, ear: Ear) -> None:
        other = self._ears.pop(worker, None)  # of another poll at the same time
        if other is not None:
            other.subscription.close()
        self._ears[worker] = ear
        if len(self._ears) > MOST:
            self._ears.popitem(last=False)[1].subscription.close()
