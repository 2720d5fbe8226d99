"""What is special about PostgreSQL: connections drop, transactions deadlock."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from perdure.core.storage_errors import (
    CommitUnknown,
    ConstraintViolated,
    DatabaseTooOld,
    DatabaseUnavailable,
    StorageError,
    StoreFault,
)
from perdure.store import postgres, postgres_hints
from perdure.store.connect import open_database
from perdure.store.database import Database, Tx
from tests.store.conftest import SCHEMA

pytestmark = pytest.mark.parametrize("dialect", ["postgres"], indirect=True)


async def put(tx: Tx, id: str) -> None:
    await tx.run("put_simple", id=id, amount=1)


async def ids(tx: Tx) -> list[str]:
    return [row["id"] for row in await tx.all("items")]


async def end_backend(url: str, pid: int) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("select pg_terminate_backend($1, 10000)", pid)
    await connection.close()


async def test_a_deadlocked_transaction_runs_again(shelf: Database):
    both_began = asyncio.Barrier(2)
    tries = 0

    async def add_to_both(tx: Tx, first: str, second: str) -> None:
        nonlocal tries
        tries += 1
        await tx.run("set_amounts", items=[{"id": first, "amount": 5}])
        if tries <= 2:
            await both_began.wait()
        await tx.run("set_amounts", items=[{"id": second, "amount": 5}])

    await shelf.transact(put, "a")
    await shelf.transact(put, "b")

    await asyncio.gather(shelf.transact(add_to_both, "a", "b"), shelf.transact(add_to_both, "b", "a"))

    # The server aborts one of the two; it may choose a try of the other as well.
    assert tries in (3, 4)


async def test_a_transaction_that_lost_its_connection_runs_again(shelf: Database, shelf_url: str):
    tries = 0

    async def lose_it_once(tx: Tx) -> int:
        nonlocal tries
        tries += 1
        await put(tx, f"{tries}")
        if tries == 1:
            await end_backend(shelf_url, (await tx.one("backend"))["pid"])
        await tx.all("items")
        return tries

    assert await shelf.transact(lose_it_once) == 2
    assert await shelf.read(ids) == ["2"]


async def test_a_read_that_lost_its_connection_runs_again(shelf: Database, shelf_url: str):
    tries = 0

    async def lose_it_once(tx: Tx) -> list[str]:
        nonlocal tries
        tries += 1
        if tries == 1:
            await end_backend(shelf_url, (await tx.one("backend"))["pid"])
        return await ids(tx)

    assert await shelf.read(lose_it_once) == []
    assert tries == 2


async def test_a_transaction_that_always_loses_its_connection_gives_up(
    shelf: Database, shelf_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(postgres, "PAUSES_S", (0.0, 0.0))

    async def lose_it(tx: Tx) -> None:
        await end_backend(shelf_url, (await tx.one("backend"))["pid"])
        await put(tx, "a")

    with pytest.raises(DatabaseUnavailable, match="perdure_test"):
        await shelf.transact(lose_it)


async def test_a_transaction_without_an_answer_is_given_up(shelf: Database, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(postgres, "TIMEOUT_S", 0.05)

    async def hang(tx: Tx) -> None:
        await put(tx, "a")
        await asyncio.Event().wait()

    with pytest.raises(StorageError, match="gave no answer"):
        await shelf.transact(hang)

    assert await shelf.read(ids) == []


async def test_going_on_after_a_failed_statement_is_told(shelf: Database):
    async def go_on(tx: Tx) -> None:
        await put(tx, "a")
        with pytest.raises(ConstraintViolated):
            await put(tx, "a")

    with pytest.raises(StoreFault, match="went on"):
        await shelf.transact(go_on)

    assert await shelf.read(ids) == []


@pytest.mark.parametrize("arrives", [True, False])
async def test_a_commit_without_an_answer_is_told_and_not_repeated(
    shelf: Database, shelf_url: str, tmp_path: Path, arrives: bool
):
    async with cut_at_commit(shelf_url, tmp_path, arrives=arrives) as cut_url:
        through_it = await open_database(cut_url, SCHEMA)

        with pytest.raises(CommitUnknown, match="may or may not have happened"):
            await through_it.transact(put, "a")

        await through_it.close()
    assert await shelf.read(ids) == (["a"] if arrives else [])


async def test_a_server_that_went_away_is_told_and_found_again(
    shelf: Database, shelf_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(postgres, "PAUSES_S", (0.0,))
    monkeypatch.setattr(postgres_hints, "RECONNECT_S", 0.0)
    async with cut_at_commit(shelf_url, tmp_path, arrives=True) as cut_url:
        through_it = await open_database(cut_url, SCHEMA)
        with pytest.raises(CommitUnknown):
            await through_it.transact(put, "a")

    with pytest.raises(DatabaseUnavailable, match="perdure_test"):
        await through_it.transact(put, "b")
    with pytest.raises(DatabaseUnavailable, match="perdure_test"):
        await through_it.read(ids)

    async with cut_at_commit(shelf_url, tmp_path, arrives=True):
        assert await through_it.read(ids) == ["a"]
        await through_it.close()


async def test_a_cancelled_transaction_leaves_a_usable_connection(shelf: Database):
    began = asyncio.Event()

    async def hang(tx: Tx) -> None:
        await put(tx, "a")
        began.set()
        await asyncio.Event().wait()

    caller = asyncio.create_task(shelf.transact(hang))
    await began.wait()
    caller.cancel()

    with pytest.raises(asyncio.CancelledError):
        await caller
    await shelf.transact(put, "a")
    assert await shelf.read(ids) == ["a"]


async def test_more_transactions_than_connections_take_turns(shelf: Database):
    under_way = most = 0

    async def count(tx: Tx, id: str) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await put(tx, id)
        under_way -= 1

    await asyncio.gather(*(shelf.transact(count, f"{number}") for number in range(100)))

    assert 1 < most <= postgres.CONNECTIONS
    assert len(await shelf.read(ids)) == 100


@asynccontextmanager
async def cut_at_commit(url: str, folder: Path, *, arrives: bool) -> AsyncIterator[str]:
    """A way to the server that breaks when a commit is sent: after it arrived, or before."""
    parts = urlsplit(url)
    socket = f"{parse_qs(parts.query)['host'][0]}/.s.PGSQL.5432"

    async def connected(near_in: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        far_in, far_out = await asyncio.open_unix_connection(socket)
        back = asyncio.create_task(copy(far_in, near_out))
        while data := await near_in.read(65536):
            if data.startswith(b"Q") and b"commit\0" in data:
                back.cancel()
                await asyncio.wait([back])
                if arrives:
                    far_out.write(data)
                    await far_in.readuntil(b"COMMIT")
                break
            far_out.write(data)
        near_out.close()
        far_out.close()
        await asyncio.wait([back])

    async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            target.write(data)
        target.close()

    server = await asyncio.start_unix_server(connected, folder / ".s.PGSQL.5432")
    async with server:
        yield f"postgresql://{parts.path}?host={folder}&user=postgres"


async def test_an_old_server_is_refused(shelf_url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(postgres, "OLDEST", 99)

    with pytest.raises(DatabaseTooOld, match="needs 99 or newer"):
        await open_database(shelf_url, SCHEMA)


async def test_a_wrong_password_or_user_is_told(shelf_url: str):
    with pytest.raises(DatabaseUnavailable, match="nobody_we_know"):
        await open_database(shelf_url.replace("user=postgres", "user=nobody_we_know"), SCHEMA)
