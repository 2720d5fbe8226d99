"""Small files, small functions (docs: CONTRIBUTING.md)."""

import ast
import math
from pathlib import Path

import pytest

from tests.shape import source

LONGEST_FILE = 399
LONGEST_FUNCTION = 60
LONG_FUNCTION = 25


@pytest.mark.parametrize("path", source.all_python(), ids=lambda path: str(path.relative_to(source.ROOT)))
def test_a_file_is_shorter_than_400_lines(path: Path):
    assert len(path.read_text("utf-8").splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("package", source.packages(), ids=lambda path: path.name)
def test_no_function_is_longer_than_60_lines(package: Path):
    too_long = [str(f) for f in source.functions(package) if f.length > LONGEST_FUNCTION]

    assert too_long == []


@pytest.mark.parametrize("package", source.packages(), ids=lambda path: path.name)
def test_nine_functions_of_ten_have_at_most_25_lines(package: Path):
    found = sorted(source.functions(package), key=lambda f: f.length)
    long = [str(f) for f in found if f.length > LONG_FUNCTION]

    assert len(long) <= math.floor(len(found) * 0.1), long


@pytest.mark.parametrize("path", source.modules(), ids=lambda path: str(path.relative_to(source.PACKAGE)))
def test_no_import_is_hidden_behind_type_checking(path: Path):
    names = {
        node.id if isinstance(node, ast.Name) else node.attr
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Name | ast.Attribute)
    }

    assert "TYPE_CHECKING" not in names
