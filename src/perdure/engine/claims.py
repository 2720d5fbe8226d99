"""What claims of an environment go by while its row is locked: its limits and the gates of its queues."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from perdure.engine import gates
from perdure.engine.concurrency import Shares
from perdure.engine.gates import Gates
from perdure.store import lanes, queues, runs
from perdure.store.database import Tx
from perdure.store.lanes import Kind, OpenLane
from perdure.store.rows import Environment, Run


@dataclass(frozen=True, slots=True)
class Claim:
    """What claims of an environment go by, while its row is locked."""

    environment: Environment
    gates: Gates

    @property
    def limit(self) -> int | None:
        """How many runs may run at once in all: the environment's limit, and its burst."""
        base = self.environment.concurrency_limit
        return None if base is None else int(base * self.environment.burst_factor)

    async def look(self, tx: Tx, kinds: Sequence[Kind], wanted: int) -> list[OpenLane]:
        """Return the lanes of these kinds that may give a run."""
        identity = self.environment.id
        wide, narrow = self.gates.split(kinds)
        found = await lanes.open_lanes(tx, identity, wide, limit=wanted) if wide else []
        if narrow:
            found += await lanes.open_lanes(tx, identity, narrow, limit=wanted, resumed=True)
        base = self.environment.concurrency_limit
        if base is None or self.environment.burst_factor <= 1:
            return found
        # Only the environment as a whole bursts; no pool alone has more than the limit.
        return [replace(lane, concurrency_limit=_least(base, lane.concurrency_limit)) for lane in found]

    def slots(self, found: Sequence[OpenLane], wanted: int) -> int:
        """Return how many runs may be claimed now, of so many that are wanted."""
        return wanted if self.limit is None else min(wanted, self.limit - found[0].running_in_environment)


def _least(base: int, limit: int | None) -> int:
    return base if limit is None else min(base, limit)


async def begin_claim(tx: Tx, environment: str, now: int) -> Claim:
    """Lock an environment's row, and read its gates."""
    row, has_gates = await queues.lock_for_claims(tx, environment)
    return Claim(row, await gates.read(tx, row, has_any=has_gates, now=now))


async def lock_heads(tx: Tx, shares: Shares) -> list[Run]:
    """Lock and return the runs that come first in their lanes."""
    heads = await runs.lock_heads(tx, shares.quotas) if shares.quotas else []
    if shares.resumed:
        heads += await runs.lock_resumed_heads(tx, shares.resumed)
    if shares.fresh:
        heads += await runs.lock_fresh_heads(tx, shares.fresh)
    return heads
