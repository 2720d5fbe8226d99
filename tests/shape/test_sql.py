"""SQL is said once, for both dialects, and all of it is used."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

from perdure.core.lifecycle import Status
from tests.shape import source

STATEMENT_METHODS = {"all", "one", "maybe", "run", "many"}

# Statuses of other things than runs, each said where its table is made.
ATTEMPT_STATUSES = {"EXECUTING", "COMPLETED", "FAILED", "CANCELED", "RELEASED", "LOST"}

_NAME = re.compile(r"^-- name: *(\w+)(?: *\((?:sqlite|postgres)\))? *$", re.MULTILINE)
_COMMENT = re.compile(r"--[^\n]*")
_TEXT = re.compile(r"'((?:[^']|'')*)'")


def _defined() -> list[str]:
    """Return the statements by name; the two variants of one stand in one file and count once."""
    return [name for path in source.sql_files() for name in set(_NAME.findall(path.read_text("utf-8")))]


def _used() -> set[str]:
    """Return every text that is given to a statement method, or kept to be given to one."""
    used = set()
    for path in source.modules(source.PACKAGE / "store"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                used.add(node.value)
    return used


def _asked_for() -> set[str]:
    """Return the names in calls such as `tx.all("name", …)`."""
    asked = set()
    for path in source.modules(source.PACKAGE):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in STATEMENT_METHODS
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "tx"
                and node.args
                and isinstance(node.args[0], ast.Constant)
            ):
                asked.add(node.args[0].value)
    return asked


def test_a_statement_is_defined_once():
    twice = [name for name, count in Counter(_defined()).items() if count > 1]

    assert twice == []


def test_each_statement_is_used():
    unused = sorted(set(_defined()) - _used())

    assert unused == []


def test_each_statement_that_is_asked_for_exists():
    missing = sorted(_asked_for() - set(_defined()))

    assert missing == []


@pytest.mark.parametrize("path", source.sql_files(), ids=lambda path: str(path.relative_to(source.PACKAGE)))
def test_sql_keeps_to_what_both_dialects_know(path: Path):
    text = _COMMENT.sub("", path.read_text("utf-8"))

    assert "::" not in text
    assert "%" not in _TEXT.sub("", text)
    assert not re.search(r"\bnow\s*\(|\bcurrent_timestamp\b", text, re.IGNORECASE)


@pytest.mark.parametrize("path", source.sql_files(), ids=lambda path: str(path.relative_to(source.PACKAGE)))
def test_each_status_in_sql_is_one_of_the_life_of_a_run(path: Path):
    text = _COMMENT.sub("", path.read_text("utf-8"))
    shouted = {literal for literal in _TEXT.findall(text) if re.fullmatch(r"[A-Z_]{3,}", literal)}

    assert shouted <= {status.value for status in Status} | ATTEMPT_STATUSES
