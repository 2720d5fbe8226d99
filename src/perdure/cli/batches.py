"""`perdure batches …`."""

from typing import Annotated

import typer

from perdure.cli.trigger import Json, Timeout

app = typer.Typer()

BatchId = Annotated[str, typer.Argument(metavar="BATCH", help="The batch's id.")]


@app.callback(invoke_without_command=True)
def batches(context: typer.Context) -> None:
    """Look at batches, and cancel them; `perdure trigger --batch` makes them."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
def get(batch: BatchId, json: Json = False) -> None:
    """Show a batch: where it is, how its runs stand, and which items became none."""
    from perdure.cli.batchscreen import show_batch
    from perdure.cli.remote import server
    from perdure.cli.screen import show_json

    with server() as client:
        found = client.batches.retrieve(batch)
        if json:
            show_json(found)
            return
        show_batch(found, client.runs.list(batch=batch, size=100))


@app.command()
def results(batch: BatchId, timeout: Timeout = None, json: Json = False) -> int:
    """Wait until all runs of a batch have ended, and show what became of each.

    With --json, one line for each item.
    """
    from perdure.cli.batchscreen import show_results
    from perdure.cli.remote import read_duration, server

    with server() as client:
        return show_results(client, [batch], read_duration(timeout), json=json)


@app.command()
def cancel(
    batch: Annotated[list[str], typer.Argument(metavar="BATCH...", help="The batches' ids.")],
    json: Json = False,
) -> None:
    """Cancel the runs of batches, with their unfinished children.

    Those that have ended stay as they are.
    """
    from perdure.cli.remote import server
    from perdure.cli.screen import show_json

    with server() as client:
        canceled = {id: client.batches.cancel(id) for id in batch}
    if json:
        show_json([{"id": id, "canceled": count} for id, count in canceled.items()])
        return
    for id, count in canceled.items():
        print(f"{id}  {count:,} runs canceled")
