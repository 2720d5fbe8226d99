"""Opening what a URL names, and saying what is wrong with it."""

import os
from pathlib import Path

import pytest

from perdure.core.errors import BadSetting
from perdure.core.storage_errors import DatabaseTooOld, DatabaseUnavailable, DatabaseUnreadable
from perdure.store.connect import open_database, sqlite_path
from perdure.store.postgres import without_password
from perdure.store.schema import MAIN, TELEMETRY
from perdure.store.sqlite import check_library
from tests.store.conftest import SCHEMA


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///perdure.db", "perdure.db"),
        ("sqlite:///folder/my%20file.db", "folder/my file.db"),
        ("sqlite:////var/lib/perdure.db", "/var/lib/perdure.db"),
    ],
)
def test_a_sqlite_url_names_a_file(url: str, path: str):
    assert sqlite_path(url) == Path(path)


def test_telemetry_is_a_second_file_next_to_the_first():
    assert sqlite_path("sqlite:////data/perdure.db", MAIN) == Path("/data/perdure.db")
    assert sqlite_path("sqlite:////data/perdure.db", TELEMETRY) == Path("/data/perdure-telemetry.db")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "perdure.db",
        "mysql://localhost/x",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///a/",
    ],
)
async def test_a_url_of_no_database_names_the_setting_and_an_example(url: str):
    with pytest.raises(BadSetting, match=r"PERDURE_DATABASE_URL .* use sqlite:///perdure.db"):
        await open_database(url)


async def test_a_file_in_a_folder_that_is_not_there(tmp_path: Path):
    with pytest.raises(
        DatabaseUnavailable, match=r"there is no folder .*nowhere.* Check PERDURE_DATABASE_URL"
    ):
        await open_database(f"sqlite:///{tmp_path}/nowhere/perdure.db", SCHEMA)


async def test_a_file_that_is_no_database(tmp_path: Path):
    (tmp_path / "perdure.db").write_text("Dear diary, " * 1000)

    with pytest.raises(DatabaseUnreadable, match=r"perdure.db is no readable database: .* Restore a backup"):
        await open_database(f"sqlite:///{tmp_path}/perdure.db", SCHEMA)


async def test_a_damaged_database(tmp_path: Path):
    path = tmp_path / "perdure.db"
    async with await open_database(f"sqlite:///{path}", SCHEMA):
        pass
    with path.open("r+b") as file:
        file.seek(100)
        file.write(os.urandom(path.stat().st_size - 100))

    with pytest.raises(DatabaseUnreadable, match=r"perdure\.db"):
        await open_database(f"sqlite:///{path}", SCHEMA)


async def test_a_folder_where_the_file_should_be(tmp_path: Path):
    (tmp_path / "perdure.db").mkdir()

    with pytest.raises(DatabaseUnavailable, match="unable to open"):
        await open_database(f"sqlite:///{tmp_path}/perdure.db", SCHEMA)


def test_an_old_sqlite_library_is_refused():
    with pytest.raises(
        DatabaseTooOld, match=r"SQLite library 3.36.0 is too old; Perdure needs 3.37.0 or newer"
    ):
        check_library((3, 36, 0))


async def test_a_postgres_server_that_is_not_there(tmp_path: Path):
    with pytest.raises(DatabaseUnavailable, match=r"postgresql:///shop can't be used.*PERDURE_DATABASE_URL"):
        await open_database(f"postgresql:///shop?host={tmp_path}", SCHEMA)


@pytest.mark.parametrize("dialect", ["postgres"], indirect=True)
async def test_a_postgres_database_that_is_not_there(new_database_url: str):
    url = new_database_url.replace("perdure_test", "missing")

    with pytest.raises(DatabaseUnavailable, match="does not exist"):
        await open_database(url, SCHEMA)


def test_a_password_is_never_shown():
    assert without_password("postgresql://ann:secret@db:5432/shop?x=1") == "postgresql://db:5432/shop"
