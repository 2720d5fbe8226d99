"""`perdure worker`."""

import sys
from typing import Annotated

import typer

from perdure.cli.folder import Folder, find_root
from perdure.cli.kin import Parent, end_with

Concurrency = Annotated[
    int | None, typer.Option(min=1, metavar="NUMBER", help="Runs at once.", show_default="ten per processor")
]


def worker(
    folder: Folder = None,
    concurrency: Concurrency = None,
    name: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT", help="What the worker is called.", show_default="the host and process id"
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show warnings and errors only.")] = False,
    parent: Parent = None,
) -> int:
    """Run a project's tasks, and show them as they run.

    They come from the server at PERDURE_API_URL, with PERDURE_SECRET_KEY.
    """
    end_with(parent)
    import asyncio

    from perdure.cli.live import Paper, RunLines, log_to_screen
    from perdure.worker import main as program
    from perdure.worker.observer import Unwatched
    from perdure.worker.options import WorkerOptions, default_concurrency

    log_to_screen(quiet=quiet or parent is not None)
    options = WorkerOptions(
        concurrency=concurrency or default_concurrency(),
        name=name,
        observer=Unwatched() if quiet else RunLines(Paper(sys.stdout)),
    )
    return asyncio.run(program.work(program.build(find_root(folder), options)))
