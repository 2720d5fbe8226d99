"""A local that can't be stored and is never read again does not keep a coroutine from sleeping."""

from types import ModuleType

import pytest

from perdure.resumable import NotResumable, capture, describe, restore, weigh
from tests.resumable.kit.project import Project, result, waiting

HEAD = """
    import contextlib, threading
    from perdure.resumable import suspend

    class Held:
        def __init__(self, value=7):
            self.value = value
            self.lock = threading.Lock()

        def __enter__(self):
            return self

        def __exit__(self, *error):
            return True
"""

LET_GO = {
    "used before": """
        held = Held()
        seen = held.value
        await suspend("sleep")
        return seen
    """,
    "a parameter": """
        async def inner(held, value):
            value += held.value
            return await suspend(value)
        return await inner(Held(), 1)
    """,
    "made anew at each turn": """
        seen = []
        for number in range(3):
            held = Held(number)
            seen.append(held.value)
            await suspend("sleep")
        return seen
    """,
    "made anew after": """
        held = Held()
        value = held.value
        for number in range(2):
            await suspend("sleep")
            held = Held(number)
            value += held.value
        return value
    """,
    "of a block that has ended": """
        with Held() as held:
            value = held.value
        await suspend("sleep")
        return value
    """,
    "a match below": """
        held = Held()
        value = held.value
        await suspend("sleep")
        match value:
            case 7:
                return "seven"
    """,
    "read in another case": """
        held = Held()
        match held.value:
            case 7:
                await suspend("sleep")
            case _:
                print(held)
        return "seven"
    """,
    "read in the other branch": """
        held = Held()
        if held.value:
            await suspend("sleep")
        else:
            print(held)
        return 1
    """,
    "the target of a loop around": """
        seen = []
        for held in map(Held, [1, 2]):
            value = held.value
            await suspend(value)
            seen.append(value)
        return seen
    """,
}
REFUSED = {
    "read": "await suspend(1); return held.value",
    "read in a later branch": "await suspend(1)\nif 0: print(held)",
    "read in the next turn": "for number in range(2):\n    print(held)\n    await suspend(number)",
    "read before it is made anew": "for n in range(2):\n    held = Held(held.value)\n    await suspend(n)",
    "perhaps not made anew": (
        "for n in range(2):\n    if n: held = Held()\n    print(held)\n    await suspend(n)"
    ),
    "read in a test": "while held.value:\n    await suspend(1)\n    held = Held()",
    "read in the else of a loop": "for number in range(2):\n    await suspend(1)\nelse:\n    print(held)",
    "read in a handler": "try:\n    await suspend(1)\nexcept ValueError:\n    print(held)",
    "read in a finally": "try:\n    await suspend(1)\nfinally:\n    print(held)",
    "read by a handler around a loop": (
        "try:\n    for n in range(2):\n        held = Held()\n        await suspend(n)\n"
        "except ValueError: print(held)"
    ),
    "deleted": "await suspend(1)\ndel held",
    "changed in place": "await suspend(1)\nheld += 1",
    "closed over": "look = lambda: held\nawait suspend(1)",
    "seen by locals()": "await suspend(1)\nreturn sorted(locals())",
    "seen by eval()": "await suspend(1)\nreturn eval('held')",
    "held by what is read": "box = [held]\nawait suspend(1)\nreturn box",
    "a manager that is still to exit": "with held:\n    await suspend(1)",
    "an operand": "return [held, await suspend(1)]",
}


def indented(body: str) -> str:
    return "\n".join("        " + line for line in body.splitlines())


@pytest.mark.parametrize("body", LET_GO.values(), ids=LET_GO.keys())
def test_it_sleeps(project: Project, body: str) -> None:
    module = project.module(HEAD + f"\n    async def main():{body}")
    awake, asleep = result(module.main(), 1, 2, 3), module.main()
    waiting(asleep)
    ended = []

    while not ended:
        again = restore(capture(asleep), value=1)
        asleep = restore(capture(again))
        again.close()
        try:
            asleep.send(None)
        except StopIteration as end:
            ended.append(end.value)

    assert ended == [awake]


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
def test_it_is_refused(project: Project, body: str) -> None:
    module = project.module(HEAD + f"\n    async def main():\n        held = Held()\n{indented(body)}")

    with pytest.raises(NotResumable, match=r"cannot pickle '_thread\.lock' object"):
        capture(waiting(module.main()))


@pytest.fixture
def module(project: Project) -> ModuleType:
    return project.module(HEAD + f"\n    async def main():{LET_GO['used before']}")


def test_it_is_shown_as_let_go(module: ModuleType) -> None:
    (frame,) = describe(capture(waiting(module.main())))["frames"]

    assert frame["locals"] == {"held": "<let go: cannot pickle '_thread.lock' object>", "seen": "7"}


def test_the_coroutine_itself_keeps_it(module: ModuleType) -> None:
    coroutine = waiting(module.main())

    capture(coroutine)

    assert isinstance(coroutine.cr_frame.f_locals["held"], module.Held)


def test_it_has_a_weight(module: ModuleType) -> None:
    assert {local for _, local, _ in weigh(waiting(module.main()))} == {"held", "seen"}
