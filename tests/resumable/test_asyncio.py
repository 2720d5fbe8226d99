"""Under asyncio: `suspend` beside ordinary awaits, in an ordinary task."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from perdure.resumable import NotResumable, Raise, capture, host, pending, restore
from tests.resumable.kit.project import Project

SOURCE = """
    import asyncio, threading
    from perdure.resumable import gather, race, suspend

    async def mixed(gate):
        await asyncio.sleep(0)
        first = await suspend("first")
        async with asyncio.timeout(60):
            await asyncio.sleep(0)
        second = await suspend("second")
        return first, second, await asyncio.wait_for(asyncio.sleep(0, "slept"), 60)

    async def at_a_gate(gate):
        lock = await suspend("before")
        await gate.wait()
        return lock

    async def branch(name, *requests):
        got = []
        for request in requests:
            got.append(await suspend((name, request)))
        return name, got

    async def tree():
        return await gather(branch("a", 1, 2), gather(branch("b", 3), branch("c", 4)))

    async def half():
        return await gather(branch("a", 1), gates[0].wait())

    async def first_of():
        return await race(stubborn("slow"), branch("fast", 1))

    async def stubborn(name):
        try:
            return await suspend((name, 0))
        finally:
            cleaned.append(name)

    async def together():
        return await gather(stubborn("x"), branch("y", 1))

    async def with_a_timeout():
        async with asyncio.timeout(60):
            await suspend("inside")

    async def forgiving():
        try:
            return await suspend("ask")
        except ValueError as error:
            return "handled", error.args, await suspend("again")

    cleaned, gates = [], []
