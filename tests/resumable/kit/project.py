"""A user's project in a folder: write a module, import it rewritten, change it, import it again."""

import importlib
import itertools
import sys
from pathlib import Path
from textwrap import dedent
from types import CoroutineType, ModuleType
from typing import Any

from perdure.resumable import install

_numbers = itertools.count(1)


class Folder:
    """Modules under one folder on the path."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.names = folder, set()
        folder.mkdir(parents=True, exist_ok=True)
        sys.path.insert(0, str(folder))

    def write(self, source: str, name: str | None = None) -> str:
        """Store a module, and say its name: a new one unless one is given."""
        name = name or f"project_{next(_numbers)}"
        (self.folder / f"{name}.py").write_text(dedent(source), encoding="utf-8")
        return name

    def load(self, name: str) -> ModuleType:
        """Import the module as a new process would."""
        self.names.add(name)
        sys.modules.pop(name, None)
        importlib.invalidate_caches()
        return importlib.import_module(name)

    def module(self, source: str, name: str | None = None) -> ModuleType:
        """Write and load."""
        return self.load(self.write(source, name))

    def line(self, module: ModuleType, text: str, after: str = "") -> int:
        """The number of the first line with this text, below the one with the other."""
        lines = (self.folder / f"{module.__name__}.py").read_text(encoding="utf-8").splitlines()
        start = next(number for number, line in enumerate(lines) if after in line)
        return next(number for number, line in enumerate(lines[start:], start + 1) if text in line)

    def close(self) -> None:
        sys.path.remove(str(self.folder))
        for name in self.names:
            sys.modules.pop(name, None)


class Project(Folder):
    """A folder that `install` has been told of."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        install([folder])


def waiting(coroutine: Any) -> CoroutineType:
    """The coroutine, driven to its first wait."""
    coroutine.send(None)
    return coroutine


def result(coroutine: Any, *answers: Any) -> Any:
    """Drive a coroutine to its end: start it, and give the answers in turn."""
    try:
        coroutine.send(None)
        for each in answers:
            coroutine.send(each)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("the coroutine still waits")
