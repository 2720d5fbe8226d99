"""`perdure tasks`."""

from pathlib import Path
from typing import Annotated

import typer

from perdure.cli.folder import Folder, find_root, has_settings, import_tasks
from perdure.wire.workers import TaskInfo, Tasks


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
    from perdure.cli.screen import show_json

    root = find_root(folder)
    found = _of_server() if server or not (folder or _is_project(root)) else import_tasks(root)
    if json:
        show_json(found)
    else:
        _show(found)


def _is_project(root: Path) -> bool:
    return has_settings(root) or (root / "tasks").is_dir()


def _of_server() -> Tasks:
    from perdure.cli.remote import server

    with server() as client:
        return client.tasks()


def _show(found: Tasks) -> None:
    from rich.text import Text

    from perdure.cli.screen import console, show_table

    if found.tasks:
        rows = [(task.id, f"{task.file_path}:{task.line}", _traits(task)) for task in found.tasks]
        show_table(("TASK", "PLACE", ""), rows, keep=("TASK",))
    else:
        console().print("There are no tasks.")
    for problem in found.problems:
        place = f"{problem.file_path}:{problem.line}" if problem.line else problem.file_path
        console().print(Text.assemble("\n", (place, "red"), "  ", problem.message))
        if problem.stack_trace:
            console().print(Text(problem.stack_trace.rstrip(), "dim"))


def _traits(task: TaskInfo) -> str:
    """Return what is not as it is by default."""
    traits = [] if task.is_async else ["sync"]
    if task.queue.name != f"task/{task.id}":
        traits.append(f"queue {task.queue.name}")
    if task.queue.concurrency_limit is not None:
        traits.append(f"{task.queue.concurrency_limit} at once")
    if task.retry.max_attempts != type(task.retry)().max_attempts:
        traits.append(f"{task.retry.max_attempts} attempts" if task.retry.max_attempts > 1 else "no retry")
    if task.machine:
        traits.append(task.machine)
    if task.isolation != "process":
        traits.append(task.isolation)
    return ", ".join(traits)