"""


class Desk:
    """A host: it keeps a future for each request, until somebody answers."""

    def __init__(self) -> None:
        self.waits: list[tuple[Any, asyncio.Future[Any]]] = []

    def wait(self, request: object) -> asyncio.Future[Any]:
        future = asyncio.get_running_loop().create_future()
        self.waits.append((request, future))
        return future

    def requests(self) -> list[Any]:
        return [request for request, future in self.waits if not future.done()]

    def answer(self, request: Any, value: Any = None, error: Exception | None = None) -> None:
        future = next(future for asked, future in self.waits if asked == request and not future.done())
        if error is None:
            future.set_result(value)
        else:
            future.set_exception(error)

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        token = host.set(self)
        try:
            return asyncio.create_task(coroutine)
        finally:
            host.reset(token)

    async def until(self, *requests: Any) -> None:
        """Let the loop turn until exactly these are asked for."""
        for _ in range(100):
            if sorted(self.requests()) == sorted(requests):
                await asyncio.sleep(0)
                return
            await asyncio.sleep(0)
        raise AssertionError(f"asked for {self.requests()}, not {requests}")


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def module(project: Project):
    return project.module(SOURCE)


async def test_ordinary_awaits_work_beside_suspends(module, desk: Desk) -> None:
    task = desk.run(module.mixed(None))
    await desk.until("first")
    desk.answer("first", 1)
    await desk.until("second")
    desk.answer("second", 2)

    assert await task == (1, 2, "slept")


async def test_a_task_sleeps_at_each_suspend_and_goes_on_as_another_task(module, desk: Desk) -> None:
    task = desk.run(module.mixed(None))
    await desk.until("first")
    data = capture(task)
    task.cancel()

    task = desk.run(restore(data, value="a"))
    await desk.until("second")
    again = desk.run(restore(capture(task), value="b"))
    task.cancel()

    assert await again == ("a", "b", "slept")


async def test_a_restored_task_asks_its_host_again(module, desk: Desk) -> None:
    task = desk.run(module.mixed(None))
    await desk.until("first")
    data = capture(task)
    task.cancel()
    other = Desk()

    task = other.run(restore(data))
    await other.until("first")
    other.answer("first", 1)
    await other.until("second")
    other.answer("second", 2)

    assert await task == (1, 2, "slept")


async def test_pending_tells_what_is_asked_for(module, desk: Desk) -> None:
    task = desk.run(module.mixed(None))
    await desk.until("first")

    now = pending(task)

    assert now.requests == {(): "first"}
    assert now.requests[()] is desk.waits[0][0]
    assert now.quiescent
    task.cancel()


async def test_a_task_at_an_ordinary_await_is_not_captured(module, desk: Desk) -> None:
    gate = asyncio.Event()
    task = desk.run(module.at_a_gate(gate))
    await desk.until("before")
    desk.answer("before", 1)
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    assert not pending(task).quiescent
    with pytest.raises(NotResumable) as refused:
        capture(task)
    assert refused.value.line
    assert "wait" in f"{refused.value.function} {refused.value.reason}"

    gate.set()
    assert await task == 1


async def test_an_open_timeout_is_refused_by_name(module, desk: Desk) -> None:
    task = desk.run(module.with_a_timeout())
    await desk.until("inside")

    with pytest.raises(NotResumable) as refused:
        capture(task)

    assert refused.value.function.endswith(".with_a_timeout")
    desk.answer("inside")
    await task


async def test_an_error_from_the_host_is_raised_at_the_wait(module, desk: Desk) -> None:
    task = desk.run(module.forgiving())
    await desk.until("ask")
    desk.answer("ask", error=ValueError(3))
    await desk.until("again")
    desk.answer("again", 4)

    assert await task == ("handled", (3,), 4)


async def test_a_tree_of_branches_sleeps_and_wakes(module, desk: Desk) -> None:
    task = desk.run(module.tree())
    await desk.until(("a", 1), ("b", 3), ("c", 4))
    desk.answer(("b", 3), "B")
    await desk.until(("a", 1), ("c", 4))
    assert pending(task).requests == {(0,): ("a", 1), (1, 1): ("c", 4)}
    data = capture(task)
    task.cancel()

    other = Desk()
    task = other.run(restore(data, answers={(0,): "A"}))
    await other.until(("c", 4), ("a", 2))
    other.answer(("a", 2), "AA")
    other.answer(("c", 4), "C")

    assert await task == [("a", ["A", "AA"]), [("b", ["B"]), ("c", ["C"])]]


async def test_a_tree_with_a_branch_at_an_ordinary_await_is_not_quiescent(module, desk: Desk) -> None:
    gate = asyncio.Event()
    module.gates.append(gate)
    task = desk.run(module.half())
    await desk.until(("a", 1))

    now = pending(task)

    assert now.requests == {(0,): ("a", 1)}
    assert not now.quiescent
    with pytest.raises(NotResumable):
        capture(task)
    gate.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert pending(task).quiescent
    data = capture(task)
    desk.answer(("a", 1), "A")
    assert await task == [("a", ["A"]), True]
    assert await desk.run(restore(data, value="B")) == [("a", ["B"]), True]


async def test_a_race_cancels_its_losers_awake_and_restored(module, desk: Desk) -> None:
    task = desk.run(module.first_of())
    await desk.until(("slow", 0), ("fast", 1))
    data = capture(task)
    desk.answer(("fast", 1), "won")
    assert await task == ("fast", ["won"])
    assert module.cleaned == ["slow"]

    assert await desk.run(restore(data, answers={(1,): "again"})) == ("fast", ["again"])
    assert module.cleaned == ["slow", "slow"]


async def test_the_first_error_of_a_gather_cancels_the_others(module, desk: Desk) -> None:
    task = desk.run(module.together())
    await desk.until(("x", 0), ("y", 1))
    data = capture(task)
    desk.answer(("y", 1), error=KeyError("bad"))
    with pytest.raises(KeyError, match="bad"):
        await task
    assert module.cleaned == ["x"]

    with pytest.raises(OSError, match="worse"):
        await desk.run(restore(data, answers={(1,): Raise(OSError("worse"))}))
    assert module.cleaned == ["x", "x"]


async def test_cancelling_the_task_cancels_every_branch(module, desk: Desk) -> None:
    task = desk.run(module.together())
    await desk.until(("x", 0), ("y", 1))

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert module.cleaned == ["x"]
    assert desk.requests() == []


async def test_many_answers_in_one_turn(module, desk: Desk) -> None:
    task = desk.run(module.tree())
    await desk.until(("a", 1), ("b", 3), ("c", 4))
    for request in [("a", 1), ("b", 3), ("c", 4)]:
        desk.answer(request, request[1])
    await desk.until(("a", 2))
    desk.answer(("a", 2), 2)

    assert await task == [("a", [1, 2]), [("b", [3]), ("c", [4])]]


async def test_each_task_has_its_own_host(module) -> None:
    one, two = Desk(), Desk()
    first, second = one.run(module.forgiving()), two.run(module.forgiving())
    await one.until("ask")
    await two.until("ask")
    one.answer("ask", 1)
    two.answer("ask", 2)

    assert await asyncio.gather(first, second) == [1, 2]
