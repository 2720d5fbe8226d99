"""Idempotency keys, hashed as the official clients hash them, so that both mean the same run.

The scope is in the hash alone: `run` adds the id of the run that triggers, `attempt` the number of its
attempt too; outside a run neither adds anything.  The server sees 64 hexadecimal digits.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Scope = Literal["run", "attempt", "global"]
_HASHED_LENGTH = 64


@dataclass(frozen=True)
class IdempotencyKey:
    """A key as the user wrote it, and as it is sent."""

    key: str
    scope: Scope
    hash: str


def make_key(
    key: str | Sequence[str], scope: Scope = "run", run: str | None = None, attempt: int | None = None
) -> IdempotencyKey:
    """Return a key to trigger with.

    Args:
        key: what the trigger is about, such as an order's number; several parts are joined.
        scope: `run`: unique within the run that triggers; `attempt`: within its attempt; `global`:
            within the environment.
        run: the id of the run that triggers, if any.
        attempt: the number of its attempt.
    """
    parts = [key] if isinstance(key, str) else list(key)
    shown = "-".join(parts)
    if len(shown) == _HASHED_LENGTH and len(parts) == 1:
        return IdempotencyKey(shown, scope, shown)
    if run is not None and scope != "global":
        parts.append(run)
        if scope == "attempt":
            parts.append(str(attempt))
    return IdempotencyKey(shown, scope, hashlib.sha256("-".join(parts).encode()).hexdigest())
