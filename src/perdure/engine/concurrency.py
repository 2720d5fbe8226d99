"""Who goes next.

Each lane has a virtual time: how many runs it was given.  The lane with the least goes next and moves
one on, so lanes that have runs ready take turns, however many each has.  A lane that was empty for a
while does not catch up: it begins at the environment's virtual time, that of the lane served last
(start-time fair queueing: Goyal, Vin and Cheng, 1996).
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field

from perdure.store.lanes import OpenLane


@dataclass(slots=True)
class Shares:
    """How many runs each lane may give, and the virtual times that follow."""

    quotas: dict[int, int] = field(default_factory=dict)
    virtual_times: dict[int, float] = field(default_factory=dict)
    virtual_time: float = 0.0
    full: list[OpenLane] = field(default_factory=list)
    """Lanes whose pool has no slot left, before or after this."""


def share(lanes: Sequence[OpenLane], slots: int, virtual_time: float) -> Shares:
    """Share slots among lanes.

    Args:
        lanes: those that have runs ready; lanes of one pool share its room.
        slots: how many runs are asked for.
        virtual_time: the environment's.
    """
    shares = Shares(virtual_time=virtual_time)
    room = {
        lane.pool: slots if lane.concurrency_limit is None else lane.concurrency_limit - lane.running
        for lane in lanes
    }
    heap = [(max(lane.virtual_time, virtual_time), lane.id, lane) for lane in lanes]
    heapq.heapify(heap)
    while heap and slots > 0:
        start, identity, lane = heap[0]
        given = shares.quotas.get(identity, 0)
        if room[lane.pool] <= 0 or given == lane.ready:
            heapq.heappop(heap)
            continue
        room[lane.pool] -= 1
        slots -= 1
        shares.quotas[identity] = given + 1
        shares.virtual_times[identity] = start + 1
        shares.virtual_time = max(shares.virtual_time, start)
        heapq.heapreplace(heap, (start + 1, identity, lane))
    shares.full = [lane for lane in lanes if lane.concurrency_limit is not None and room[lane.pool] <= 0]
    return shares
