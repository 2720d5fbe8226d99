"""SQL said once: how statements are found, checked and spelled."""

import re
from pathlib import Path

import pytest

from perdure.core.storage_errors import StatementInvalid
from perdure.store.database import Dialect
from perdure.store.statements import compile_statement, load, spell_script, split_named


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
            "select r.a from {rows:new(a text, b int8)} as r",
            "select r.a from (select ?1 as a, ?2 as b) as r",
            "select r.a from (select * from unnest(cast($1 as text[]), cast($2 as bigint[]))"
            " as new_(a, b)) as r",
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
    template = "select 1 from {rows:new(a text, b int8)} as r where a in {list:ids} and b < :now"
    params = {"new": [{"a": "x", "b": 1}, {"b": 2, "a": None}], "ids": ["é"], "now": 3}

    sqlite = compile_statement("x", template, "sqlite").arguments(params)
    postgres = compile_statement("x", template, "postgres").arguments(params)

    assert sqlite == [("x", 1, '["é"]', 3), (None, 2, '["é"]', 3)]
    assert postgres == [["x", None], [1, 2], ["é"], 3]


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
