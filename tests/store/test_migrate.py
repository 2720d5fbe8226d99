"""Migrations: forward only, under a lock, all or nothing."""

import asyncio
from pathlib import Path

import pytest

from perdure.core.storage_errors import DatabaseTooNew, MigrationChanged, StatementInvalid
from perdure.store.connect import open_database
from perdure.store.database import Database, Tx
from perdure.store.migrate import load_migrations
from perdure.store.schema import Schema

FIRST = "create table books (id text primary key) {strict};"
SECOND = "alter table books add column pages {int8};\ncreate index books_by_pages on books (pages);"


@pytest.fixture
def schema(tmp_path: Path) -> Schema:
    """A schema with one migration."""
    folder = tmp_path / "schema"
    (folder / "migrations").mkdir(parents=True)
    (folder / "sql").mkdir()
    (folder / "sql" / "books.sql").write_text(
        "-- name: put\ninsert into books (id) values (:id)\n"
        "-- name: books\nselect * from books order by id\n"
        "-- name: applied\nselect number, name from perdure_migrations order by number\n"
    )
    schema = Schema("perdure_books", folder)
    add(schema, "0001_books.sql", FIRST)
    return schema


def add(schema: Schema, name: str, text: str) -> None:
    (Path(str(schema.folder)) / "migrations" / name).write_text(text)


async def put(tx: Tx, id: str) -> None:
    await tx.run("put", id=id)


async def books(tx: Tx) -> list[tuple[object, ...]]:
    return [tuple(row) for row in await tx.all("books")]


async def applied(tx: Tx) -> list[tuple[object, ...]]:
    return [tuple(row) for row in await tx.all("applied")]


async def put_one(url: str, schema: Schema) -> None:
    async with await open_database(url, schema) as db:
        await db.transact(put, "a")


async def test_later_migrations_are_applied_to_what_is_there(new_database_url: str, schema: Schema):
    await put_one(new_database_url, schema)
    add(schema, "0002_pages.sql", SECOND)

    async with await open_database(new_database_url, schema) as db:
        assert await db.read(books) == [("a", None)]
        assert await db.read(applied) == [(1, "books"), (2, "pages")]


async def test_nothing_is_applied_twice(new_database_url: str, schema: Schema):
    await put_one(new_database_url, schema)

    async with await open_database(new_database_url, schema) as db:
        assert await db.read(books) == [("a",)]


async def test_servers_that_start_at_once_migrate_once(new_database_url: str, schema: Schema):
    add(schema, "0002_pages.sql", SECOND)

    opened: list[Database] = await asyncio.gather(
        *(open_database(new_database_url, schema) for _ in range(5))
    )

    for db in opened:
        assert await db.read(applied) == [(1, "books"), (2, "pages")]
        await db.close()


async def test_a_database_newer_than_the_code_is_refused(new_database_url: str, schema: Schema):
    add(schema, "0002_pages.sql", SECOND)
    await put_one(new_database_url, schema)
    (Path(str(schema.folder)) / "migrations" / "0002_pages.sql").unlink()

    with pytest.raises(
        DatabaseTooNew, match=r"is at version 2; this Perdure knows 1. Install a newer Perdure"
    ):
        await open_database(new_database_url, schema)


async def test_an_edited_migration_is_refused(new_database_url: str, schema: Schema):
    await put_one(new_database_url, schema)
    add(schema, "0001_books.sql", FIRST.replace("books", "novels"))

    with pytest.raises(MigrationChanged, match="0001_books"):
        await open_database(new_database_url, schema)


async def test_a_comment_in_a_migration_may_change(new_database_url: str, schema: Schema):
    await put_one(new_database_url, schema)
    add(schema, "0001_books.sql", f"-- What we read.\n{FIRST}")

    async with await open_database(new_database_url, schema) as db:
        assert await db.read(books) == [("a",)]


async def test_a_migration_that_fails_changes_nothing(new_database_url: str, schema: Schema):
    await put_one(new_database_url, schema)
    add(schema, "0002_pages.sql", SECOND + "create nonsense;")

    with pytest.raises(StatementInvalid, match="nonsense"):
        await open_database(new_database_url, schema)

    add(schema, "0002_pages.sql", SECOND)
    async with await open_database(new_database_url, schema) as db:
        assert await db.read(books) == [("a", None)]


async def test_a_migration_for_one_dialect(new_database_url: str, schema: Schema, dialect: str):
    add(schema, "0002_for_sqlite.sqlite.sql", "create table only_sqlite (id text);")
    add(schema, "0002_for_postgres.postgres.sql", "create table only_postgres (id text);")

    async with await open_database(new_database_url, schema) as db:
        assert await db.read(applied) == [(1, "books"), (2, f"for_{dialect}")]


@pytest.mark.parametrize(
    ("name", "problem"),
    [("2_pages.sql", "is named 0001_what_it_does.sql"), ("0001_again.sql", "two migrations 1")],
)
def test_a_misnamed_migration_is_told(schema: Schema, name: str, problem: str):
    add(schema, name, SECOND)

    with pytest.raises(StatementInvalid, match=problem):
        load_migrations(schema, "sqlite")


async def test_two_schemas_in_one_database_do_not_see_each_other(new_database_url: str, schema: Schema):
    other = Schema("perdure_other", schema.folder, suffix="-other", durable=False)

    async with (
        await open_database(new_database_url, schema) as db,
        await open_database(new_database_url, other) as beside,
    ):
        await db.transact(put, "a")
        await beside.transact(put, "b")

        assert await db.read(books) == [("a",)]
        assert await beside.read(books) == [("b",)]
