import pytest

from perdure.worker.options import WarmLimits
from perdure.worker.warm import SETTLE_SECONDS, WarmPool

LIMITS = WarmLimits(per_task=2, total=4, idle_seconds=60)


@pytest.fixture
def pool() -> WarmPool[str, str]:
    return WarmPool(LIMITS, slots=3)


def test_an_executor_is_found_again_by_its_task_only(pool):
    pool.give("a", "one", now=0)

    assert pool.take("b") is None
    assert pool.take("a") == "one"
    assert pool.take("a") is None


def test_the_one_used_last_is_taken_first(pool):
    pool.give("a", "one", now=0)
    pool.give("a", "two", now=1)

    assert pool.take("a") == "two"


def test_between_two_runs_of_a_burst_nobody_is_idle(pool):
    for number in range(4):
        assert pool.give("a", f"a{number}", now=10) == []

    assert pool.expire(10 + SETTLE_SECONDS / 2) == []
    assert len(pool) == 4


def test_too_many_of_one_task_lose_those_idle_for_longest(pool):
    for number in range(4):
        pool.give("a", f"a{number}", now=number / 10)

    assert pool.expire(10) == ["a0", "a1"]
    assert pool.take("a") == "a3"


def test_too_many_in_all_lose_those_idle_for_longest():
    pool = WarmPool(LIMITS, slots=6)
    for number in range(6):
        pool.give(f"task{number // 2}", f"e{number}", now=number)

    assert pool.expire(20) == ["e0", "e1"]
    assert len(pool) == 4


def test_there_are_never_more_than_could_be_busy(pool):
    for number in range(4):
        pool.give(f"task{number}", f"e{number}", now=0)

    assert pool.give("task4", "e4", now=0) == ["e0"]


def test_an_executor_idle_for_too_long_goes(pool):
    pool.give("a", "one", now=0)
    pool.give("b", "two", now=30)

    assert pool.expire(59.9) == []
    assert pool.expire(60) == ["one"]
    assert pool.expire(90) == ["two"]
    assert len(pool) == 0


def test_an_executor_that_died_is_forgotten(pool):
    pool.give("a", "one", now=0)

    pool.remove("one")
    pool.remove("one")

    assert pool.take("a") is None
