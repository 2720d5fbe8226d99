"""Files of a project, imported as a worker imports them, and where their runs can park."""

import contextlib
import importlib
import itertools
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from rich.text import Text

from perdure import resumable
from perdure.cli.awaits import Await, State, awaits_of
from perdure.cli.screen import console, place_text
from perdure.core.errors import BadOption, NotFound
from perdure.sdk.discover import discover
from perdure.sdk.project import load_project
from perdure.wire.manifests import ImportProblem

_STYLES = {State.PARKS: "green", State.PINNED: "red", State.DEPENDS: "yellow", State.RUNS: "dim"}


@dataclass
class FileTold:
    """A file, and what is told of it."""

    file: str
    awaits: list[Await] = field(default_factory=list)
    problem: ImportProblem | None = None

    @property
    def is_good(self) -> bool:
        """Whether all of it can park, as far as can be told."""
        return self.problem is None and all(found.state is not State.PINNED for found in self.awaits)

    def to_json(self) -> dict[str, Any]:
        """Return it for programs."""
        awaits = [
            {key: value for key, value in vars(found).items() if value is not None} for found in self.awaits
        ]
        problem = {"problem": self.problem.message} if self.problem else {}
        return {"file": self.file, "awaits": awaits, **problem}


def explain_files(paths: Sequence[Path], root: Path | None) -> list[FileTold]:
    """Import files, and tell where their runs can park.

    What they print goes to standard error.

    Args:
        paths: files, or folders, whose files are taken.
        root: the project they are in; None if there is none, and each file stands alone.

    Raises:
        NotFound: there is no such file or folder.
        BadOption: one is no Python file.
    """
    files = list(dict.fromkeys(file for path in paths for file in _files(path)))
    with contextlib.redirect_stdout(sys.stderr):
        problems = _prepare(files, root)
        return [_told(file, root, problems.get(file)) for file in files]


def _files(path: Path) -> Iterator[Path]:
    whole = path.resolve()
    if whole.is_dir():
        inside = (file.relative_to(whole) for file in sorted(whole.rglob("*.py")))
        yield from (
            whole / file
            for file in inside
            if not any(part.startswith(".") or part == "__pycache__" for part in file.parts)
        )
    elif not whole.exists():
        raise NotFound(kind="file", name=path)
    elif whole.suffix != ".py":
        raise BadOption(f"{path} is no Python file: name a .py file, or a folder of them")
    else:
        yield whole


def _prepare(files: Sequence[Path], root: Path | None) -> dict[Path, ImportProblem]:
    """Make ready to import files; import the whole project if there is one, as a worker does."""
    if root is None:
        folders = dict.fromkeys(file.parent for file in files)
        sys.path[:0] = map(str, folders)
        resumable.install(folders)
        return {}
    catalog = discover(load_project(root))
    return {root / problem.file_path: problem for problem in catalog.problems}


def _told(file: Path, root: Path | None, problem: ImportProblem | None) -> FileTold:
    told = FileTold(_shown(file), problem=problem)
    if problem is None:
        try:
            place = root or file.parent
            told.awaits = awaits_of(_module(file, place), place)
        except Exception as error:  # importing runs what the file says
            message = f"{type(error).__name__}: {error}"
            told.problem = ImportProblem(file_path=told.file, message=message)
    return told


def _shown(file: Path) -> str:
    return str(file.relative_to(Path.cwd())) if file.is_relative_to(Path.cwd()) else str(file)


def _module(file: Path, root: Path) -> ModuleType:
    """Return the module of a file, imported under the name that the project's own imports use."""
    for module in list(sys.modules.values()):
        if getattr(module, "__file__", None) == str(file):
            return module
    parts = file.relative_to(root).with_suffix("").parts if file.is_relative_to(root) else (file.stem,)
    return importlib.import_module(".".join(parts[:-1] if parts[-1] == "__init__" else parts))


def show_awaits(found: Sequence[FileTold]) -> None:
    """Write what is told, file by file, and how often each state is there."""
    screen = console()
    for told in found:
        if told.problem is not None:
            screen.print(Text.assemble((place_text(told.problem), "red"), "  ", told.problem.message))
            continue
        for function, awaits in itertools.groupby(told.awaits, lambda one: one.function):
            _show_function(told.file, function, list(awaits))
    counts = Counter(one.state for told in found for one in told.awaits)
    if not counts:
        screen.print("There is no await.")
        return
    words = [Text(f"{counts[state]} {state.value}", _STYLES[state]) for state in State if counts[state]]
    screen.print(Text(", ").join(words))


def _show_function(file: str, function: str, awaits: Sequence[Await]) -> None:
    screen = console()
    screen.print(Text.assemble((file, "dim"), "  ", (function, "bold")))
    number = len(str(awaits[-1].line))
    for one in awaits:
        screen.print(
            Text.assemble(
                f"  {one.line:>{number}}  ", (f"{one.state.value:<7}", _STYLES[one.state]), "  ", one.source
            ),
            no_wrap=True,
            overflow="ellipsis",
        )
        if one.reason is not None:
            screen.print(Text(f"{' ' * (number + 4)}{one.reason}", "red"), soft_wrap=True)
    screen.print()
