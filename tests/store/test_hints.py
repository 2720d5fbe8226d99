"""Hints come after the commit, in this process and in others; losing them loses nothing."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from perdure.store.connect import open_database
from perdure.store.database import Database, Tx
from tests.store.conftest import SCHEMA

BETWEEN_PROCESSES = pytest.mark.parametrize("dialect", ["postgres"], indirect=True)
"""Only PostgreSQL carries hints between processes; each `Database` stands for one."""


@pytest.fixture
async def beside(shelf_url: str, shelf: Database) -> AsyncIterator[Database]:
    """The same database, opened by another process."""
    async with await open_database(shelf_url, SCHEMA) as database:
        yield database


async def put(tx: Tx, id: str, *channels: str) -> None:
    await tx.run("put_simple", id=id, amount=1)
    tx.hint(*channels)


async def count(tx: Tx) -> int:
    return len(await tx.all("items"))


async def test_a_commit_wakes_who_waits_for_its_channels(shelf: Database):
    with shelf.hints.subscribe("runs", "timers") as subscription:
        waiting = asyncio.create_task(subscription.wait(timeout=60))
        await shelf.transact(put, "a", "runs", "tokens")

        assert await waiting == {"runs"}


async def test_what_is_hinted_between_two_waits_is_not_lost(shelf: Database):
    with shelf.hints.subscribe("runs", "timers") as subscription:
        await shelf.transact(put, "a", "runs")
        await shelf.transact(put, "b", "timers")
        await shelf.transact(put, "c", "runs")

        assert await subscription.wait(timeout=60) == {"runs", "timers"}
        assert await subscription.wait(timeout=0) == set()


async def test_a_transaction_that_fails_hints_nothing(shelf: Database):
    async def put_and_fail(tx: Tx) -> None:
        await put(tx, "a", "runs")
        raise LookupError

    with shelf.hints.subscribe("runs") as subscription:
        await asyncio.gather(shelf.transact(put_and_fail), shelf.transact(put, "b"), return_exceptions=True)

        assert await subscription.wait(timeout=0) == set()


async def test_a_closed_subscription_hears_nothing(shelf: Database):
    with shelf.hints.subscribe("runs") as subscription:
        pass

    await shelf.transact(put, "a", "runs")

    assert await subscription.wait(timeout=0) == set()


async def test_with_every_hint_dropped_work_is_found_by_looking(shelf: Database):
    shelf.hints.muted = True
    seen = 0

    async def consume() -> None:
        nonlocal seen
        with shelf.hints.subscribe("runs") as subscription:
            while seen < 20:
                assert await subscription.wait(timeout=0.01) == set()
                seen = await shelf.read(count)

    consumer = asyncio.create_task(consume())
    for number in range(20):
        await shelf.transact(put, f"{number}", "runs")

    await asyncio.wait_for(consumer, timeout=60)
    assert seen == 20


@BETWEEN_PROCESSES
async def test_a_hint_reaches_other_processes(shelf: Database, beside: Database):
    with beside.hints.subscribe("runs") as far, shelf.hints.subscribe("runs") as near:
        await shelf.transact(put, "a", "runs", "timers")

        assert await far.wait(timeout=60) == {"runs"}
        assert await near.wait(timeout=0) == {"runs"}


@BETWEEN_PROCESSES
async def test_a_hint_does_not_come_back_to_its_sender(shelf: Database, beside: Database):
    with beside.hints.subscribe("there") as far, shelf.hints.subscribe("here", "back") as near:
        await shelf.transact(put, "a", "here", "there")
        await near.wait(timeout=60)
        await far.wait(timeout=60)
        await beside.transact(put, "b", "back")  # arrives after what would have come back

        assert await near.wait(timeout=60) == {"back"}


@BETWEEN_PROCESSES
async def test_more_channels_than_a_notification_holds_wake_everybody(shelf: Database, beside: Database):
    with beside.hints.subscribe("runs") as far:
        await shelf.transact(put, "a", *(f"queue-{number:05}" for number in range(1000)))

        assert await far.wait(timeout=60) == {"runs"}


@BETWEEN_PROCESSES
async def test_many_hints_at_once_all_arrive(shelf: Database, beside: Database):
    with beside.hints.subscribe(*(f"{number}" for number in range(100))) as far:
        await asyncio.gather(*(shelf.transact(put, f"{number}", f"{number}") for number in range(100)))

        heard: set[str] = set()
        while len(heard) < 100:
            heard |= await far.wait(timeout=60)
        assert heard == {f"{number}" for number in range(100)}


@BETWEEN_PROCESSES
async def test_a_dropped_listener_comes_back_and_wakes_everybody(
    shelf: Database, beside: Database, shelf_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("perdure.store.postgres_hints.RECONNECT_S", 0.0)
    with beside.hints.subscribe("runs") as far:
        await drop_listeners(shelf_url)

        assert await far.wait(timeout=60) == {"runs"}  # hints may have been lost meanwhile
        while True:  # until the sender has come back, too
            await shelf.transact(put, f"{await shelf.read(count)}", "runs")
            if await far.wait(timeout=0.1):
                break


async def drop_listeners(url: str) -> None:
    """End every connection that listens or notifies, as a restart of the server would."""
    connection = await asyncpg.connect(url)
    await connection.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and query ~* '^(listen|select pg_notify)'"
    )
    await connection.close()


@BETWEEN_PROCESSES
async def test_a_last_hint_is_sent_before_closing(shelf: Database, beside: Database):
    with beside.hints.subscribe("runs") as far:
        await shelf.transact(put, "a", "runs")
        await shelf.close()

        assert await far.wait(timeout=60) == {"runs"}
