"""Finding a project's tasks, by importing its files.

A file that does not import is a problem that is told, and the others work.  Modules are named by their
place under the project's folder (`tasks/mail/send.py` is `tasks.mail.send`), which is put on `sys.path`.
`init.py` in a folder of tasks is imported before the rest of it.
"""

import hashlib
import importlib
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from perdure.core.errors import PerdureError
from perdure.sdk import queues, registry
from perdure.sdk.failures import run_error
from perdure.sdk.project import Project
from perdure.sdk.task import Task
from perdure.wire.manifests import ImportProblem, QueueManifest

INIT = "init.py"


@dataclass
class Catalog:
    """What a project holds."""

    tasks: dict[str, Task[..., Any]] = field(default_factory=dict)
    queues: list[QueueManifest] = field(default_factory=list)
    problems: list[ImportProblem] = field(default_factory=list)
    #: a hash of the project's source and settings: new code has a new one
    code_hash: str = ""


def discover(project: Project) -> Catalog:
    """Import a project's task files, and return what they declare.

    Args:
        project: the project.
    """
    catalog = Catalog()
    project.make_importable()
    files = list(_files(project, catalog))
    for file in files:
        _import(project.root, file, catalog)
    _collect(project, catalog)
    catalog.queues = [queue.manifest() for queue in queues.declared()]
    catalog.code_hash = _hash(project, {*files, *_imported(project.root)})
    return catalog


def _files(project: Project, catalog: Catalog) -> Iterator[Path]:
    for name in project.dirs:
        folder = project.root / name
        if not folder.is_dir():
            message = f"There is no folder {name}: make it, or name others in the setting `dirs`."
            catalog.problems.append(ImportProblem(file_path=name, message=message))
            continue
        found = [file for file in folder.rglob("*.py") if not _is_ignored(project, file)]
        yield from sorted(found, key=lambda file: (file.name != INIT, str(file)))


def _is_ignored(project: Project, file: Path) -> bool:
    inside = file.relative_to(project.root)
    hidden = any(part.startswith(".") or part == "__pycache__" for part in inside.parts)
    return hidden or any(
        fnmatch(name, pattern) for pattern in project.ignore for name in (file.name, inside.as_posix())
    )


def _import(root: Path, file: Path, catalog: Catalog) -> None:
    parts = file.relative_to(root).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    try:
        importlib.import_module(name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        catalog.problems.append(_problem(root, file, error))


def _problem(root: Path, file: Path, error: BaseException) -> ImportProblem:
    shown = run_error(error)
    message = f"{shown.name}: {shown.message}"
    if isinstance(error, SystemExit):
        message = f"The file calls sys.exit({error.code!r}) when it is imported; guard it by __name__."
    return ImportProblem(
        file_path=str(file.relative_to(root)),
        line=_line(error, file),
        message=message,
        stack_trace=shown.stack_trace or "",
    )


def _line(error: BaseException, file: Path) -> int | None:
    if isinstance(error, SyntaxError) and error.filename == str(file):
        return error.lineno
    lines = [
        frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)
    ]
    return lines[-1] if lines else None


def _collect(project: Project, catalog: Catalog) -> None:
    for task in registry.declared():
        if task.function.__module__ not in sys.modules:
            continue  # its file declared it, and then did not import
        first = catalog.tasks.get(task.id)
        task.file_path = _relative(project.root, task.file_path)
        task.settings = task.settings.over(project.defaults)
        if first is not None:
            message = (
                f"Task {task.id} is declared twice, here and in {first.file_path}:{first.line}: "
                "give one of them another id. The first is used."
            )
            catalog.problems.append(ImportProblem(file_path=task.file_path, line=task.line, message=message))
        elif _is_usable(task, catalog):
            catalog.tasks[task.id] = task


def _is_usable(task: Task[..., Any], catalog: Catalog) -> bool:
    try:
        task.manifest()
    except (PerdureError, NameError, TypeError) as error:
        message = f"Task {task.id} can't be used: {error}"
        catalog.problems.append(ImportProblem(file_path=task.file_path, line=task.line, message=message))
        return False
    return True


def _relative(root: Path, file: str) -> str:
    path = Path(file)
    return str(path.relative_to(root)) if path.is_relative_to(root) else file


def _imported(root: Path) -> Iterator[Path]:
    """Return the project's own modules that were imported, wherever in the project they are."""
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if not file or not file.endswith(".py") or "site-packages" in file:
            continue
        path = Path(file)
        if path.is_relative_to(root) and path.is_file():
            yield path


def _hash(project: Project, files: set[Path]) -> str:
    digest = hashlib.sha256(repr(project.defaults).encode())
    for file in sorted(files):
        digest.update(str(file.relative_to(project.root)).encode() + b"\0")
        digest.update(file.read_bytes() + b"\0")
    return digest.hexdigest()
