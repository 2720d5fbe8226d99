"""Hints: "this channel may have something new".

Rule: tables are truth.  A hint may be lost, late or for nothing; whoever waits
      for one also looks again after a timeout, so a lost hint costs a slow look
      and never a run.

Hints belong to the event loop that opened the database: everything here is
called from its thread.
"""

import asyncio
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

QUIET = "~"
"""Begins the channels that few listen to and that are hinted often: other processes get such hints only
while one of them has said that it wants them."""

WANTED = "quiet-hints"
"""The channel by which a process says so; it holds for `WANTED_S`."""

WANTED_S = 30.0


class Subscription:
    """Someone who waits for channels.  Hints between two waits are not lost."""

    def __init__(self, hints: "Hints", channels: Iterable[str]) -> None:
        """Use `Hints.subscribe`."""
        self.channels = set(channels)
        self._hints = hints
        self._pending: set[str] = set()
        self._woken = asyncio.Event()

    async def wait(self, timeout: float | None = None) -> frozenset[str]:
        """Wait for a hint and return the channels hinted since the last wait.

        Args:
            timeout: seconds after which to give up; None waits for ever.

        Returns:
            The hinted channels; empty if the time is up.
        """
        try:
            async with asyncio.timeout(timeout):
                await self._woken.wait()
        except TimeoutError:
            pass
        channels = frozenset(self._pending)
        self._pending.clear()
        self._woken.clear()
        return channels

    def wake(self, channels: Iterable[str]) -> None:
        """Note that these channels were hinted, and end the wait."""
        self._pending.update(channels)
        self._woken.set()

    @property
    def is_hinted(self) -> bool:
        """Whether there was a hint since the last wait."""
        return bool(self._pending)

    def heed(self, later: Iterable[str]) -> None:
        """Note that all hints so far were heeded, but for these channels."""
        self._pending.intersection_update(later)

    def listen(self, *channels: str) -> None:
        """Wait for these channels too."""
        self.channels.update(channels)
        self._hints.add(self, channels)

    def ignore(self, *channels: str) -> None:
        """Wait for these channels no more."""
        self.channels.difference_update(channels)
        self._hints.drop(self, channels)

    def close(self) -> None:
        """Stop listening."""
        self._hints.drop(self, self.channels)

    def __enter__(self) -> Self:
        """Return the subscription itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        """Stop listening."""
        self.close()


class Hints:
    """Who waits for which channel, and the wire to other processes, if there is one."""

    def __init__(self, forward: Callable[[frozenset[str]], None] | None = None) -> None:
        """Begin with nobody waiting.

        Args:
            forward: tells other processes (PostgreSQL); None if there are none.
        """
        self.muted = False
        """Drop every hint.  For tests, which must pass without any."""
        self._forward = forward
        # In the order in which they began to listen, and so they are woken.
        self._waiting: dict[str, dict[Subscription, None]] = {}
        self._listeners: list[Callable[[frozenset[str]], None]] = []

    def subscribe(self, *channels: str) -> Subscription:
        """Listen to these channels from now on, until the subscription is closed."""
        subscription = Subscription(self, channels)
        self.add(subscription, channels)
        return subscription

    def listen(self, listener: Callable[[frozenset[str]], None]) -> None:
        """Tell somebody of all hints that this process makes, and of none that others do.

        Args:
            listener: gets the channels; must be quick, and must not raise.
        """
        self._listeners.append(listener)

    def add(self, subscription: Subscription, channels: Iterable[str]) -> None:
        """Wake this subscription when these channels are hinted."""
        for channel in channels:
            self._waiting.setdefault(channel, {})[subscription] = None

    def drop(self, subscription: Subscription, channels: Iterable[str]) -> None:
        """Do not wake this subscription any more when these channels are hinted."""
        for channel in channels:
            waiting = self._waiting.get(channel, {})
            waiting.pop(subscription, None)
            if not waiting:
                self._waiting.pop(channel, None)

    def publish(self, channels: Iterable[str]) -> None:
        """Wake who waits for these channels, here and in other processes."""
        hinted = frozenset(channels)
        for listener in self._listeners:
            listener(hinted)
        self.deliver(hinted)
        if hinted and self._forward is not None and not self.muted:
            self._forward(hinted)

    def deliver(self, channels: frozenset[str]) -> None:
        """Wake who waits for these channels in this process."""
        if self.muted:
            return
        for channel in channels:
            for subscription in self._waiting.get(channel, ()):
                subscription.wake((channel,))

    def deliver_all(self) -> None:
        """Wake everybody: hints may have been lost (a connection dropped)."""
        self.deliver(frozenset(self._waiting))
