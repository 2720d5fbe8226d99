"""Every loop has one shape.

A `Service` does its work in `run_once()`, which returns when the work that was due is done.  The loop
around it waits for hints, or for as long as the service says, and goes on after an error.  Tests call
`run_once()` and never the loop.
"""

import asyncio
import logging
from abc import ABC, abstractmethod

from perdure.core.errors import PerdureError
from perdure.engine.resources import Resources
from perdure.store.database import Database
from perdure.store.hints import Subscription

log = logging.getLogger(__name__)

PAUSE_AFTER_ERROR_S = 1.0


LONGEST_SLEEP_MS = 30_000
"""An `AlarmService` looks at least this often, so a moment further away needs no hint."""


class Service(ABC):
    """Something that goes on by itself while the engine runs."""

    channels: tuple[str, ...] = ()
    """Hints that end the pause early."""

    pause_ms: float = 5_000
    """How long to wait between two rounds when there is no hint."""

    def __init__(self, db: Database) -> None:
        """Use this database's hints."""
        self._db = db
        self._loop: asyncio.Task[None] | None = None

    @abstractmethod
    async def run_once(self) -> int:
        """Do all that is due now; return how many things were done."""

    def start(self) -> None:
        """Begin to run in the background; call it from the event loop."""
        self._loop = asyncio.create_task(self._run(), name=type(self).__name__)

    async def stop(self) -> None:
        """End the loop; a round under way is given up, which its transaction makes harmless."""
        if self._loop is None:
            return
        self._loop.cancel()
        await asyncio.wait([self._loop])
        self._loop = None

    def next_pause_ms(self) -> float:
        """Return how long to wait before the next round, in milliseconds."""
        return self.pause_ms

    async def _run(self) -> None:
        with self._db.hints.subscribe(*self.channels) as subscription:
            while True:
                try:
                    await self.run_once()
                except PerdureError:
                    log.exception("%s failed; it will try again", type(self).__name__)
                    await asyncio.sleep(PAUSE_AFTER_ERROR_S)
                await self.pause(subscription)

    async def pause(self, subscription: Subscription) -> None:
        """Wait until the next round is due, or there is a hint."""
        await subscription.wait(self.next_pause_ms() / 1000)


class AlarmService(Service):
    """A service whose next round is due at a moment that it knows."""

    longest_sleep_ms: float = LONGEST_SLEEP_MS

    def __init__(self, resources: Resources) -> None:
        """Use these resources."""
        super().__init__(resources.db)
        self._resources = resources
        self._next: int | None = None
        """The moment, in milliseconds since the Unix epoch; None if there is none to wait for."""

    def next_pause_ms(self) -> float:
        """Return how long it is until then."""
        if self._next is None:
            return self.longest_sleep_ms
        return max(0, min(self._next - self._resources.clock.now(), self.longest_sleep_ms))
