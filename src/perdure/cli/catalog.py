"""What a project holds, here or as the server knows it, and how it looks."""

import contextlib
import sys
from pathlib import Path

from rich.text import Text

from perdure.cli.remote import server
from perdure.cli.screen import console, place_text, show_table
from perdure.sdk.discover import discover
from perdure.sdk.project import load_project
from perdure.wire.workers import TaskInfo, Tasks


def tasks_of_server() -> Tasks:
    """Ask the server for the tasks of its current version."""
    with server() as client:
        return client.tasks()


def import_tasks(root: Path) -> Tasks:
    """Import a project here, and return what is in it.

    What its modules print goes to standard error, so that it does not spoil ours.

    Raises:
        ProjectUnloadable, BadSetting: its settings can't be read.
    """
    project = load_project(root)
    with contextlib.redirect_stdout(sys.stderr):
        catalog = discover(project)
    manifests = [task.manifest() for task in catalog.tasks.values()]
    return Tasks(
        tasks=[TaskInfo(**dict(manifest), version="") for manifest in manifests], problems=catalog.problems
    )


def show_tasks(found: Tasks) -> None:
    """Write what a project holds, and what of it does not import."""
    if found.tasks:
        rows = [(task.id, f"{task.file_path}:{task.line}", _traits(task)) for task in found.tasks]
        show_table(("TASK", "PLACE", ""), rows, keep=("TASK",))
    else:
        console().print("There are no tasks.")
    for problem in found.problems:
        console().print(Text.assemble("\n", (place_text(problem), "red"), "  ", problem.message))
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
    traits += [f"cron {one.cron} {one.timezone}".removesuffix(" UTC") for one in task.schedules]
    if task.machine:
        traits.append(task.machine)
    if task.isolation != "process":
        traits.append(task.isolation)
    return ", ".join(traits)
