"""`perdure dev`."""

import os
from typing import Annotated

import typer

from perdure.cli.exits import Exit
from perdure.cli.folder import Folder, find_root
from perdure.cli.server import Host, Port
from perdure.cli.worker import Concurrency


def dev(
    folder: Folder = None,
    host: Host = None,
    port: Port = None,
    concurrency: Concurrency = None,
    reload: Annotated[
        bool, typer.Option("--reload/--no-reload", help="Restart the worker when a file is saved.")
    ] = True,
) -> int:
    """Run a server and a worker here, and show what happens.

    Everything is kept in the project's .perdure folder, the key of its dev environment too.  What is
    saved is loaded anew; runs under way finish with the code they began with.
    """
    import asyncio

    from perdure.cli.devkey import keep_key
    from perdure.cli.devtree import DevTree, Plan
    from perdure.sdk.project import load_project

    project = load_project(find_root(folder))
    arguments = ["--host", host] if host else []
    arguments += ["--port", str(port)] if port is not None else []
    variables = {
        **os.environ,
        "PERDURE_SECRET_KEY": keep_key(project.root, os.environ.get("PERDURE_SECRET_KEY")),
    }
    plan = Plan(
        root=project.root,
        name=project.name,
        variables=variables,
        server=("server", *arguments),
        worker=("worker", str(project.root), *(["--concurrency", str(concurrency)] if concurrency else [])),
        reload=reload,
    )
    try:
        return asyncio.run(DevTree(plan).run())
    except KeyboardInterrupt:  # before the signals are heeded
        return Exit.FAILED
