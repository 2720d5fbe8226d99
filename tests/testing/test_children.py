"""Children in the harness are run, or stubbed, and recorded."""

import asyncio
from typing import Any

import pytest

from perdure import (
    AbortRun,
    BadOption,
    PayloadInvalid,
    Retry,
    RunFailed,
    checkpoint,
    ctx,
    gather,
    metadata,
    race,
    task,
    wait,
)
from perdure.core.lifecycle import Status
from perdure.testing import Harness, RunStuck

ONCE = Retry(max_attempts=1)


@task(id="testing-double", retry=ONCE)
async def double(number: int) -> int:
    if number < 0:
        raise ValueError("below zero")
    return number * 2


@task(id="testing-lazy", retry=ONCE)
async def lazy(days: int) -> int:
    await wait.for_(days=days)
    return days


@task(id="testing-parent", retry=ONCE)
async def parent(numbers: list[int]) -> int:
    return sum([await double.trigger_and_wait(number) for number in numbers])


@task(id="testing-both", retry=ONCE)
async def both() -> tuple[int, int]:
    one, two = await gather(lazy.trigger_and_wait(3), lazy.options(tags=["b"]).trigger_and_wait(5))
    return one, two


@task(id="testing-first", retry=ONCE)
async def first() -> int:
    return await race(lazy.trigger_and_wait(3), lazy.trigger_and_wait(5))


@task(id="testing-forgets", retry=ONCE)
async def forgets() -> str:
    handle = await double.options(delay="1h", idempotency_key="k", tags=["later"]).trigger(2)
    again = await double.options(delay="1h", idempotency_key="k").trigger(3)
    return f"{handle.id == again.id} {again.is_cached}"


@task(id="testing-tries-again", retry=Retry(max_attempts=2))
async def tries_again() -> str:
    await checkpoint("begun")
    handle = await double.trigger(4)
    if ctx.attempt.number == 1:
        raise ValueError("again")
    return handle.id


@task(id="testing-fails-late", retry=Retry(max_attempts=2, randomize=False))
async def fails_late() -> list[int]:
    first = await double.trigger_and_wait(1)
    same = [await double.trigger_and_wait(2), await double.trigger_and_wait(2)]
    await wait.for_(hours=1)
    await checkpoint("late") if ctx.run.tags else None
    last = await double.trigger_and_wait(3)
    if ctx.attempt.number == 1:
        raise ValueError("again")
    return [first, *same, last]


@task(id="testing-races-again", retry=Retry(max_attempts=2, randomize=False))
async def races_again() -> list[Any]:
    won = await race(lazy.trigger_and_wait(1), lazy.trigger_and_wait(9))
    if ctx.attempt.number == 1:
        raise ValueError("again")
    return [won]


@task(id="testing-tells-parent", retry=ONCE)
async def tells_parent() -> None:
    metadata.parent.increment("children")


@task(id="testing-is-told", retry=ONCE)
async def is_told() -> None:
    await gather(tells_parent.trigger_and_wait(), tells_parent.trigger_and_wait())


@task(id="testing-asks-by-api", retry=ONCE)
async def asks_by_api() -> int:
    handle = await lazy.trigger(4)
    return await handle.result()


def test_children_are_run_and_recorded(perdure: Harness):
    run = perdure.run(parent, [1, 2])

    assert run.output == 6
    assert [(child.task, child.payload, child.output) for child in run.children] == [
        ("testing-double", {"number": 1}, 2),
        ("testing-double", {"number": 2}, 4),
    ]
    assert [one.kind for one in run.waits] == ["run", "run"]


def test_the_error_of_a_child_is_raised_in_the_parent(perdure: Harness):
    run = perdure.run(parent, [-1])

    assert isinstance(run.error, RunFailed)
    with pytest.raises(RunFailed, match="testing-double ended as FAILED: ValueError: below zero"):
        _ = run.output


def test_time_passes_for_children_too(perdure: Harness):
    begun = perdure.now

    run = perdure.run(both)

    assert run.output == (3, 5)
    assert (perdure.now - begun).days == 5
    assert [child.options.tags for child in run.children] == [None, ["b"]]


def test_the_losers_of_a_race_are_canceled(perdure: Harness):
    run = perdure.run(first)

    assert run.output == 3
    assert [child.status for child in run.children] == [Status.COMPLETED, Status.CANCELED]


