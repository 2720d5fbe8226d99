"""Read the repository's own source."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "perdure"

FOLDERS = ("src", "tests", "benchmarks", "examples")


def modules(folder: Path = PACKAGE) -> list[Path]:
    """Return the Python files below a folder."""
    return sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)


def all_python() -> list[Path]:
    """Return every Python file of the repository."""
    return [path for folder in FOLDERS for path in modules(ROOT / folder)]


def packages() -> list[Path]:
    """Return the packages of Perdure."""
    return sorted(path.parent for path in PACKAGE.glob("*/__init__.py"))


@dataclass(frozen=True)
class Function:
    """A function of ours, and how long its body is without its docstring."""

    path: Path
    name: str
    line: int
    length: int

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line} {self.name} ({self.length} lines)"


def functions(folder: Path) -> list[Function]:
    """Return the functions below a folder, nested ones too."""
    return [function for path in modules(folder) for function in _functions_of(path)]


def _functions_of(path: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            length = body[-1].end_lineno - body[0].lineno + 1 if body else 0  # type: ignore[operator]
            yield Function(path, node.name, node.lineno, length)


def sql_files() -> list[Path]:
    """Return the SQL files of the store."""
    return sorted((PACKAGE / "store").rglob("*.sql"))
