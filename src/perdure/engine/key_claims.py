"""Keys that something new asks for: whose each is, after those that are free or stale were given away."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from perdure.store import keys
from perdure.store.database import Tx
from perdure.store.keys import KeyHolder

FindStale: TypeAlias = Callable[[Sequence[KeyHolder]], Awaitable[Sequence[KeyHolder]]]
"""Which of these holders have keys that do not stand for them any more."""


@dataclass(frozen=True, slots=True, order=True)
class KeyClaim:
    """A key, by its hash, and what asks for it."""

    hash: bytes
    kind: str
    run: str
    expires_at: int

    def row(self) -> dict[str, object]:
        """Return what the table has of it."""
        return {"hash": self.hash, "run": self.run, "expires_at": self.expires_at}


async def take(tx: Tx, wanted: Sequence[KeyClaim], find_stale: FindStale) -> dict[bytes, str]:
    """Give keys that are free, or stale, to what asks for them; return whose each is now, by its hash.

    Args:
        tx: the transaction.
        wanted: one claim for each key.
        find_stale: tells which of the other holders have lost their right.
    """
    wanted = sorted(wanted)  # whoever wants the same keys waits for the first of them
    holders = await _claim(tx, wanted)
    others = [holders[one.hash] for one in wanted if holders[one.hash].run != one.run]
    old = {holder.hash: holder.run for holder in await find_stale(others)} if others else {}
    if old:
        taken = [{**one.row(), "old_run": old[one.hash]} for one in wanted if one.hash in old]
        await keys.take_over(tx, taken)
        holders = await _claim(tx, wanted)
    return {hash: holder.run for hash, holder in holders.items()}


async def _claim(tx: Tx, wanted: Sequence[KeyClaim]) -> dict[bytes, KeyHolder]:
    """Give what is free; a key that is forgotten between the two statements is free again."""
    rows, kinds = [one.row() for one in wanted], {one.hash: one.kind for one in wanted}
    while True:
        await keys.claim(tx, rows)
        holders = await keys.holders(tx, kinds)
        if len(holders) == len(rows):
            return {holder.hash: holder for holder in holders}
