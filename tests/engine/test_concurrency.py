"""How slots are shared among lanes."""

from hypothesis import given
from hypothesis import strategies as st

from perdure.engine.concurrency import share
from perdure.store.lanes import OpenLane


def lane(
    number: int, ready: int = 10, time: float = 0, pool: int = 0, limit: int | None = None, running: int = 0
) -> OpenLane:
    return OpenLane(number, pool or number, ready, 0, time, "q", None, "t", "", limit, running, time)


def test_lanes_take_turns():
    assert share([lane(1), lane(2), lane(3)], 6, 0).quotas == {1: 2, 2: 2, 3: 2}


def test_the_lane_that_was_given_least_goes_first():
    assert share([lane(1, time=5), lane(2, time=4)], 1, 0).quotas == {2: 1}


def test_a_lane_gives_no_more_than_it_has():
    assert share([lane(1, ready=1), lane(2)], 5, 0).quotas == {1: 1, 2: 4}


def test_lanes_of_a_pool_share_its_room():
    shares = share([lane(1, pool=9, limit=3, running=1), lane(2, pool=9, limit=3, running=1)], 9, 0)

    assert shares.quotas == {1: 1, 2: 1}
    assert {full.id for full in shares.full} == {1, 2}


def test_a_lane_that_was_idle_begins_where_the_others_are():
    shares = share([lane(1, time=100), lane(2, time=0)], 4, 100)

    assert shares.quotas == {1: 2, 2: 2}
    assert shares.virtual_times == {1: 102, 2: 102}


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.integers(1, 3), st.none() | st.integers(0, 5), st.integers(0, 6)),
        max_size=8,
    ),
    st.integers(0, 20),
)
def test_no_more_is_given_than_there_is_room_for(drawn: list[tuple[int, int, int | None, int]], slots: int):
    limits: dict[int, int | None] = {}
    lanes = []
    for number, (ready, pool, limit, running) in enumerate(drawn):
        limits.setdefault(pool, limit)
        room = limits[pool]
        lanes.append(lane(number, ready, pool=pool, limit=room, running=running if room is None else 0))

    shares = share(lanes, slots, 0)

    assert sum(shares.quotas.values()) <= max(slots, 0)
    for pool, limit in limits.items():
        given_here = sum(shares.quotas.get(one.id, 0) for one in lanes if one.pool == pool)
        assert limit is None or given_here <= limit
    assert all(shares.quotas.get(one.id, 0) <= one.ready for one in lanes)
    wanted = sum(one.ready for one in lanes if one.concurrency_limit is None)
    assert sum(shares.quotas.values()) >= min(slots, wanted)
