"""A project's settings: `perdure.toml`, or `[tool.perdure]` in `pyproject.toml`."""

import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from perdure import resumable
from perdure.core.errors import BadSetting, PerdureError, ProjectUnloadable
from perdure.core.names import check_options, nearest
from perdure.core.retry import Retry
from perdure.sdk.task import TaskOptions

OWN_FILE = "perdure.toml"
SHARED_FILE = "pyproject.toml"
SETTINGS = {
    "project": "The project's name; the folder's by default.",
    "dirs": 'The folders that tasks are in; ["tasks"] by default.',
    "ignore": 'Patterns of files to leave out; ["test_*.py", "*_test.py"] by default.',
    "machine": "The machine preset of tasks that name none.",
    "max_duration": "The active time of tasks that name none.",
    "ttl": "How long runs may queue, of tasks that name no TTL.",
    "retry": "The retry policy of tasks that name none: max_attempts, factor, min_timeout, …",
}
"""The name of each setting, and what it does."""

_DEFAULTS = ("machine", "max_duration", "ttl", "retry")


@dataclass(frozen=True)
class Project:
    """Where a project is, and how it is set up."""

    root: Path
    name: str
    #: the folders that tasks are in, relative to the root
    dirs: tuple[str, ...] = ("tasks",)
    #: patterns of file names to leave out
    ignore: tuple[str, ...] = ("test_*.py", "*_test.py", "conftest.py")
    #: what tasks take over that say nothing themselves
    defaults: TaskOptions = field(default_factory=TaskOptions)

    def make_importable(self) -> None:
        """Put the project's folder on `sys.path`, and have its tasks rewritten when they are imported."""
        root = str(self.root)
        if root not in sys.path:
            sys.path.insert(0, root)
        resumable.install(self.root / name for name in self.dirs)


def load_project(root: Path) -> Project:
    """Read a project's settings; a folder without any has the default ones.

    Args:
        root: the project's folder.

    Raises:
        ProjectUnloadable: the folder does not exist, or a settings file is no TOML.
        BadSetting: a setting is unknown (the nearest is named) or has a value it can't have.
    """
    root = root.resolve()
    if not root.is_dir():
        raise ProjectUnloadable(reason=f"there is no folder {root}")
    settings = _read(root)
    for name in settings:
        if name not in SETTINGS:
            raise BadSetting(setting=name, reason=f"there is none of this name; {nearest(name, SETTINGS)}")
    return Project(
        root,
        name=_of_type(settings, "project", str, root.name),
        dirs=_folders(root, settings),
        ignore=_texts(settings, "ignore", Project.ignore),
        defaults=_task_defaults(settings),
    )


def _read(root: Path) -> dict[str, Any]:
    own = root / OWN_FILE
    if own.is_file():
        return _toml(own)
    shared = root / SHARED_FILE
    return _toml(shared).get("tool", {}).get("perdure", {}) if shared.is_file() else {}


def _toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProjectUnloadable(reason=f"{file} is no TOML: {error}") from None


def _task_defaults(settings: dict[str, Any]) -> TaskOptions:
    options = TaskOptions()
    for name in _DEFAULTS:
        if name in settings:
            try:
                options = replace(options, **{name: _READERS.get(name, _as_it_is)(settings[name])})
            except (PerdureError, TypeError) as error:
                raise BadSetting(setting=name, reason=str(error)) from None
    return options


def _as_it_is(value: Any) -> Any:
    return value


def _retry(value: Any) -> Retry:
    if not isinstance(value, dict):
        raise TypeError(f"{value!r} is no table")
    check_options(value, [option.name for option in fields(Retry)])
    return Retry(**value)


_READERS: dict[str, Callable[[Any], Any]] = {"retry": _retry}


def _texts(settings: dict[str, Any], name: str, default: tuple[str, ...]) -> tuple[str, ...]:
    values = _of_type(settings, name, list, list(default))
    if not all(isinstance(value, str) for value in values):
        raise BadSetting(setting=name, reason=f"{values!r} is no list of texts")
    return tuple(values)


def _folders(root: Path, settings: dict[str, Any]) -> tuple[str, ...]:
    names = _texts(settings, "dirs", Project.dirs)
    for name in names:
        if not (root / name).resolve().is_relative_to(root):
            raise BadSetting(setting="dirs", reason=f"{name} is outside of the project")
    return names


def _of_type(settings: dict[str, Any], name: str, kind: type, default: Any) -> Any:
    value = settings.get(name, default)
    if not isinstance(value, kind):
        raise BadSetting(setting=name, reason=f"{value!r} is no {_KINDS[kind]}")
    return value


_KINDS = {str: "text", list: "list"}
