"""Who goes next.

Each pool (a queue and a concurrency key) has a virtual time: how many runs it was given.  The one with
the least goes next and moves one on, so keys that have runs ready take turns, however many each has, and
of however many tasks.  A pool that was empty for a while does not catch up: it begins at the
environment's virtual time, that of the pool served last (start-time fair queueing: Goyal, Vin and Cheng,
1996).  Within a pool the lanes of its tasks take turns by a virtual time of their own.

A run is *fresh* if it begins an attempt when it is claimed.  What goes on with an attempt, after a wait,
passes by pauses and rates: it has begun, and its start has been charged.  Slots it takes like any other.
"""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from perdure.engine.gates import OPEN, Room, Rooms
from perdure.store.lanes import OpenLane


@dataclass(slots=True)
class Shares:
    """How many runs each lane may give, and the virtual times that follow."""

    quotas: dict[int, int] = field(default_factory=dict)
    """Of lanes without a gate, from their heads."""
    fresh: dict[int, int] = field(default_factory=dict)
    """Of lanes with a gate: how many that begin an attempt."""
    resumed: dict[int, int] = field(default_factory=dict)
    """Of lanes with a gate: how many that go on with theirs."""
    virtual_times: dict[int, float] = field(default_factory=dict)
    pool_times: dict[int, float] = field(default_factory=dict)
    virtual_time: float = 0.0
    full: list[OpenLane] = field(default_factory=list)
    """Lanes whose pool has no slot left, before or after this."""
    held: list[OpenLane] = field(default_factory=list)
    """Lanes with a fresh run that a gate holds back."""


@dataclass(slots=True)
class _Line:
    """What is left in a lane."""

    lane: OpenLane
    resumed: int
    fresh: int


class _Turns:
    """The lanes of one pool."""

    def __init__(self, lane: OpenLane, slots: int, rooms: Rooms) -> None:
        limit = lane.concurrency_limit
        self.pool = Room(slots if limit is None else limit - lane.running)
        self.total, self.gates = rooms.total, rooms.fresh
        self.virtual_time = lane.pool_time
        self._lines: list[tuple[float, int, _Line]] = []

    def add(self, lane: OpenLane) -> None:
        line = _Line(lane, lane.resumed, lane.ready - lane.resumed)
        heapq.heappush(self._lines, (lane.virtual_time, lane.id, line))

    def give(self, until: float, shares: Shares) -> bool:
        """Give one run, after which the pool's virtual time is this; return False if there is none."""
        if self.pool.left <= 0 or self.total.left <= 0:
            return False
        while self._lines:
            _, identity, line = self._lines[0]
            if self._take(line, shares):
                self.pool.left -= 1
                self.total.left -= 1
                shares.virtual_times[identity] = until
                shares.pool_times[line.lane.pool] = until
                if len(self._lines) > 1:
                    heapq.heapreplace(self._lines, (until, identity, line))
                return True
            heapq.heappop(self._lines)
        return False

    def _take(self, line: _Line, shares: Shares) -> bool:
        counts = shares.quotas
        if line.resumed:
            line.resumed -= 1
            counts = shares.resumed if self.gates else counts
        elif line.fresh:
            for gate in self.gates:
                if gate.left <= 0:
                    return False
            for gate in self.gates:
                gate.left -= 1
            line.fresh -= 1
            counts = shares.fresh if self.gates else counts
        else:
            return False
        counts[line.lane.id] = counts.get(line.lane.id, 0) + 1
        return True


def share(
    lanes: Sequence[OpenLane], slots: int, virtual_time: float, rooms: Mapping[int, Rooms] | None = None
) -> Shares:
    """Share slots among lanes.

    Args:
        lanes: those that have runs ready; lanes of one pool share its room.
        slots: how many runs are asked for.
        virtual_time: the environment's.
        rooms: what the gates let through, by pool, of queues that have any.
    """
    shares = Shares(virtual_time=virtual_time)
    gated = rooms or {}
    pools: dict[int, _Turns] = {}
    for lane in lanes:
        turns = pools.get(lane.pool)
        if turns is None:
            turns = pools[lane.pool] = _Turns(lane, slots, gated.get(lane.pool, OPEN))
        turns.add(lane)
    heap = [
        (max(turns.virtual_time, virtual_time), turns.virtual_time, pool) for pool, turns in pools.items()
    ]
    heapq.heapify(heap)
    while heap and slots > 0:
        start, _, pool = heap[0]
        if not pools[pool].give(start + 1, shares):
            heapq.heappop(heap)
            continue
        slots -= 1
        shares.virtual_time = max(shares.virtual_time, start)
        heapq.heapreplace(heap, (start + 1, start + 1, pool))
    shares.full = [
        lane for lane in lanes if lane.concurrency_limit is not None and pools[lane.pool].pool.left <= 0
    ]
    shares.held = [lane for lane in lanes if _is_held(lane, pools[lane.pool].gates, shares)]
    return shares


def _is_held(lane: OpenLane, gates: Iterable[Room], shares: Shares) -> bool:
    waiting = lane.ready - lane.resumed - shares.fresh.get(lane.id, 0)
    return waiting > 0 and any(gate.left <= 0 for gate in gates)
