"""`perdure explain`."""

from pathlib import Path
from typing import Annotated

import typer

from perdure.cli.exits import Exit
from perdure.cli.folder import nearest_project

Files = Annotated[
    list[Path], typer.Argument(metavar="FILE...", help="Files of a project, or folders.", show_default=False)
]


def explain(files: Files, json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False) -> int:
    """Tell where the runs of a project can park: each await of its async functions, and why not.

    parks: the run is stored there, and holds nothing while it waits. pinned: a wait there stays in the
    worker's memory; the reason is told. runs: a library's coroutine, which is no wait. depends: what is
    awaited is not known before it runs.

    What a local holds is known only at run time, so this is no promise. The exit code is 1 if an await is
    pinned or a file does not import, and 0 otherwise.
    """
    from perdure.cli.explaining import explain_files, show_awaits
    from perdure.cli.screen import show_json

    found = explain_files(files, nearest_project(files[0]))
    if json:
        show_json([told.to_json() for told in found])
    else:
        show_awaits(found)
    return Exit.OK if all(told.is_good for told in found) else Exit.FAILED
