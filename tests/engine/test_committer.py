"""Many callers, one commit."""

import asyncio
from collections.abc import Sequence

import pytest

from perdure.core.errors import BadOption, PerdureError
from perdure.core.storage_errors import DatabaseUnavailable
from perdure.engine.committer import Committer


class Work:
    """Doubles numbers, and keeps what it was asked together."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.began = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, numbers: Sequence[int]) -> list[int | PerdureError]:
        self.groups.append(list(numbers))
        self.began.set()
        await self.gate.wait()
        if 13 in numbers:
            raise ValueError("13 breaks the transaction")
        if 99 in numbers:
            raise DatabaseUnavailable(database="it", reason="gone")
        return [BadOption(option="n", value=n, expected="more") if n < 0 else 2 * n for n in numbers]


async def test_alone_nobody_waits_for_company():
    work = Work()

    assert await Committer(work).submit(2) == 4
    assert work.groups == [[2]]


async def test_what_arrives_during_a_commit_goes_into_the_next_together():
    work = Work()
    work.gate.clear()
    committer = Committer(work)
    first = asyncio.create_task(committer.submit(1))
    await work.began.wait()
    others = [asyncio.create_task(committer.submit(n)) for n in (2, 3, 4)]
    await asyncio.sleep(0)
    work.gate.set()

    assert await asyncio.gather(first, *others) == [2, 4, 6, 8]
    assert work.groups == [[1], [2, 3, 4]]


async def test_a_group_has_a_limit():
    work = Work()
    committer = Committer(work, limit=2)

    assert await asyncio.gather(*(committer.submit(n) for n in range(5))) == [0, 2, 4, 6, 8]
    assert work.groups == [[0, 1], [2, 3], [4]]


async def test_an_answer_that_is_an_error_is_raised_for_its_caller_only():
    committer = Committer(Work())

    answers = await asyncio.gather(*map(committer.submit, [1, -1, 2]), return_exceptions=True)

    assert [answers[0], answers[2]] == [2, 4]
    assert isinstance(answers[1], BadOption)


async def test_one_that_breaks_the_transaction_fails_alone():
    committer = Committer(Work())

    answers = await asyncio.gather(*map(committer.submit, [1, 13, 2]), return_exceptions=True)

    assert [answers[0], answers[2]] == [2, 4]
    assert isinstance(answers[1], ValueError)


async def test_a_database_that_is_gone_is_told_to_all_and_not_asked_again():
    work = Work()
    committer = Committer(work)

    answers = await asyncio.gather(*map(committer.submit, [1, 99]), return_exceptions=True)

    assert [type(answer) for answer in answers] == [DatabaseUnavailable] * 2
    assert work.groups == [[1, 99]]


async def test_a_caller_that_gave_up_does_not_hold_up_the_others():
    work = Work()
    work.gate.clear()
    committer = Committer(work)
    gone = asyncio.create_task(committer.submit(1))
    await work.began.wait()
    stays = asyncio.create_task(committer.submit(2))
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    work.gate.set()

    assert await stays == 4


async def test_what_was_done_for_a_caller_that_gave_up_is_told():
    work = Work()
    work.gate.clear()
    untold: list[int] = []

    committer = Committer(work, unheard=untold.append)
    gone = asyncio.create_task(committer.submit(1))
    await work.began.wait()
    stays = asyncio.create_task(committer.submit(2))
    gone.cancel()
    work.gate.set()

    assert await stays == 4
    assert untold == [2]
