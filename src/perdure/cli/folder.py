"""Which project a command is about."""

import tomllib
from pathlib import Path
from typing import Annotated

import typer

Folder = Annotated[
    Path | None,
    typer.Argument(
        metavar="FOLDER",
        help="The project's folder.",
        show_default="this one, or the one above that holds a project",
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


def nearest_project(path: Path) -> Path | None:
    """Return the nearest folder, at or above a file or folder, that holds a project; None if none does."""
    whole = path.resolve()
    return next((place for place in (whole, *whole.parents) if has_settings(place)), None)


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
