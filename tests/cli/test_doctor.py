import sqlite3
from contextlib import closing
from pathlib import Path

from tests.cli.command import Done, perdure
from tests.support.databases import PostgresDatabases
from tests.support.processes import server

KEY = "tr_dev_0123456789abcdef0123"
NOWHERE = {"PERDURE_API_URL": "http://127.0.0.1:9", "PERDURE_SECRET_KEY": KEY}


def told(done: Done, check: str) -> tuple[bool, str]:
    """Return whether the last check of a name is well, and what it says."""
    return [(found["ok"], found["message"]) for found in done.json if found["check"] == check][-1]


def doctor(folder: Path, **settings: str) -> Done:
    return perdure("doctor", "--json", folder=folder, **{**NOWHERE, **settings})


def test_doctor_says_what_to_do_about_what_is_wrong(project: Path):
    done = perdure("doctor", folder=project, **NOWHERE)

    assert done.code == 1
    assert "ok  SQLite" in done.out
    assert "no  Server" in done.out
    assert "perdure dev" in done.out


def test_doctor_tells_of_a_misspelt_setting(project: Path):
    done = doctor(project, PERDURE_PROT="1")

    assert told(done, "Settings")[0] is False
    assert "PERDURE_PORT" in told(done, "Settings")[1]


def test_doctor_tells_of_a_file_that_does_not_import(project: Path):
    (project / "tasks" / "broken.py").write_text("raise RuntimeError('not today')\n")

    done = doctor(project)

    assert told(done, "Import") == (False, "tasks/broken.py:1: RuntimeError: not today")
    assert told(done, "Tasks")[0]


def test_doctor_tells_of_a_project_file_with_an_unknown_setting(project: Path):
    (project / "perdure.toml").write_text("dris = []\n")

    ok, message = told(doctor(project), "Project")

    assert not ok
    assert "did you mean dirs?" in message


def test_doctor_makes_no_database(project: Path):
    ok, message = told(doctor(project), "Database")

    assert ok
    assert "is made when a server starts" in message
    assert not (project / ".perdure").exists()


def test_doctor_tells_of_a_file_that_is_no_database(project: Path):
    (project / "notes.txt").write_text("This is no database. " * 1000)

    ok, message = told(doctor(project, PERDURE_DATABASE_URL="sqlite:///notes.txt"), "Database")

    assert not ok
    assert "notes.txt" in message


def test_doctor_tells_of_a_database_of_a_newer_perdure(project: Path):
    with server(project, PERDURE_DATABASE_URL="sqlite:///some.db"):
        pass
    with closing(sqlite3.connect(project / "some.db")) as connection:
        connection.execute(
            "insert into perdure_migrations (number, name, fingerprint) values (9999, 'x', 'x')"
        )
        connection.commit()

    ok, message = told(doctor(project, PERDURE_DATABASE_URL="sqlite:///some.db"), "Database")

    assert not ok
    assert "Install a newer Perdure" in message


def test_doctor_looks_at_postgresql_too(project: Path, postgres_databases: PostgresDatabases):
    fresh = doctor(project, PERDURE_DATABASE_URL=postgres_databases.create())
    migrated = doctor(project, PERDURE_DATABASE_URL=postgres_databases.emptied())

    assert told(fresh, "Database")[0]
    assert "migrations to come" in told(fresh, "Database")[1]
    assert told(migrated, "Database")[0]
    assert "migrations" not in told(migrated, "Database")[1]


def test_doctor_tells_of_a_postgresql_that_is_not_there(project: Path):
    url = "postgresql://nobody:secret@127.0.0.1:9/none"

    ok, message = told(doctor(project, PERDURE_DATABASE_URL=url), "Database")

    assert not ok
    assert "127.0.0.1:9" in message
    assert "secret" not in message


def test_doctor_tells_of_a_key_that_the_server_refuses(project: Path):
    with server(project, PERDURE_SECRET_KEY=KEY) as found:
        done = doctor(project, PERDURE_API_URL=found.url, PERDURE_SECRET_KEY=KEY + "9")

    assert told(done, "Server")[0]
    assert told(done, "Key")[0] is False
    assert "PERDURE_SECRET_KEY" in told(done, "Key")[1]
