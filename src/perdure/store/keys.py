"""Keys that make a trigger happen once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from perdure.store.database import Tx

IDEMPOTENCY = "idempotency"
REQUEST = "request"
TOKEN = "token"
IMPLICIT = "implicit"
TICK = "tick"
"""The kinds of keys."""


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """Which run has a key, and how that run stands (None if it is gone)."""

    kind: str
    hash: bytes
    run: str
    expires_at: int
    status: str | None


def hash_of(environment: str, task: str, kind: str, key: str) -> bytes:
    """Return what a key is stored as: 16 bytes.

    There is one for nearly every run, and its text would be most of its row, and again of its index.  Of a
    trillion keys, two have the same hash with a probability of one in a thousand million million.
    """
    text = "\0".join((environment, task, kind, key))
    return blake2b(text.encode(), digest_size=16).digest()


async def claim(tx: Tx, rows: Sequence[Mapping[str, object]]) -> None:
    """Give keys that are free to new runs; keys are mappings of the table's columns.

    Two transactions that want one key take turns: the second finds what the first has committed.
    """
    await tx.run("claim_trigger_keys", keys=rows)


async def holders(tx: Tx, kinds: Mapping[bytes, str]) -> list[KeyHolder]:
    """Return who has these keys, given as the kind of each by its hash."""
    rows = await tx.all("trigger_key_holders", keys=[{"hash": one} for one in kinds])
    return [KeyHolder(kinds[row[0]], *row) for row in rows]


async def take_over(tx: Tx, rows: Sequence[Mapping[str, object]]) -> None:
    """Give keys to new runs, each unless another run than `old_run` has it by now."""
    await tx.run("take_trigger_keys", keys=rows)


async def free(tx: Tx, environment: str, task: str, key: str) -> bool:
    """Forget a user's key; return whether there was one."""
    freed = await tx.run("delete_trigger_key", hash=hash_of(environment, task, IDEMPOTENCY, key))
    return freed > 0
