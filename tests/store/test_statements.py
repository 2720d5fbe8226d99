"""SQL said once: how statements are found, checked and spelled."""

import re
import sqlite3
from pathlib import Path

import pytest

from perdure.core.storage_errors import StatementInvalid
from perdure.store.database import Dialect
from perdure.store.schema import MAIN, TELEMETRY, Schema
from perdure.store.statements import compile_statement, load, spell_script, split_named, sql_files


def spelled(template: str, dialect: Dialect) -> str:
    return compile_statement("x", template, dialect).text


@pytest.mark.parametrize(
    ("template", "sqlite", "postgres"),
    [
        ("select cast(:now as {int8})", "select cast(?1 as integer)", "select cast($1 as bigint)"),
        ("select :a, :b, :a", "select ?1, ?2, ?1", "select $1, $2, $1"),
        ("select {greatest}(a, b)", "select max(a, b)", "select greatest(a, b)"),
        ("select a from t {skip_locked}", "select a from t", "select a from t for update skip locked"),
        (
            "select a from t where a in {list:ids}",
            "select a from t where a in (select value from json_each(?1))",
            "select a from t where a in (select unnest(cast($1 as text[])))",
        ),
        (
            "select r.a from {rows:new(a text, b int8)} as r join t on t.a = r.a",
            "select r.a from (select ?1 as a, ?2 as b) as r join t on t.a = r.a",
            "select r.a from (select * from unnest(cast($1 as text[]), cast($2 as bigint[]))"
            " as new_(a, b)) as r join t on t.a = r.a",
        ),
        (
            "update t set b = r.b, c = :c from {rows:new(a text, b int8)} as r where t.a = r.a",
            "update t set b = ?1, c = ?3 where t.a = ?2",
            "update t set b = r.b, c = $1 from (select * from unnest(cast($2 as text[]), "
            "cast($3 as bigint[])) as new_(a, b)) as r where t.a = r.a",
        ),
        (
            "delete from t using {rows:old(a text, b int8)} as r where t.a = r.a",
            "delete from t where t.a = ?1",
            "delete from t using (select * from unnest(cast($1 as text[]), cast($2 as bigint[]))"
            " as old_(a, b)) as r where t.a = r.a",
        ),
    ],
)
def test_words_and_parameters_are_spelled_for_the_dialect(template: str, sqlite: str, postgres: str):
    assert spelled(template, "sqlite") == sqlite
    assert spelled(template, "postgres") == postgres


def test_texts_and_quoted_names_stay_as_they_are_and_comments_go():
    template = """
    select ':a', 'it''s {int8}', ":b"  -- :c {nonsense} it's
      /* :d ; */ from t where a = :e
    """

    statement = compile_statement("x", template, "postgres")

    assert statement.parameters == {"e"}
    assert re.sub(r"\s+", " ", statement.text) == """select ':a', 'it''s {int8}', ":b" from t where a = $1"""


def test_arguments_of_lists_and_rows():
    template = "select 1 from {rows:new(a text, b int8)} as r where r.a in {list:ids} and r.b < :now"
    params = {"new": [{"a": "x", "b": 1}, {"b": 2, "a": None}], "ids": ["é"], "now": 3}

    sqlite = compile_statement("x", template, "sqlite").arguments(params)
    postgres = compile_statement("x", template, "postgres").arguments(params)

    assert sqlite == [("x", 1, '["é"]', 3), (None, 2, '["é"]', 3)]
    assert postgres == [["x", None], [1, 2], ["é"], 3]


def test_a_column_that_rows_do_not_have_is_told():
    with pytest.raises(StatementInvalid, match=re.escape("r.b is no column of {rows:new(…)}")):
        compile_statement("x", "insert into t select r.b from {rows:new(a text)} as r", "sqlite")


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("select a::text from t", "'::' is PostgreSQL only"),
        ("select {int9}", "unknown word '{int9}'"),
        ("select {list}", "unknown word '{list}'"),
        ("select 1 from {rows:new(a blob)}", "column 'a' of {rows:…} is 'blob'"),
        ("select :a where a in {list:a}", "parameter 'a' is used in two ways"),
    ],
)
@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
def test_a_misspelled_statement_is_told(template: str, problem: str, dialect: Dialect):
    with pytest.raises(StatementInvalid) as raised:
        spelled(template, dialect)

    assert problem in str(raised.value)


