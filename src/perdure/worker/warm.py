"""Which idle executors are kept warm: a pure policy, told the time.

An executor that ran a task is kept for the next run of the same task on the same machine.  When there
are too many, the one that has been idle longest goes first.
"""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from perdure.worker.options import WarmLimits

Key = TypeVar("Key", bound=Hashable)
Item = TypeVar("Item", bound=Hashable)


class WarmPool(Generic[Key, Item]):
    """Idle executors, by what they last ran."""

    def __init__(self, limits: WarmLimits) -> None:
        self._limits = limits
        # Oldest first; the value is the key and the moment (seconds) it became idle.
        self._idle: OrderedDict[Item, tuple[Key, float]] = OrderedDict()
        self._by_key: dict[Key, list[Item]] = {}

    def __len__(self) -> int:
        return len(self._idle)

    def take(self, key: Key) -> Item | None:
        """Return the executor that was last idle for a key, whose caches are warmest, or None."""
        items = self._by_key.get(key)
        if not items:
            return None
        item = items[-1]
        self.remove(item)
        return item

    def give(self, key: Key, item: Item, now: float) -> list[Item]:
        """Keep an executor, and return those that must go for it (perhaps itself)."""
        self._idle[item] = (key, now)
        self._by_key.setdefault(key, []).append(item)
        evicted = self._by_key[key][: -self._limits.per_task or None]
        for old in evicted:
            self.remove(old)
        while len(self._idle) > self._limits.total:
            oldest = next(iter(self._idle))
            self.remove(oldest)
            evicted.append(oldest)
        return evicted

    def remove(self, item: Item) -> None:
        """Forget an executor, if it is here."""
        entry = self._idle.pop(item, None)
        if entry is None:
            return
        items = self._by_key[entry[0]]
        items.remove(item)
        if not items:
            del self._by_key[entry[0]]

    def expire(self, now: float) -> list[Item]:
        """Forget and return the executors that have been idle for too long."""
        until = now - self._limits.idle_seconds
        old = [item for item, (_, since) in self._idle.items() if since <= until]
        for item in old:
            self.remove(item)
        return old

    def next_expiry(self) -> float | None:
        """Return when the first will have been idle for too long, or None if none is idle."""
        for _, since in self._idle.values():
            return since + self._limits.idle_seconds
        return None
