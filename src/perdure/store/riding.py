"""Looks that ride along: what a hint would wake looks in the very commit that hints it.

Whoever waits for a hint and then looks pays for hops between threads and, if it writes, for a commit of its
own.  SQLite has one thread that commits everything, so there a look can ride along: it runs right after the
transactions that hinted it, under the same commit, and is answered with them.

Looks of one kind that are hinted together run as one, so a hundred waiting polls cost a commit little more
than one of them.
"""

import asyncio
import threading
from collections.abc import Callable, Iterable
from typing import Any

from perdure.store.database import Look
from perdure.store.hints import Subscription


class Ride:
    """Someone who waits to ride along; good for one look."""

    __slots__ = ("_future", "_unheard", "argument", "look", "subscription")

    def __init__(
        self,
        subscription: Subscription,
        look: Look[Any, Any],
        argument: Any,
        unheard: Callable[[Any], None] | None,
    ) -> None:
        """Wait for the channels of a subscription; see `Database.ride`."""
        self.subscription = subscription
        self.look = look
        self.argument = argument
        self._unheard = unheard
        self._future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def answer(self, seen: Any) -> None:
        """Tell what the look saw; None if it failed."""
        if not self._future.done():
            self._future.set_result(seen)
            self.subscription.wake(())
        else:
            self._forget(seen)

    def give_up(self) -> None:
        """Note that nobody waits any more; what was seen at the last moment is unheard too."""
        if not self._future.cancel() and not self._future.cancelled():
            self._forget(self._future.result())

    def _forget(self, seen: Any) -> None:
        if seen is not None and self._unheard is not None:
            self._unheard(seen)

    async def seen(self) -> Any:
        """Return what the look saw, when it is committed."""
        return await self._future


class Rides:
    """Who waits to ride along.  The event loop boards; the writer's thread takes."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._lock = threading.Lock()
        # In the order they came.
        self._waiting: dict[str, dict[Ride, None]] = {}

    def board(self, ride: Ride) -> None:
        """Let one wait for its channels."""
        with self._lock:
            for channel in ride.subscription.channels:
                self._waiting.setdefault(channel, {})[ride] = None

    def leave(self, ride: Ride) -> bool:
        """Take one off; return False if it was taken along, and so is or will be answered."""
        with self._lock:
            return self._remove(ride)

    def take(self, channels: Iterable[str]) -> dict[Look[Any, Any], list[Ride]]:
        """Take off all who wait for these channels, by what they look at."""
        taken: dict[Look[Any, Any], list[Ride]] = {}
        if not self._waiting:  # the usual case, without the lock
            return taken
        with self._lock:
            for channel in sorted(channels):
                for ride in list(self._waiting.get(channel, ())):
                    self._remove(ride)
                    taken.setdefault(ride.look, []).append(ride)
        return taken

    def _remove(self, ride: Ride) -> bool:
        was_there = False
        for channel in ride.subscription.channels:
            waiting = self._waiting.get(channel, {})
            was_there |= ride in waiting
            waiting.pop(ride, None)
            if not waiting:
                self._waiting.pop(channel, None)
        return was_there
