"""Which project a command is about."""

import contextlib
import sys
import tomllib
from pathlib import Path
from typing import Annotated

import typer

from perdure.wire.workers import Tasks

Folder = Annotated[
    Path | None,
    typer.Argument(
        help="The project's folder.", show_default="this one, or the one above that holds a project"
    ),
]


def find_root(folder: Path | None) -> Path:
    """Return the folder that was named, or else the nearest one at or above this that holds a project.

    A folder holds a project when it has a `perdure.toml`, or a `pyproject.toml` with `[tool.perdure]`.
    When there is none, this folder is one with the default settings.
    """
    here = Path.cwd()
    if folder is not None:
        return here / folder
    return next((place for place in (here, *here.parents) if has_settings(place)), here)


def has_settings(folder: Path) -> bool:
    """Tell whether a folder has settings of a project."""
    from perdure.sdk.project import OWN_FILE, SHARED_FILE

    if (folder / OWN_FILE).is_file():
        return True
    try:
        shared = tomllib.loads((folder / SHARED_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return "perdure" in shared.get("tool", {})


def import_tasks(root: Path) -> Tasks:
    """Import a project here, and return what is in it.

    What its modules print goes to standard error, so that it does not spoil ours.

    Raises:
        ProjectUnloadable, BadSetting: its settings can't be read.
    """
    from perdure.sdk.discover import discover
    from perdure.sdk.project import load_project
    from perdure.wire.workers import TaskInfo

    project = load_project(root)
    with contextlib.redirect_stdout(sys.stderr):
        catalog = discover(project)
    manifests = [task.manifest() for task in catalog.tasks.values()]
    return Tasks(
        tasks=[TaskInfo(**dict(manifest), version="") for manifest in manifests], problems=catalog.problems
    )
