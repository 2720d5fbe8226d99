"""Open the database that a URL names."""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from perdure.core.errors import BadSetting
from perdure.store.database import Database
from perdure.store.postgres import PostgresDatabase
from perdure.store.schema import MAIN, Schema
from perdure.store.sqlite import SQLiteDatabase

SETTING = "PERDURE_DATABASE_URL"

EXAMPLES = (
    "use sqlite:///perdure.db, sqlite:////var/lib/perdure/perdure.db or postgresql://user@host/database"
)


async def open_database(url: str, schema: Schema = MAIN) -> Database:
    """Open the database, making and migrating what is missing.

    Args:
        url: `sqlite:///relative/file`, `sqlite:////absolute/file` or
            `postgresql://user:password@host:port/database`.
        schema: which tables: `MAIN` for the engine, `TELEMETRY` for what was seen.
            In SQLite each schema is a file of its own, next to the other.

    Raises:
        BadSetting: the URL names no database we know.
        DatabaseUnavailable, DatabaseUnreadable, DatabaseTooNew, DatabaseTooOld,
        MigrationChanged: the database can't be used.
    """
    scheme = urlsplit(url).scheme
    if scheme == "sqlite":
        return await SQLiteDatabase.open(sqlite_path(url, schema), schema)
    if scheme in ("postgresql", "postgres"):
        return await PostgresDatabase.open(url, schema)
    raise BadSetting(setting=SETTING, reason=f"{url!r} is no database URL; {EXAMPLES}")


def sqlite_path(url: str, schema: Schema = MAIN) -> Path:
    """Return the file that a `sqlite:///…` URL names for a schema."""
    match = re.fullmatch(r"sqlite:///(?P<path>[^?#]+)", url)
    if match is None or match["path"].endswith("/") or ":memory:" in url:
        raise BadSetting(setting=SETTING, reason=f"{url!r} names no file; {EXAMPLES}")
    path = Path(unquote(match["path"]))
    return path.with_name(path.stem + schema.suffix + path.suffix)
