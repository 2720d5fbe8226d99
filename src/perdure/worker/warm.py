"""Which idle executors are kept warm: a pure policy, told the time.

An executor that ran a task is kept for the next run of the same task on the same machine.  The limits
look at executors that have been idle for a moment: between two runs of a burst nobody is idle, and to
end a process there only to fork another would be a waste.  The one idle for longest goes first.
"""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from perdure.worker.options import WarmLimits

SETTLE_SECONDS = 1.0
"""An executor that has done nothing for this long is idle."""

Key = TypeVar("Key", bound=Hashable)
Item = TypeVar("Item", bound=Hashable)


class WarmPool(Generic[Key, Item]):
    """Idle executors, by what they last ran."""

    def __init__(self, limits: WarmLimits, slots: int) -> None:
        """Keep executors.

        Args:
            limits: how many, and for how long.
            slots: how many can be busy at once; so many, or `limits.total`, are kept at the very most.
        """
        self._limits = limits
        self._most = max(slots, limits.total)
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
        """Keep an executor, and return those that must go for it at once."""
        self._idle[item] = (key, now)
        self._by_key.setdefault(key, []).append(item)
        return self._dismiss(list(self._idle)[: max(len(self._idle) - self._most, 0)])

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
        """Forget and return the executors that are too many, or idle for too long."""
        settled = [item for item, (_, since) in self._idle.items() if since <= now - SETTLE_SECONDS]
        too_many = settled[: max(len(self._idle) - self._limits.total, 0)]
        for items in self._by_key.values():
            too_many += items[: max(len(items) - self._limits.per_task, 0)]
        too_old = [item for item in settled if self._idle[item][1] <= now - self._limits.idle_seconds]
        return self._dismiss([item for item in settled if item in {*too_many, *too_old}])

    def _dismiss(self, items: list[Item]) -> list[Item]:
        for item in items:
            self.remove(item)
        return items
