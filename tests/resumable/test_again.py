"""What was restored and captured again before it went on is what it was."""

from types import ModuleType
from typing import Any

import pytest

from perdure.resumable import Raise, capture, describe, restore
from tests.resumable.kit.project import Project, result, waiting

SOURCE = """
    from perdure.resumable import gather, suspend

    def some(items, stop):
        for _, item in zip(range(stop), items):
            yield item

    def counting():
        got = []
        while len(got) < 3:
            got.append((yield len(got)))
        return got

    def outer(inner):
        yield "begin"
        try:
            returned = yield from inner
        except ValueError as error:
            returned = repr(error)
        yield returned

    def outermost():
        yield from outer(counting())

    async def stream(stop):
        for number in range(stop):
            yield number, await suspend(number)

    async def never_begun():
        items = some([1, 2, 3, 4], 3)
        await suspend("sleep")
        return [*items]

    async def begun():
        items = some([1, 2, 3, 4], 3)
        first = next(items)
        await suspend("sleep")
        return [first, *items]

    async def never_begun_and_closed_over():
        a, b = [1, 2], 10

        def closing(c):
            plus = lambda x: x + b + c
            for each in a:
                yield plus(each)

        items = closing(100)
        await suspend("sleep")
        a.append(3)
        b = 20
        return [*items]

    async def delegating():
        items = outermost()
        seen = [next(items), next(items), items.send("x")]
        await suspend("sleep")
        return [*seen, items.send("y"), items.send("z"), *items]

    async def delegating_to_a_list():
        items = outer([1, 2, 3])
        seen = [next(items), next(items)]
        await suspend("sleep")
        return [*seen, *items]

    async def delegating_to_one_that_is_held():
        inner = some(range(9), 6)
        items = outer(inner)
        seen = [next(items), next(items)]
        await suspend("sleep")
        return [*seen, next(inner), next(items), *inner, *items]

    async def thrown_into():
        items, deaf = outer(counting()), outer(iter([1, 2]))
        seen = [next(items), next(items), next(deaf), next(deaf)]
        await suspend("sleep")
        return [*seen, items.throw(ValueError("in")), deaf.throw(ValueError("on")), *items, *deaf]

    async def closed():
        items = outer(counting())
        next(items), next(items)
        await suspend("sleep")
        items.close()
        return [*items]

    async def stream_never_begun():
        items = stream(2)
        await suspend("sleep")
        return [each async for each in items]

    async def stream_begun():
        items = stream(3)
        first = await anext(items)
        await suspend("sleep")
        return [first, *[each async for each in items]]

    async def branches():
        async def branch(number):
            return number, await suspend(number)

        return await gather(branch(1), anext(stream(1)), suspend(3))

    async def guarded():
        try:
            return await suspend("ask")
        except KeyError as error:
            return await suspend(repr(error))

    async def nested():
        async def inner(x):
            return x, await suspend(x)

        x = [7]
        return await inner(x), x
"""

HELD = [
    "never_begun", "begun", "never_begun_and_closed_over",
    "delegating", "delegating_to_a_list", "delegating_to_one_that_is_held", "thrown_into", "closed",
    "stream_never_begun", "stream_begun", "nested",
]  # fmt: skip


@pytest.fixture
def module(project: Project) -> ModuleType:
    return project.module(SOURCE)


def again(data: bytes, **given: Any) -> bytes:
    """Restored, and captured again without a step."""
    coroutine = restore(data, **given)
    captured = capture(coroutine)
    coroutine.close()
    return captured


def asleep(data: bytes, times: int) -> bytes:
    """The same, so often."""
    for _ in range(times):
        data = again(data)
    return data


@pytest.mark.parametrize("times", [0, 1, 3])
@pytest.mark.parametrize("name", HELD)
def test_captured_again_without_a_step(module: ModuleType, name: str, times: int) -> None:
    answers = ["p", "q", "r", "s"]
    awake, coroutine = result(getattr(module, name)(), *answers), getattr(module, name)()
    waiting(coroutine)

    given, ended = iter(answers), []
    while not ended:
        coroutine = restore(asleep(capture(coroutine), times), value=next(given))
        try:
            coroutine.send(None)
        except StopIteration as end:
            ended.append(end.value)

    assert ended == [awake]


def test_what_is_described_stays_the_same(module: ModuleType) -> None:
    data = capture(waiting(module.nested()))

    assert describe(asleep(data, 2)) == describe(data)


def test_branches_that_have_not_gone_on(module: ModuleType) -> None:
    data = asleep(capture(waiting(module.branches())), 2)

    answers = {(0,): "a", (1,): "b", (2,): "c"}
    assert result(restore(data, answers=answers)) == [(1, "a"), (0, "b"), "c"]


def test_an_answer_that_was_given_is_kept(module: ModuleType) -> None:
    data = again(capture(waiting(module.nested())), value="given")

    assert result(restore(data)) == (([7], "given"), [7])


def test_an_error_that_was_given_is_kept(module: ModuleType) -> None:
    data = again(capture(waiting(module.nested())), error=KeyError("given"))

    with pytest.raises(KeyError, match="given"):
        restore(data).send(None)


def test_answers_given_to_branches_one_at_a_time_are_kept(module: ModuleType) -> None:
    data = capture(waiting(module.branches()))

    for path, answer in {(1,): "b", (0,): "a", (2,): Raise(KeyError("c"))}.items():
        data = again(data, answers={path: answer})

    with pytest.raises(KeyError, match="c"):
        restore(data).send(None)


def test_locals_changed_twice(module: ModuleType) -> None:
    data = again(capture(waiting(module.nested())), locals={(1, "x"): "inner"})

    assert result(restore(data, value=1)) == (("inner", 1), [7])


def given_at_restore(coroutine: Any, error: BaseException) -> Any:
    return restore(capture(coroutine), error=error).send(None)


WAYS = [given_at_restore, lambda coroutine, error: coroutine.throw(error)]
WAYS += [lambda coroutine, error: coroutine.send(Raise(error))]


@pytest.mark.parametrize("give", WAYS)
def test_an_error_is_raised_at_the_wait_however_it_is_given(module: ModuleType, give: Any) -> None:
    assert give(waiting(module.guarded()), KeyError("given")) == "KeyError('given')"
