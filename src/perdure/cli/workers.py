"""`perdure workers`."""

from typing import Annotated

import typer


def workers(
    json: Annotated[bool, typer.Option("--json", help="Write JSON, in the API's spelling.")] = False,
) -> None:
    """List the workers that are connected."""
    from perdure.cli.remote import server
    from perdure.cli.screen import moment_text, show_json, show_table

    with server() as client:
        found = client.workers().workers
    if json:
        show_json(found)
    elif not found:
        print("No worker is connected: start one with `perdure dev` or `perdure worker`.")
    else:
        rows = [
            (
                worker.name,
                worker.version,
                f"{worker.running}/{worker.concurrency}",
                moment_text(worker.connected_at),
            )
            for worker in found
        ]
        show_table(("NAME", "VERSION", "RUNNING", "SINCE"), rows, keep=("NAME",))
