"""At every wait a run crosses through bytes, and that changes nothing but what can't be stored."""

import asyncio
import threading
import warnings
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perdure import CheckpointRefused, Retry, checkpoint, ctx, gather, race, task, wait
from perdure.testing import Harness, NotResumableWarning, RunStuck, WaitsInMemory

ONCE = Retry(max_attempts=1)
SEEN: list[Any] = []


class Basket:
    def __init__(self) -> None:
        self.items: list[str] = []

    async def add(self, item: str) -> None:
        await wait.for_(minutes=1)
        self.items.append(item)


async def helper(basket: Basket) -> Basket:
    await basket.add("a")
    return basket


@task(id="testing-crosses", retry=ONCE)
async def crosses() -> bool:
    basket = Basket()
    SEEN.append(basket)
    await helper(basket)
    return basket is SEEN[-1]


@task(id="testing-locks", retry=ONCE)
async def locks() -> str:
    lock = threading.Lock()
    await wait.for_(hours=1)
    return f"locked: {lock.locked()}"


@task(id="testing-asyncio-gather", retry=ONCE)
async def asyncio_gather() -> list[None]:
    return await asyncio.gather(wait.for_(hours=1), wait.for_(hours=2))


@task(id="testing-bad-checkpoint", retry=ONCE)
async def bad_checkpoint() -> None:
    lock = threading.Lock()
    await checkpoint("here")
    lock.release()


def test_a_run_goes_on_from_bytes(perdure: Harness):
    run = perdure.run(crosses)

    assert run.output is False
    assert [one.is_parked for one in run.waits] == [True]


@pytest.mark.perdure(cross=False)
def test_a_run_that_does_not_cross_keeps_its_locals(perdure: Harness):
    run = perdure.run(crosses)

    assert run.output is True
    assert [one.is_parked for one in run.waits] == [False]


def test_a_run_that_cant_be_stored_waits_in_memory_and_the_test_warns(perdure: Harness):
    with pytest.warns(NotResumableWarning, match="local 'lock' of .*locks can't be stored") as caught:
        run = perdure.run(locks)

    assert run.output == "locked: False"
    assert len(caught) == 1
    (waited,) = run.waits
    assert not waited.is_parked
    assert "local 'lock'" in (waited.reason or "")
    assert "waits in memory" in run.messages[0]


def test_strictly_that_is_an_error():
    with Harness(strict=True) as perdure, pytest.raises(WaitsInMemory, match="local 'lock'"):
        perdure.start(locks)


def test_the_gather_of_asyncio_works_in_memory(perdure: Harness):
    with pytest.warns(NotResumableWarning, match="asyncio_gather"):
        assert perdure.run(asyncio_gather).output == [None, None]


def test_a_checkpoint_that_cant_be_stored_is_refused(perdure: Harness):
    assert isinstance(perdure.run(bad_checkpoint).error, CheckpointRefused)


def test_a_harness_in_a_local_of_a_task_is_still_the_same(perdure: Harness):
    SEEN.clear()

    @task(id="testing-holds-harness", retry=Retry(max_attempts=2))
    async def holds() -> bool:
        mine = perdure
        await checkpoint("begun")
        if ctx.attempt.number == 1:
            raise ValueError("again")
        return mine is perdure

    assert perdure.run(holds).output is True


# Scripts of random tasks: what each step does.
Step = tuple[str, int]
SIMPLE = st.tuples(
    st.sampled_from(["wait", "child", "lazy child", "token", "checkpoint", "note"]), st.integers(0, 3)
)
FAILING = st.tuples(st.sampled_from(["fail", "fail child", "catch"]), st.integers(1, 3))
BRANCHING = st.tuples(st.sampled_from(["gather", "race", "loop"]), st.integers(2, 3))
SCRIPTS = st.lists(SIMPLE | FAILING | BRANCHING, min_size=1, max_size=6)


@task(id="testing-script-child", retry=Retry(max_attempts=2))
async def script_child(number: int, lazy: bool = False, fails: bool = False) -> int:
    if lazy:
        await wait.for_(hours=number)
    if fails and ctx.attempt.number <= number:
        raise ValueError(f"child {number}")
    return number


async def branch(number: int) -> int:
    await wait.for_(hours=number)
    return await script_child.trigger_and_wait(number, lazy=True)


async def simple(kind: str, number: int) -> Any:
    if kind == "wait":
        await wait.for_(hours=number)
    elif kind.endswith("child"):
        # A retry from before a child finds that child again by the number of the state it began at; states
        # are counted at waits, so a run that never is stored would find children that another would not.
        await checkpoint("before child")
        return await script_child.trigger_and_wait(number, "lazy" in kind, "fail" in kind)
    elif kind == "token":
        return await wait.for_token(await wait.create_token(timeout="1h", tags=[str(number)]))
    elif kind == "checkpoint":
        await checkpoint(f"at {number}", number)
    return number


async def branching(kind: str, number: int) -> Any:
    if kind == "gather":
        return await gather(*[branch(n) for n in range(number)])
    if kind == "race":
        return await race(*[branch(n) for n in range(1, number)])
    return [await simple("wait", each) for each in range(number)]


@task(id="testing-script", retry=Retry(max_attempts=3))
async def script(steps: list[Step]) -> list[Any]:
    done: list[Any] = []
    for place, (kind, number) in enumerate(steps):
        if kind in ("gather", "race", "loop"):
            done.append(await branching(kind, number))
        elif kind == "fail":
            await checkpoint(f"before {place}")
            if ctx.attempt.number < number:
                raise ValueError(f"step {place}, attempt {ctx.attempt.number}, after {done}")
        elif kind == "catch":
            try:
                done.append(await simple("fail child", number))
            except Exception as error:
                done.append(str(error).partition(" ended as ")[2])
        else:
            done.append((kind, await simple(kind, number)))
    return done


def told(steps: list[Step], *, cross: bool) -> list[Any]:
    """Run a script, answer its tokens, and return all that can be seen of it."""
    with Harness(cross=cross, strict=cross) as perdure:
        begun = perdure.now
        run = perdure.start(script, steps)
        for _ in range(100):
            try:
                run.finish()
                break
            except RunStuck:
                (token,) = perdure.tokens
                perdure.complete(token, {"answer": token.tags})
        outcome = run.output if run.status == "COMPLETED" else str(run.error).partition(" ended as ")
        children = [(child.payload, child.status, len(child.attempts)) for child in run.children]
        waits = [(one.kind, one.seconds) for one in run.waits]
        checkpoints = [(one.key, one.data, one.attempt) for one in run.checkpoints]
        assert all(one.is_parked is cross for one in run.waits)
        return [
            outcome if isinstance(outcome, list) else outcome[1:],
            perdure.now - begun,
            [attempt.status for attempt in run.attempts],
            sorted(map(repr, children)),
            sorted(waits),
            checkpoints,
        ]


@given(SCRIPTS)
@settings(max_examples=30, deadline=None)
def test_random_tasks_do_the_same_whether_they_cross_or_not(steps: list[Step]):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert told(steps, cross=True) == told(steps, cross=False)
