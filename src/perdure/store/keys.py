"""Keys that make a trigger happen once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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

    environment: str
    task: str
    kind: str
    key: str
    run: str
    expires_at: int
    status: str | None


async def claim(tx: Tx, rows: Sequence[Mapping[str, object]]) -> None:
    """Give keys that are free to new runs; keys are mappings of the table's columns.

    Two transactions that want one key take turns: the second finds what the first has committed.
    """
    await tx.run("claim_trigger_keys", keys=rows)


async def holders(tx: Tx, rows: Sequence[Mapping[str, object]]) -> list[KeyHolder]:
    """Return who has these keys."""
    return [KeyHolder(*row) for row in await tx.all("trigger_key_holders", keys=rows)]


async def take_over(tx: Tx, rows: Sequence[Mapping[str, object]]) -> None:
    """Give keys to new runs, each unless another run than `old_run` has it by now."""
    await tx.run("take_trigger_keys", keys=rows)


async def free(tx: Tx, environment: str, task: str, key: str) -> bool:
    """Forget a user's key; return whether there was one."""
    freed = await tx.run("delete_trigger_key", environment=environment, task=task, kind=IDEMPOTENCY, key=key)
    return freed > 0
