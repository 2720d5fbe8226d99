"""The bytes: whole or refused, signed or refused, and nothing unpickled before that is known."""

import pickle
import random

import pytest

from perdure.resumable import BadSnapshot, capture, describe, restore
from tests.resumable.kit.project import Project, result, waiting

SOURCE = """
    from perdure.resumable import suspend

    unpickled = []

    def note(value):
        unpickled.append(value)
        return Noted(value)

    class Noted:
        def __init__(self, value):
            self.value = value

        def __reduce__(self):
            return note, (self.value,)

    async def main():
        noted = Noted(7)
        return await suspend("ask"), noted.value
"""


@pytest.fixture
def module(project: Project):
    return project.module(SOURCE)


def test_truncated_bytes_are_refused_at_every_length(module) -> None:
    data = capture(waiting(module.main()))

    for length in range(len(data)):
        with pytest.raises(BadSnapshot):
            restore(data[:length], value=1)
    assert module.unpickled == []


def test_a_changed_byte_is_noticed_wherever_it_is(module) -> None:
    data = capture(waiting(module.main()))

    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1 << place % 8
        with pytest.raises(BadSnapshot):
            restore(bytes(changed), value=1)
    assert module.unpickled == []


@pytest.mark.parametrize(
    "data",
    [b"", b"\0", b"hello", b"x" * 500, pickle.dumps([1, 2, 3]), random.Random(1).randbytes(300)],
    ids=["empty", "zero", "text", "x", "pickle", "noise"],
)
def test_foreign_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(BadSnapshot):
        restore(data, value=1)
    with pytest.raises(BadSnapshot):
        describe(data)


def test_bytes_after_the_end_are_refused(module) -> None:
    data = capture(waiting(module.main()))

    with pytest.raises(BadSnapshot):
        restore(data + b"more", value=1)


def test_a_signed_snapshot_is_restored_with_its_key(module) -> None:
    data = capture(waiting(module.main()), key=b"secret")

    assert result(restore(data, value=1, key=b"secret")) == (1, 7)
    assert module.unpickled == [7]


@pytest.mark.parametrize("key", [b"other", b"", None], ids=["wrong", "empty", "none"])
def test_a_signed_snapshot_is_refused_without_its_key_before_anything_is_unpickled(module, key) -> None:
    data = capture(waiting(module.main()), key=b"secret")

    with pytest.raises(BadSnapshot):
        restore(data, value=1, key=key)
    with pytest.raises(BadSnapshot):
        describe(data, key=key)

    assert module.unpickled == []


def test_an_unsigned_snapshot_is_refused_where_a_key_is_asked_for(module) -> None:
    data = capture(waiting(module.main()))

    with pytest.raises(BadSnapshot):
        restore(data, value=1, key=b"secret")

    assert module.unpickled == []


def test_a_signed_snapshot_with_a_changed_byte_is_refused(module) -> None:
    data = capture(waiting(module.main()), key=b"secret")

    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 255
        with pytest.raises(BadSnapshot):
            restore(bytes(changed), value=1, key=b"secret")
    assert module.unpickled == []


def test_errors_say_what_to_do_next(module) -> None:
    data = capture(waiting(module.main()), key=b"secret")

    with pytest.raises(BadSnapshot, match="key"):
        restore(data, value=1)
    with pytest.raises(BadSnapshot, match=r"(?i)sign"):
        restore(data, value=1, key=b"other")


def test_large_contents_are_compressed(project: Project) -> None:
    module = project.module("""
        from perdure.resumable import suspend

        async def main(lines):
            await suspend("ask")
            return lines
    """)
    lines = [f"line {number} of a long text" for number in range(400)]

    data = capture(waiting(module.main(lines)), key=b"key")

    assert len(data) < len("".join(lines)) / 2
    assert result(restore(data, value=1, key=b"key")) == lines
    with pytest.raises(BadSnapshot):
        restore(data[:-1] + b"x", value=1, key=b"key")


def test_the_same_state_gives_bytes_of_the_same_behaviour(module) -> None:
    coroutine = waiting(module.main())
    first, second = capture(coroutine), capture(coroutine)

    assert result(restore(first, value=1)) == result(restore(second, value=1)) == (1, 7)
    with pytest.raises(StopIteration) as stopped:
        coroutine.send(1)
    assert stopped.value.value == (1, 7)


def test_a_snapshot_of_a_snapshot(module) -> None:
    data = capture(waiting(module.main()))

    for _ in range(5):
        data = capture(waiting(restore(data)))

    assert result(restore(data, value=2)) == (2, 7)


def test_a_coroutine_that_has_not_started_starts_where_it_is_restored(module) -> None:
    coroutine = module.main()
    data = capture(coroutine)
    coroutine.close()

    restored = restore(data)

    assert restored.send(None) == "ask"
    assert result(restore(capture(restored), value=1)) == (1, 7)


def test_without_an_answer_the_wait_asks_again(module) -> None:
    coroutine = restore(capture(waiting(module.main())))

    assert coroutine.send(None) == "ask"
    with pytest.raises(StopIteration) as stopped:
        coroutine.send(3)
    assert stopped.value.value == (3, 7)


def test_a_restored_coroutine_that_never_ran_closes_quietly(module, recwarn) -> None:
    coroutine = restore(capture(waiting(module.main())), value=1)

    coroutine.close()

    assert not recwarn.list
