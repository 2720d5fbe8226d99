"""Looking at a database without changing anything: could a server use it?"""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from perdure.core.storage_errors import DatabaseUnavailable
from perdure.store.connect import sqlite_path
from perdure.store.migrate import APPLIED, load_migrations, pending_after
from perdure.store.postgres import without_password
from perdure.store.postgres_tx import DRIVER_ERRORS, reason_of
from perdure.store.schema import MAIN
from perdure.store.sqlite_tx import explain

_TIMEOUT_S = 10


async def look(url: str, folder: Path) -> str:
    """Say what is known of a database.

    Args:
        url: as `open_database` takes it.
        folder: what a relative `sqlite:///file` is relative to.

    Raises:
        BadSetting: the URL names no database we know.
        DatabaseUnavailable, DatabaseUnreadable, DatabaseTooNew, MigrationChanged: a server could not use it.
    """
    if urlsplit(url).scheme in ("postgresql", "postgres"):
        return await _look_at_postgres(url)
    return _look_at_sqlite(folder / sqlite_path(url))


def _look_at_sqlite(path: Path) -> str:
    if not path.exists():
        return f"{path} is made when a server starts"
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            tables = connection.execute("select 1 from sqlite_master where name = 'perdure_migrations'")
            rows = connection.execute(APPLIED).fetchall() if tables.fetchone() else []
    except sqlite3.Error as error:
        raise explain(error, str(path)) from error
    return _told(str(path), rows, "sqlite")


async def _look_at_postgres(url: str) -> str:
    name = without_password(url)
    try:
        connection = await asyncpg.connect(
            url, timeout=_TIMEOUT_S, server_settings={"search_path": MAIN.name}
        )
        try:
            known = await connection.fetchval("select to_regclass('perdure_migrations')")
            rows = await connection.fetch(APPLIED) if known else []
        finally:
            await connection.close()
    except DRIVER_ERRORS as error:
        raise DatabaseUnavailable(database=name, reason=reason_of(error)) from error
    return _told(name, rows, "postgres")


def _told(name: str, rows: list, dialect: str) -> str:
    pending = pending_after(rows, load_migrations(MAIN, dialect), database=name)  # type: ignore[arg-type]
    return f"{name}, {len(pending)} migrations to come when a server starts" if pending else name
