"""`gather` and `race` driven by hand: answers by path, several at once, any order."""

import asyncio
import itertools

import pytest

from perdure.resumable import Raise, capture, gather, pending, race, restore, suspend
from tests.resumable.kit.project import Project, waiting

SOURCE = """
    from perdure.resumable import gather, race, suspend

    async def ask(name):
        return name, await suspend(name)

    async def three():
        return await gather(ask("a"), ask("b"), ask("c"))

    async def nested():
        return await gather(ask("a"), race(ask("b"), ask("c")), gather(ask("d"), ask("e")))

    async def collected():
        return await gather(ask("a"), ask("b"), return_exceptions=True)

    async def shared():
        seen = []
        async def add(name):
            seen.append(await suspend(name))
        await gather(add("a"), add("b"))
        return seen
"""


@pytest.fixture
def module(project: Project):
    return project.module(SOURCE)


def ends(coroutine, message):
    with pytest.raises(StopIteration) as stopped:
        coroutine.send(message)
    return stopped.value.value


def test_send_shows_all_requests_by_path(module) -> None:
    coroutine = module.nested()

    shown = coroutine.send(None)

    expected = {(0,): "a", (1, 0): "b", (1, 1): "c", (2, 0): "d", (2, 1): "e"}
    assert shown.requests == expected
    assert pending(coroutine).requests == expected
    assert pending(coroutine).quiescent
    coroutine.close()


def test_send_none_answers_nothing(module) -> None:
    coroutine = waiting(module.three())

    assert coroutine.send(None).requests == {(0,): "a", (1,): "b", (2,): "c"}
    coroutine.close()


def test_branches_are_answered_in_any_order_and_several_at_once(module) -> None:
    coroutine = waiting(module.three())

    assert coroutine.send({(1,): 2}).requests == {(0,): "a", (2,): "c"}
    assert ends(coroutine, {(2,): 3, (0,): 1}) == [("a", 1), ("b", 2), ("c", 3)]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_branches_sleep_between_any_answers(module, order: tuple[int, ...]) -> None:
    data = capture(waiting(module.three()))
    for number in order[:-1]:
        coroutine = restore(data, answers={(number,): number})
        data = capture(waiting(coroutine))

    assert ends(restore(data, value=order[-1]), None) == [("a", 0), ("b", 1), ("c", 2)]


def test_all_answers_at_restore(module) -> None:
    data = capture(waiting(module.nested()))

    restored = restore(data, answers={(0,): 1, (1, 1): 2, (2, 0): 3, (2, 1): 4})

    assert ends(restored, None) == [("a", 1), ("c", 2), [("d", 3), ("e", 4)]]


def test_what_is_not_answered_asks_again(module) -> None:
    restored = restore(capture(waiting(module.three())), answers={(0,): 1})

    assert restored.send(None).requests == {(1,): "b", (2,): "c"}
    assert ends(restored, {(1,): 2, (2,): 3}) == [("a", 1), ("b", 2), ("c", 3)]


def test_a_single_answer_for_several_requests_is_an_error(module) -> None:
    data = capture(waiting(module.three()))

    with pytest.raises(ValueError, match="answers"):
        restore(data, value=1)
    with pytest.raises(ValueError, match="answers"):
        restore(data, error=KeyError())


def test_an_answer_for_a_path_that_is_not_there_is_an_error(module) -> None:
    data = capture(waiting(module.three()))

    with pytest.raises((KeyError, ValueError)):
        restore(data, answers={(7,): 1})


def test_raise_raises_at_its_branch(module) -> None:
    data = capture(waiting(module.three()))

    with pytest.raises(KeyError, match="bad"):
        restore(data, answers={(1,): Raise(KeyError("bad"))}).send(None)
    with pytest.raises(KeyError, match="bad"):
        waiting(module.three()).send({(1,): Raise(KeyError("bad"))})


def test_errors_are_kept_as_results_across_a_sleep(module) -> None:
    coroutine = waiting(module.collected())
    coroutine.send({(0,): Raise(KeyError("kept"))})

    result, other = ends(restore(capture(coroutine), value=2), None)

    assert isinstance(result, KeyError)
    assert other == ("b", 2)


def test_objects_shared_by_branches_stay_one(module) -> None:
    coroutine = restore(capture(waiting(module.shared())), answers={(1,): 1})
    coroutine.send(None)

    assert ends(restore(capture(coroutine), value=2), None) == [1, 2]


def test_a_gather_at_the_root() -> None:
    async def root():
        return await gather(leaf(1), leaf(2))

    async def leaf(x):
        return await suspend(x)

    assert ends(waiting(root()), {(0,): "a", (1,): "b"}) == ["a", "b"]


def test_a_cancelled_branch_that_refuses_to_end_is_waited_for() -> None:
    async def root():
        return await race(stubborn(), leaf())

    async def leaf():
        return await suspend("leaf")

    async def stubborn():
        try:
            await suspend("one")
        except asyncio.CancelledError:
            await suspend("cleaning")
            raise

    coroutine = waiting(root())

    assert coroutine.send({(1,): "won"}).requests == {(0,): "cleaning"}
    assert ends(coroutine, {(0,): None}) == "won"
