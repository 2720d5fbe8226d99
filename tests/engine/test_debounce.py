"""Triggers that come in bursts make one run."""

import asyncio

import pytest

from perdure.core.errors import BadOption
from perdure.core.lifecycle import Status
from perdure.engine.drafts import NewRun
from perdure.engine.enqueue import Triggered
from perdure.store.rows import Worker
from perdure.store.views import RunView
from perdure.testing.clock import FakeClock
from perdure.wire.runs import Debounce, TriggerOptions, TriggerRun
from tests.support.make import TASK, Make


def key(mode: str = "leading", *, name: str = "k", delay: str = "10s", max_delay: str | None = None):
    return Debounce.model_validate({"key": name, "delay": delay, "mode": mode, "max_delay": max_delay})


async def due(make: Make, run: str) -> int:
    """Return in how many seconds a run starts."""
    row = await make.row(run)
    assert (row.status, row.delayed_until) == (Status.DELAYED, row.due_at)
    return ((row.due_at or 0) - make.engine.resources.clock.now()) // 1000


async def seen(make: Make, run: str) -> RunView:
    return await make.engine.runs.get(make.environment, run)


async def begun(make: Make, worker: Worker) -> list[str]:
    await make.engine.timers.run_once()
    return [held.run_id for held in await make.claim(worker, slots=10)]


@pytest.fixture
async def worker(make: Make) -> Worker:
    return await make.worker()


async def test_a_burst_makes_one_run_after_the_last(make: Make, worker: Worker, clock: FakeClock):
    first = await make.trigger(payload=1, debounce=key())
    clock.forward("6s")
    again = await make.trigger(payload=2, debounce=key())

    assert (again, await due(make, first)) == (first, 10)
    clock.forward("9s")
    assert await begun(make, worker) == []
    clock.forward("1s")
    assert await begun(make, worker) == [first]
    assert (await seen(make, first)).packets["payload"].data == "1"


async def test_trailing_takes_what_the_last_says(make: Make, worker: Worker, clock: FakeClock):
    options = {"tags": ["a"], "metadata": {"m": 1}, "max_attempts": 2, "max_duration": 5, "machine": "micro"}
    run = await make.trigger(payload=1, debounce=key("trailing"), **options)
    last = {"tags": ["b"], "metadata": {"m": 2}, "max_attempts": 4, "max_duration": 9, "machine": "small-2x"}
    await make.trigger(payload=2, debounce=key("trailing"), **last)
    await make.trigger(payload=3, debounce=key("trailing"))

    view = await seen(make, run)
    assert (view.packets["payload"].data, view.packets["metadata"].data) == ("3", '{"m":2}')
    assert (list(view.tags), view.run.machine) == (["b"], "small-2x")
    assert (view.run.max_attempts, view.run.max_duration_ms) == (4, 9000)


async def test_max_delay_is_counted_from_the_first(make: Make, worker: Worker, clock: FakeClock):
    limited = key("trailing", max_delay="15s")
    run = await make.trigger(payload=0, debounce=limited)
    for number in (1, 2):
        clock.forward("6s")
        assert await make.trigger(payload=number, debounce=limited) == run

    assert await due(make, run) == 3
    clock.forward("3s")
    assert await begun(make, worker) == [run]
    assert (await seen(make, run)).packets["payload"].data == "2"


async def test_a_start_is_never_pulled_forward(make: Make, worker: Worker):
    run = await make.trigger(debounce=key(delay="1h"))

    assert await make.trigger(debounce=key(delay="1s")) == run
    assert await due(make, run) == 3600


async def test_a_run_that_has_begun_or_ended_frees_its_key(make: Make, worker: Worker, clock: FakeClock):
    first = await make.trigger(debounce=key())
    clock.forward("10s")
    await make.engine.timers.run_once()
    second = await make.trigger(debounce=key(max_delay="15s"))
    clock.forward("9s")
    assert await make.trigger(debounce=key(max_delay="15s")) == second
    assert await due(make, second) == 6  # counted from its own first trigger
    await make.engine.cancel.cancel(make.environment, second)
    third = await make.trigger(debounce=key())

    assert len({first, second, third}) == 3


async def test_keys_are_of_a_task_and_an_environment(make: Make):
    same = [await make.trigger(task, debounce=key()) for task in ("one", "two")]
    other = await Make.begin(make.engine)
    same.append(await other.trigger("one", debounce=key()))
    same.append(await make.trigger("one", debounce=key(name="l")))

    assert len(set(same)) == 4


async def test_several_of_a_key_in_one_commit_make_one_run(make: Make, worker: Worker):
    def new(number: int, mode: str) -> NewRun:
        options = TriggerOptions(debounce=key(mode, name=mode), tags=[f"t{number}"])
        return NewRun(
            environment=make.environment, task=TASK, command=TriggerRun(payload=number, options=options)
        )

    made = await make.engine.enqueue.trigger_many(
        [new(1, "leading"), new(2, "trailing"), new(3, "leading"), new(4, "trailing")]
    )

    ids = [one.id for one in made if isinstance(one, Triggered)]
    assert (ids[0], ids[1]) == (ids[2], ids[3])
    assert [one.is_cached for one in made if isinstance(one, Triggered)] == [False, False, True, True]
    leading, trailing = await seen(make, ids[0]), await seen(make, ids[1])
    assert (leading.packets["payload"].data, list(leading.tags)) == ("1", ["t1"])
    assert (trailing.packets["payload"].data, list(trailing.tags)) == ("4", ["t4"])


async def test_triggers_at_the_same_moment_make_one_run(make: Make, worker: Worker):
    def command(number: int) -> TriggerRun:
        return TriggerRun(payload=number, options=TriggerOptions(debounce=key("trailing")))

    new = [NewRun(environment=make.environment, task=TASK, command=command(n)) for n in range(16)]
    answers = await asyncio.gather(*(make.engine.enqueue.trigger_many([one]) for one in new))

    assert len({one.id for (one,) in answers if isinstance(one, Triggered)}) == 1


async def test_an_idempotency_key_comes_first_and_stands_for_the_debounced_run(
    make: Make, worker: Worker, clock: FakeClock
):
    first = await make.trigger(payload=1, debounce=key("trailing"))
    second = await make.trigger(payload=2, debounce=key("trailing"), idempotency_key="i")
    clock.forward("5s")
    third = await make.trigger(payload=3, debounce=key("trailing"), idempotency_key="i")

    assert first == second == third
    assert await due(make, first) == 5
    assert (await seen(make, first)).packets["payload"].data == "2"


async def test_old_keys_are_forgotten(make: Make, worker: Worker, clock: FakeClock):
    await make.trigger(debounce=key())
    clock.forward("2d")
    forget = make.engine.retention._forget_debounces

    assert (await forget(clock.now()), await forget(clock.now())) == (1, 0)


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (key(delay="500ms"), "Option debounce.delay can't be '500ms'; it takes a second or more"),
        (key(delay="soon"), "Option debounce.delay can't be 'soon'"),
        (key(max_delay="10s"), "Option debounce.max_delay can't be '10s'; it takes more than the delay, 10s"),
        (key(max_delay="x"), "Option debounce.max_delay can't be 'x'"),
        (key(name="\0"), "Option debounce.key can't be"),
    ],
)
async def test_what_can_not_be_is_named(make: Make, wanted: Debounce, told: str):
    with pytest.raises(BadOption, match=told):
        await make.trigger(debounce=wanted)