def test_what_is_triggered_without_waiting_is_recorded_with_its_options(perdure: Harness):
    run = perdure.run(forgets)

    assert run.output == "True True"
    (child,) = run.children
    assert (child.status, child.options.delay, child.tags) == (Status.DELAYED, "1h", ["later"])
    assert child.finish()
    assert child.output == 4


def test_a_retry_finds_the_child_that_it_triggered_before(perdure: Harness):
    run = perdure.run(tries_again)

    assert [child.id for child in run.children] == [run.output]


@pytest.mark.parametrize("tags", [[], ["checkpoint"]], ids=["from the top", "from a checkpoint"])
def test_a_retry_finds_the_children_from_after_the_waits(perdure: Harness, tags: list[str]):
    run = perdure.run(fails_late.options(tags=tags))

    assert run.output == [2, 4, 4, 6]
    assert [child.payload for child in run.children] == [{"number": n} for n in (1, 2, 2, 3)]


def test_the_loser_of_a_race_takes_part_in_a_retry_again(perdure: Harness):
    run = perdure.run(races_again)

    assert run.output == [1]
    assert [child.status for child in run.children] == [Status.COMPLETED, Status.CANCELED, Status.CANCELED]


def test_a_child_changes_the_metadata_of_its_parent(perdure: Harness):
    assert perdure.run(is_told).metadata == {"children": 2}


def test_a_task_may_ask_the_api_for_the_result(perdure: Harness):
    assert perdure.run(asks_by_api).output == 4


def test_canceling_a_parent_cancels_its_children(perdure: Harness):
    run = perdure.start(both)

    perdure.cancel(run)

    assert [child.status for child in run.children] == [Status.CANCELED, Status.CANCELED]


def test_a_stub_returns_what_the_test_says(perdure: Harness):
    stub = perdure.stub(double, returns=10)

    run = perdure.run(parent, [1, -5])

    assert run.output == 20
    assert stub.payloads == [{"number": 1}, {"number": -5}]
    assert [child.status for child in run.children] == [Status.COMPLETED, Status.COMPLETED]


def test_a_stub_may_raise(perdure: Harness):
    perdure.stub(double, raises=ConnectionError("no bank"))

    run = perdure.run(parent, [1])

    with pytest.raises(RunFailed, match="ConnectionError: no bank"):
        _ = run.output
    assert [len(child.attempts) for child in run.children] == [1]


async def _slowly(number: int) -> int:
    await asyncio.sleep(0)
    return number + 1


@pytest.mark.parametrize("function", [lambda number: number + 1, _slowly], ids=["blocking", "async"])
def test_a_stub_may_be_a_function(perdure: Harness, function: Any):
    perdure.stub(double, function)

    assert perdure.run(parent, [1, 2]).output == 5


def test_a_stub_is_held_to_the_annotations(perdure: Harness):
    perdure.stub(double, returns={1, 2, object()})

    run = perdure.run(double, 1)

    assert run.failure is not None
    assert run.failure.code == "TASK_OUTPUT_ERROR"
    with pytest.raises(PayloadInvalid):
        perdure.run(double, "one")  # type: ignore[arg-type]


def test_one_thing_at_most_is_said_of_a_stub(perdure: Harness):
    with pytest.raises(BadOption, match="one of a function, returns= and raises="):
        perdure.stub(double, returns=1, raises=AbortRun)


def test_a_task_that_is_not_imported_can_be_stubbed_by_its_id(perdure: Harness):
    stub = perdure.stub("elsewhere", returns="there")

    @task(id="testing-calls-elsewhere", retry=ONCE)
    async def calls_elsewhere() -> Any:
        return await _elsewhere().trigger_and_wait({"a": 1})

    assert perdure.run(calls_elsewhere).output == "there"
    assert stub.payloads == [{"a": 1}]


def test_a_task_that_is_not_imported_is_named(perdure: Harness):
    @task(id="testing-calls-nothing", retry=ONCE)
    async def calls_nothing() -> Any:
        return await _elsewhere().trigger_and_wait(None)

    with pytest.raises(RunStuck, match=r"no task 'elsewhere' is imported here: .*perdure\.stub\('elsewhere'"):
        perdure.run(calls_nothing)


def _elsewhere() -> Any:
    """Return a task whose code is in another project, as far as triggering it goes."""
    from perdure.testing.stubs import unknown_task

    return unknown_task("elsewhere")
