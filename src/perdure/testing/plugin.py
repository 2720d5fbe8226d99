"""The pytest plugin: the fixture `perdure`, and projects that can be imported.

It loads nothing but this file until a test file is in a project, and no more than the rewriting of
imports until a test asks for the fixture.
"""

import tomllib
from collections.abc import Generator, Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

_MARKER = "perdure(cross=True, strict=False, start=…): how the fixture `perdure` is set up for a test"
_INI = {
    "perdure_cross": ("at every wait, store the run as bytes and go on from them", True),
    "perdure_strict": ("a run that can't be stored when it waits is an error", False),
}
_OPEN = pytest.StashKey[Any]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the settings."""
    for name, (text, default) in _INI.items():
        parser.addini(name, f"perdure.testing: {text} ({str(default).lower()})", type="bool", default=default)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Make the projects importable that the tests are in, before any conftest.py imports tasks."""
    named = early_config.known_args_namespace.file_or_dir
    here = early_config.invocation_params.dir
    for place in [early_config.rootpath, here, *(here / str(arg).partition("::")[0] for arg in named)]:
        _make_importable(place)


def pytest_configure(config: pytest.Config) -> None:
    """Know the marker."""
    config.addinivalue_line("markers", _MARKER)


def pytest_pycollect_makemodule(module_path: Path) -> None:
    """Make the project importable that a test file is in, before the file is imported."""
    _make_importable(module_path.parent)


@pytest.fixture
def perdure(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Run tasks in process, with a time that the test moves: a `perdure.testing.Harness`."""
    settings: dict[str, Any] = {name.removeprefix("perdure_"): request.config.getini(name) for name in _INI}
    for marker in reversed([*request.node.iter_markers("perdure")]):  # that of the test itself counts most
        settings |= marker.kwargs
    root = project_root(request.path.parent)
    project = None if root is None else _module("perdure.sdk.project").load_project(root)
    with _module("perdure.testing.harness").Harness(project=project, **settings) as harness:
        request.node.stash[_OPEN] = harness
        yield harness


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Show the runs of a test that failed, with their logs."""
    report = yield
    harness = item.stash.get(_OPEN, None)
    if harness is not None and report.when == "call" and report.failed:
        report.sections.append(("Perdure runs", "\n".join(_told(run) for run in harness.runs)))
    return report


def project_root(folder: Path) -> Path | None:
    """Return the folder of the project that a folder is in: the nearest with settings; None without one."""
    return next((place for place in (folder, *folder.parents) if _has_settings(place)), None)


@cache
def _has_settings(folder: Path) -> bool:
    if (folder / "perdure.toml").is_file():
        return True
    shared = folder / "pyproject.toml"
    if not shared.is_file():
        return False
    try:
        return "perdure" in tomllib.loads(shared.read_text("utf-8")).get("tool", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return False


@cache
def _make_importable(folder: Path) -> None:
    root = project_root(folder)
    if root is None:
        return
    try:
        _module("perdure.sdk.project").load_project(root).make_importable()
    except _module("perdure.core.errors").PerdureError as error:
        raise pytest.UsageError(f"{root}: {error}") from error


def _module(name: str) -> Any:
    """Load a module when it is needed: most test suites of a machine have nothing to do with us."""
    return import_module(name)


def _told(run: Any) -> str:
    lines = [f"  {line.level:<7} {line.message}" for line in run.logs]
    return "\n".join([repr(run), *lines])
