"""Keys that something new asks for: whose each is, after those that are free or stale were given away."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TypeAlias

from perdure.store import keys
from perdure.store.database import Tx
from perdure.store.keys import KeyHolder

Name: TypeAlias = tuple[str, str, str, str]
"""A key in full: environment, task, kind and key."""

FindStale: TypeAlias = Callable[[Sequence[KeyHolder]], Awaitable[Sequence[KeyHolder]]]
"""Which of these holders have keys that do not stand for them any more."""


@dataclass(frozen=True, slots=True, order=True)
class KeyClaim:
    """A key, and what asks for it."""

    environment: str
    task: str
    kind: str
    key: str
    run: str
    expires_at: int

    @property
    def name(self) -> Name:
        """The key in full."""
        return self.environment, self.task, self.kind, self.key


async def take(tx: Tx, wanted: Sequence[KeyClaim], find_stale: FindStale) -> dict[Name, str]:
    """Give keys that are free, or stale, to what asks for them; return whose each is now.

    Args:
        tx: the transaction.
        wanted: one claim for each key.
        find_stale: tells which of the other holders have lost their right.
    """
    wanted = sorted(wanted)  # whoever wants the same keys waits for the first of them
    holders = await _claim(tx, wanted)
    others = [holders[one.name] for one in wanted if holders[one.name].run != one.run]
    old = {_name_of(holder): holder.run for holder in await find_stale(others)} if others else {}
    if old:
        taken = [{**asdict(one), "old_run": old[one.name]} for one in wanted if one.name in old]
        await keys.take_over(tx, taken)
        holders = await _claim(tx, wanted)
    return {name: holder.run for name, holder in holders.items()}


async def _claim(tx: Tx, wanted: Sequence[KeyClaim]) -> dict[Name, KeyHolder]:
    """Give what is free; a key that is forgotten between the two statements is free again."""
    rows = [asdict(one) for one in wanted]
    while True:
        await keys.claim(tx, rows)
        holders = await keys.holders(tx, rows)
        if len(holders) == len(rows):
            return {_name_of(holder): holder for holder in holders}


def _name_of(holder: KeyHolder) -> Name:
    """Return the key that something holds, in full."""
    return holder.environment, holder.task, holder.kind, holder.key
