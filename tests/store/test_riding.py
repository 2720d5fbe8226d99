"""Looks that ride along: on SQLite under the commit that hints them, elsewhere not at all."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from perdure.store.database import Database, Tx

ON_SQLITE = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


async def put(tx: Tx, id: str, *channels: str) -> None:
    await tx.run("put_simple", id=id, amount=1)
    tx.hint(*channels)


class Look:
    """Counts the items, and notes who asked together."""

    def __init__(self, *channels: str) -> None:
        self.together: list[list[str]] = []
        self._channels = channels

    async def __call__(self, tx: Tx, asked: Sequence[str]) -> list[tuple[str, int]]:
        self.together.append(list(asked))
        tx.hint(*self._channels)
        count = len(await tx.all("items"))
        return [(one, count) for one in asked]


async def boarded(shelf: Database, channel: str, look: Any, argument: str = "a", **more: Any):
    """Someone who waits to ride along."""
    subscription = shelf.hints.subscribe(channel)
    waiting = asyncio.create_task(shelf.ride(subscription, look, argument, timeout=60, **more))
    await asyncio.sleep(0)
    return subscription, waiting


async def test_a_hint_ends_the_wait_with_a_look_or_without(shelf: Database):
    _, waiting = await boarded(shelf, "runs", Look())

    await shelf.transact(put, "x", "runs")

    assert await waiting in (("a", 1), None)


async def test_a_hint_that_is_there_already_is_to_be_looked_at_by_who_asks(shelf: Database):
    with shelf.hints.subscribe("runs") as subscription:
        await shelf.transact(put, "x", "runs")

        assert await shelf.ride(subscription, Look(), "a", timeout=60) is None
        assert await subscription.wait(timeout=0) == set()


async def test_without_a_hint_the_wait_ends_in_time(shelf: Database):
    with shelf.hints.subscribe("runs") as subscription:
        assert await shelf.ride(subscription, Look(), "a", timeout=0) is None


@ON_SQLITE
async def test_who_waits_with_the_same_look_is_answered_by_one(shelf: Database):
    look = Look()
    _, one = await boarded(shelf, "runs", look, "one")
    _, two = await boarded(shelf, "runs", look, "two")
    _, other = await boarded(shelf, "tokens", look, "other")

    await shelf.transact(put, "x", "runs")

    assert await asyncio.gather(one, two) == [("one", 1), ("two", 1)]
    assert look.together == [["one", "two"]]
    assert not other.done()
    other.cancel()


@ON_SQLITE
async def test_who_looked_is_not_told_again_of_what_it_has_seen(shelf: Database):
    subscription, waiting = await boarded(shelf, "runs", Look())

    await shelf.transact(put, "x", "runs")

    assert await waiting == ("a", 1)
    assert await subscription.wait(timeout=0) == set()


@ON_SQLITE
async def test_what_comes_after_a_look_is_told(shelf: Database):
    subscription, waiting = await boarded(shelf, "runs", Look("runs"))

    await shelf.transact(put, "x", "runs")

    assert await waiting == ("a", 1)
    assert await subscription.wait(timeout=0) == {"runs"}


@ON_SQLITE
async def test_what_a_look_hints_lets_others_ride_along_too(shelf: Database):
    _, first = await boarded(shelf, "runs", Look("tokens"), "first")
    _, second = await boarded(shelf, "tokens", Look(), "second")

    await shelf.transact(put, "x", "runs")

    assert await asyncio.gather(first, second) == [("first", 1), ("second", 1)]


@ON_SQLITE
async def test_a_look_that_fails_leaves_the_transaction_whole(shelf: Database):
    async def fail(tx: Tx, asked: Sequence[str]) -> list[str]:
        await put(tx, "y")
        raise LookupError

    _, waiting = await boarded(shelf, "runs", fail)

    await shelf.transact(put, "x", "runs")

    assert await waiting is None
    assert [row["id"] for row in await shelf.read(lambda tx: tx.all("items"))] == ["x"]


@ON_SQLITE
async def test_nobody_rides_along_with_what_failed(shelf: Database):
    async def put_and_fail(tx: Tx) -> None:
        await put(tx, "x", "runs")
        raise LookupError

    look = Look()
    _, waiting = await boarded(shelf, "runs", look)

    with pytest.raises(LookupError):
        await shelf.transact(put_and_fail)

    assert look.together == []
    waiting.cancel()


@ON_SQLITE
async def test_what_was_seen_for_one_who_went_away_is_handed_back(shelf: Database):
    unheard: list[str] = []
    loop = asyncio.get_running_loop()

    async def look(tx: Tx, asked: Sequence[str]) -> Sequence[str]:
        loop.call_soon_threadsafe(waiting.cancel)
        return asked

    _, waiting = await boarded(shelf, "runs", look, unheard=unheard.append)

    await shelf.transact(put, "x", "runs")

    await asyncio.wait([waiting])
    assert waiting.cancelled()
    assert unheard == ["a"]


@ON_SQLITE
async def test_who_left_does_not_ride(shelf: Database):
    look = Look()
    _, waiting = await boarded(shelf, "runs", look)
    waiting.cancel()
    await asyncio.wait([waiting])

    await shelf.transact(put, "x", "runs")

    assert look.together == []


@ON_SQLITE
async def test_muted_hints_carry_nobody(shelf: Database):
    look = Look()
    _, waiting = await boarded(shelf, "runs", look)
    shelf.hints.muted = True

    await shelf.transact(put, "x", "runs")

    assert look.together == []
    waiting.cancel()