@pytest.mark.parametrize(
    ("template", "returns"),
    [
        ("select a from t", True),
        ("with n as (select 1) select * from n", True),
        ("update t set a = 1", False),
        ("update t set a = 'returning'", False),
        ("with n as (select 1) delete from t returning a", True),
    ],
)
def test_whether_a_statement_returns_rows(template: str, returns: bool):
    assert compile_statement("x", template, "sqlite").returns_rows is returns


def test_the_variant_of_the_dialect_is_taken():
    text = "-- name: x (sqlite)\nselect 1\n-- name: x (postgres)\nselect 2\n-- name: y\nselect 3"

    assert dict(split_named(text, "sqlite")) == {"x": "\nselect 1\n", "y": "\nselect 3"}
    assert dict(split_named(text, "postgres")) == {"x": "\nselect 2\n", "y": "\nselect 3"}


@pytest.mark.parametrize(
    "text", ["-- name: x (sqlite)\nselect 1", "-- name: x\nselect 1\n-- name: x (sqlite)\nselect 1"]
)
def test_a_variant_without_the_other_is_told(text: str):
    with pytest.raises(StatementInvalid, match="variants for"):
        list(split_named(text, "postgres"))


def test_a_name_defined_twice_is_told(tmp_path: Path):
    (tmp_path / "a.sql").write_text("-- name: x\nselect 1")
    (tmp_path / "b.sql").write_text("-- name: x\nselect 2")

    with pytest.raises(StatementInvalid, match="defined twice"):
        load(tmp_path, "sqlite")


def test_all_files_of_a_folder_are_loaded(tmp_path: Path):
    (tmp_path / "a.sql").write_text("-- What these are.\n\n-- name: x\nselect 1;\n")
    (tmp_path / "b.sql").write_text("-- name: y\n-- Why.\nselect 2")
    (tmp_path / "notes.txt").write_text("-- name: z")

    statements = load(tmp_path, "sqlite")

    assert sorted(statements) == ["x", "y"]
    assert (statements["x"].text, statements["y"].text) == ("select 1", "select 2")


def test_a_script_is_split_at_its_semicolons_only():
    script = "create table t (a {int8} default ';');  -- one; two\n\ncreate index i on t (a);\n"

    assert spell_script("x", script, "postgres") == [
        "create table t (a bigint default ';')",
        "create index i on t (a)",
    ]


def test_a_script_takes_no_parameters():
    with pytest.raises(StatementInvalid, match="no parameters"):
        spell_script("x", "delete from t where a = :a", "sqlite")


def test_a_part_is_said_once_for_several_statements():
    text = """Some words.

-- part: live
status = 'QUEUED' and at < :now
-- name: live
select 1 from t where {part:live}
-- name: all
select 1 from t where a = :a or ({part:live})
"""

    found = {name: compile_statement(name, body, "sqlite") for name, body in split_named(text, "sqlite")}

    assert found["live"].text == "select 1 from t where status = 'QUEUED' and at < ?1"
    assert found["all"].parameters == {"a", "now"}


def test_a_part_that_is_not_there_is_told():
    with pytest.raises(StatementInvalid, match="has no part 'dead'"):
        list(split_named("-- name: a\nselect {part:dead}\n", "sqlite"))


@pytest.mark.parametrize("schema", [MAIN, TELEMETRY], ids=["main", "telemetry"])
def test_what_sqlite_runs_for_each_row_looks_through_no_table(schema: Schema):
    with sqlite3.connect(":memory:") as connection:
        for migration in sql_files(schema.folder / "migrations"):
            for statement in spell_script(migration.name, migration.read_text(), "sqlite"):
                connection.execute(statement)
        tables = {row[0] for row in connection.execute("select name from sqlite_master where type = 'table'")}
        statements = load(schema.folder / "sql", "sqlite")
        for one in [statements[name] for name in statements if statements[name].runs_each]:
            plan = connection.execute(f"explain query plan {one.text}", [None] * _places(one.text))
            looked_through = {row[3].split()[1] for row in plan if row[3].startswith("SCAN ")}
            assert not looked_through & tables, one.name


def _places(text: str) -> int:
    return max(int(number) for number in re.findall(r"\?(\d+)", text))
