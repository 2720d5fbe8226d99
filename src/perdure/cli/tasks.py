"""`perdure tasks`."""

from pathlib import Path
from typing import Annotated

import typer

from perdure.cli.folder import Folder, find_root, has_settings


def tasks(
    folder: Folder = None,
    server: Annotated[
        bool,
        typer.Option(
            "--server", help="Ask the server which tasks it knows, instead of importing the project."
        ),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Write JSON, in the API's spelling.")] = False,
) -> None:
    """List the project's tasks, and what of it does not import.

    In a folder without a project, the server is asked for the tasks of its current version.
    """
    from perdure.cli.catalog import import_tasks, show_tasks, tasks_of_server
    from perdure.cli.screen import show_json

    root = find_root(folder)
    found = tasks_of_server() if server or not (folder or _is_project(root)) else import_tasks(root)
    if json:
        show_json(found)
    else:
        show_tasks(found)


def _is_project(root: Path) -> bool:
    return has_settings(root) or (root / "tasks").is_dir()
