"""What is special about SQLite: one file, one writer, several programs."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from perdure.core.storage_errors import DatabaseUnavailable, StatementInvalid, TransactionSuspended
from perdure.store import sqlite
from perdure.store.database import Tx
from perdure.store.sqlite import SQLiteDatabase
from tests.store.conftest import SCHEMA


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shelf.db"


@pytest.fixture
async def shelf(path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SQLiteDatabase]:
    """An open database that does not wait long for others."""
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_MS", 10)
    async with await SQLiteDatabase.open(path, SCHEMA) as database:
        yield database


@pytest.fixture
def other_program(path: Path, shelf: SQLiteDatabase) -> Iterator[sqlite3.Connection]:
    """Somebody else with the same file open."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


async def put(tx: Tx, id: str, picture: bytes = b"") -> str:
    await tx.run("put", id=id, amount=1, note=None, picture=picture, weight=None)
    return id


async def ids(tx: Tx) -> list[str]:
    return [row["id"] for row in await tx.all("items")]


async def test_a_file_that_another_program_has_locked(
    shelf: SQLiteDatabase, other_program: sqlite3.Connection
):
    other_program.execute("begin immediate")

    answers = await asyncio.gather(*(shelf.transact(put, id) for id in "abc"), return_exceptions=True)
    assert [type(answer) for answer in answers] == [DatabaseUnavailable] * 3
    assert "locked" in str(answers[0])
    assert await shelf.read(ids) == []

    other_program.execute("rollback")
    assert await shelf.transact(put, "d") == "d"
    assert await shelf.read(ids) == ["d"]


@pytest.mark.parametrize("callers", [1, 5])
async def test_a_full_disk_undoes_whom_it_refuses(shelf: SQLiteDatabase, callers: int):
    await shelf.transact(put, "first")
    pages = shelf._writer._connection.execute("pragma page_count").fetchone()[0]
    shelf._writer._connection.execute(f"pragma max_page_count = {pages + 5}")

    answers = await asyncio.gather(
        *(shelf.transact(put, str(number), bytes(1_000_000)) for number in range(callers)),
        return_exceptions=True,
    )

    assert {type(answer) for answer in answers} == {DatabaseUnavailable}
    assert await shelf.transact(put, "last") == "last"
    assert await shelf.read(ids) == ["first", "last"]


async def test_who_shares_a_commit_with_a_refused_transaction_is_told_the_truth(shelf: SQLiteDatabase):
    pages = shelf._writer._connection.execute("pragma page_count").fetchone()[0]
    shelf._writer._connection.execute(f"pragma max_page_count = {pages + 5}")

    answers = await asyncio.gather(
        *(shelf.transact(put, str(number), bytes(1_000_000 * (number % 2))) for number in range(6)),
        return_exceptions=True,
    )

    assert await shelf.read(ids) == [answer for answer in answers if isinstance(answer, str)]


async def test_a_transaction_that_goes_on_after_it_was_given_up_is_not_answered(shelf: SQLiteDatabase):
    async def stubborn(tx: Tx) -> str:
        await put(tx, "before")
        shelf._writer._connection.execute("rollback")  # as SQLite does by itself when the disk is full
        return "done"

    first, second = await asyncio.gather(
        shelf.transact(put, "a"), shelf.transact(stubborn), return_exceptions=True
    )

    assert isinstance(first, DatabaseUnavailable)
    assert isinstance(second, DatabaseUnavailable)
    assert await shelf.read(ids) == []


async def test_what_arrives_during_a_commit_goes_into_the_next(shelf: SQLiteDatabase):
    go_on = threading.Event()

    async def hold_up(tx: Tx) -> str:
        go_on.wait(60)
        return await put(tx, "a")

    callers = [asyncio.create_task(shelf.transact(hold_up))]
    for id in "bcde":
        await asyncio.sleep(0)
        callers.append(asyncio.create_task(shelf.transact(put, id)))
    await asyncio.sleep(0)
    callers[2].cancel()
    await asyncio.sleep(0)
    go_on.set()

    assert await asyncio.gather(callers[0], callers[1], *callers[3:]) == ["a", "b", "d", "e"]
    assert await shelf.read(ids) == ["a", "b", "d", "e"]


async def test_a_commit_that_sqlite_refuses_is_told_to_all(shelf: SQLiteDatabase):
    async def break_a_promise(tx: Tx) -> None:
        shelf._writer._connection.execute("pragma defer_foreign_keys = on")
        await tx.one("log_event", item="nobody")

    first, second = await asyncio.gather(
        shelf.transact(put, "a"), shelf.transact(break_a_promise), return_exceptions=True
    )

    assert isinstance(first, DatabaseUnavailable)
    assert isinstance(second, DatabaseUnavailable)
    assert await shelf.transact(put, "b") == "b"
    assert await shelf.read(ids) == ["b"]


async def test_readers_do_not_wait_for_writers(shelf: SQLiteDatabase, other_program: sqlite3.Connection):
    await shelf.transact(put, "a")
    other_program.execute("begin immediate")

    assert await shelf.read(ids) == ["a"]


async def test_a_read_sees_one_moment(shelf: SQLiteDatabase, other_program: sqlite3.Connection):
    async def look_twice(tx: Tx) -> tuple[list[str], list[str]]:
        before = await ids(tx)
        with closing(sqlite3.connect(shelf.path, isolation_level=None)) as beside:
            beside.execute("insert into items (id, amount) values ('new', 1)")
        return before, await ids(tx)

    before, after = await shelf.read(look_twice)

    assert before == after == []
    assert await shelf.read(ids) == ["new"]


async def test_writing_in_a_read_is_refused(shelf: SQLiteDatabase):
    with pytest.raises(StatementInvalid, match="readonly"):
        await shelf.read(put, "a")


async def test_a_transaction_that_needs_the_event_loop_is_told(shelf: SQLiteDatabase):
    async def sleeper(tx: Tx) -> None:
        await put(tx, "a")
        await asyncio.sleep(1)

    with pytest.raises(TransactionSuspended, match="sleeper"):
        await shelf.transact(sleeper)

    assert await shelf.read(ids) == []


async def test_closing_twice_is_fine(shelf: SQLiteDatabase):
    await shelf.close()
    await shelf.close()
