"""What a queue holds back beyond the limit of each concurrency key.

A *gate* stands before a whole queue: it is paused, or has a limit over all its keys, or a rate.  Queues
without any cost a claim nothing.  A claim reads the gates of its environment, makes room of them
(`Gates.rooms`), shares it (`engine.concurrency`), and charges what it took (`Gates.charge`).

A rate for each key belongs to the key's pool, whose lanes are taken out of sight while it is used up; the
other gates hold back all lanes of a queue, which are not touched for that, however many they are.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from perdure.core.rates import RateLimit
from perdure.store import lanes, queues
from perdure.store.database import Tx
from perdure.store.lanes import Charge, Kind, OpenLane
from perdure.store.queues import Gate
from perdure.store.rows import Environment, Run

CHANNEL = "rates"
"""Hinted when a rate was used up, which may be the next to give a run again."""


@dataclass(slots=True)
class Room:
    """How many runs may still pass."""

    left: float


@dataclass(frozen=True, slots=True)
class Rooms:
    """What the gates of a queue let through."""

    total: Room
    """Of all runs."""
    fresh: tuple[Room, ...] = ()
    """Of those that begin an attempt; each must have room."""


OPEN = Rooms(Room(float("inf")))
"""Of a queue without gates."""


class Gates:
    """The gates of an environment, in one claim."""

    def __init__(self, environment: Environment, known: Mapping[str, Gate], now: int) -> None:
        """Know these gates at this moment."""
        self._environment = environment
        self._known = known
        self._now = now
        self._spent = {queue: gate.spent_until for queue, gate in known.items()}
        self._running = {queue: gate.running for queue, gate in known.items()}
        self._waiting: set[str] = set()

    @property
    def are_none(self) -> bool:
        """Whether nothing at all is held back."""
        return not self._known and self._environment.paused_at is None

    def split(self, kinds: Collection[Kind]) -> tuple[list[int], list[int]]:
        """Return the kinds that all runs may be claimed of, and those of which only what has begun."""
        if self.are_none:
            return [kind.id for kind in kinds], []
        wide: list[int] = []
        narrow: list[int] = []
        for kind in kinds:
            gate = self._known.get(kind.queue)
            if gate is not None and self._total(gate) <= 0:
                continue
            is_spent = gate is not None and self._by_rate(gate) <= 0
            if is_spent:
                self._waiting.add(kind.queue)
            (narrow if is_spent or self._is_paused(gate) else wide).append(kind.id)
        return wide, narrow

    def rooms(self, found: Sequence[OpenLane]) -> dict[int, Rooms]:
        """Return what the gates let through, by pool, of the pools that have any."""
        if self.are_none:
            return {}
        by_queue: dict[str, Rooms] = {}
        rooms: dict[int, Rooms] = {}
        for lane in found:
            gate = self._known.get(lane.queue)
            if gate is None and self._environment.paused_at is None:
                continue
            if lane.queue not in by_queue:
                by_queue[lane.queue] = self._of_queue(gate)
            shared = by_queue[lane.queue]
            if lane.pool not in rooms:
                rooms[lane.pool] = Rooms(shared.total, (*shared.fresh, *self._of_key(lane)))
        return rooms

    def _of_queue(self, gate: Gate | None) -> Rooms:
        fresh = [Room(0)] if self._is_paused(gate) else []
        if gate is not None and gate.rate is not None and not gate.rate.per_key:
            fresh.append(Room(self._by_rate(gate)))
        return Rooms(Room(float("inf") if gate is None else self._total(gate)), tuple(fresh))

    def _of_key(self, lane: OpenLane) -> Iterable[Room]:
        rate = self._rate_of_key(lane)
        if rate is not None:
            yield Room(rate.allowed(lane.spent_until, self._now))

    def _is_paused(self, gate: Gate | None) -> bool:
        return self._environment.paused_at is not None or (gate is not None and gate.paused_at is not None)

    def _total(self, gate: Gate) -> float:
        return float("inf") if gate.total_limit is None else gate.total_limit - self._running[gate.queue]

    def _by_rate(self, gate: Gate) -> float:
        if gate.rate is None or gate.rate.per_key:
            return float("inf")
        return gate.rate.allowed(self._spent[gate.queue], self._now)

    def pools_to_lock(self, held: Sequence[OpenLane]) -> list[OpenLane]:
        """Return those of some lanes that are held back by a rate of their own pool."""
        return [lane for lane in held if self._rate_of_key(lane) is not None]

    async def charge(
        self, tx: Tx, found: Sequence[OpenLane], taken: Sequence[Run], held: Sequence[OpenLane]
    ) -> bool:
        """Note what was taken, and until when the rates of pools give nothing.

        Args:
            tx: the transaction; it has locked the pools of what was taken, and `pools_to_lock`.
            found: the lanes that the claim looked at.
            taken: the runs that it took.
            held: the lanes with a fresh run that a gate holds back.

        Returns:
            Whether lanes were taken out of sight.
        """
        if not self._known:
            return False
        for run in taken:
            if run.queue in self._known:
                self._running[run.queue] += 1
        fresh = [run for run in taken if not run.is_mid_attempt]
        for queue, count in Counter(run.queue for run in fresh).items():
            gate = self._known.get(queue)
            if gate is not None and gate.rate is not None and not gate.rate.per_key:
                self._spent[queue] = gate.rate.charge(self._spent[queue], self._now, count)
        self._waiting |= {lane.queue for lane in held}
        return await self._charge_keys(tx, found, Counter(run.pool for run in fresh), held)

    async def settle(self, tx: Tx) -> None:
        """Write what queues are measured by, when the claim has taken all it could.

        Where runs wait for room or for the rate, what makes room again will hint.
        """
        charges: dict[str, tuple[int, int | None]] = {}
        full: dict[str, int] = {}
        for queue, gate in self._known.items():
            if gate.total_limit is not None and gate.full_at is None and self._total(gate) <= 0:
                full[queue] = gate.total_limit
            spent = self._spent[queue]
            is_closed = queue in self._waiting and self._by_rate(gate) <= 0
            closed_until = gate.rate.next_at(spent) if is_closed and gate.rate else None
            if spent != gate.spent_until or (is_closed and closed_until != gate.closed_until):
                charges[queue] = spent, closed_until
        if full:
            await queues.mark_full(tx, self._environment.id, full, now=self._now)
        if charges:
            await queues.charge(tx, self._environment.id, charges)
            tx.hint(CHANNEL)

    def _rate_of_key(self, lane: OpenLane) -> RateLimit | None:
        gate = self._known.get(lane.queue)
        return gate.rate if gate is not None and gate.rate is not None and gate.rate.per_key else None

    async def _charge_keys(
        self, tx: Tx, found: Sequence[OpenLane], started: Mapping[int, int], held: Sequence[OpenLane]
    ) -> bool:
        waiting = {lane.pool for lane in held}
        touched = [lane for lane in found if lane.pool in started or lane.pool in waiting]
        charges: dict[int, Charge] = {}
        for lane in touched:
            rate = self._rate_of_key(lane)
            if rate is None or lane.pool in charges:
                continue
            spent = lane.spent_until
            if lane.pool in started:
                spent = rate.charge(spent, self._now, started[lane.pool])
            is_closed = lane.pool in waiting and rate.allowed(spent, self._now) <= 0
            charges[lane.pool] = Charge(lane.pool, spent, rate.next_at(spent) if is_closed else None)
        if not charges:
            return False
        await lanes.charge(tx, [charges[pool] for pool in sorted(charges)], now=self._now)
        has_closed = any(charge.closed_until is not None for charge in charges.values())
        if has_closed:
            tx.hint(CHANNEL)
        return has_closed


async def read(tx: Tx, environment: Environment, *, has_any: bool, now: int) -> Gates:
    """Return the gates of an environment, whose row is locked."""
    known = await queues.gates(tx, environment.id) if has_any else {}
    return Gates(environment, known, now)
