"""`perdure dead-letters …`."""

from typing import Annotated, Any

import typer

from perdure.cli.trigger import Json

app = typer.Typer()

RunId = Annotated[str, typer.Argument(metavar="RUN", help="The run's id.")]
Runs = Annotated[list[str] | None, typer.Argument(metavar="RUN...", help="The runs' ids.")]
All = Annotated[bool, typer.Option("--all", help="All on the list that the filters let through.")]
Task = Annotated[list[str] | None, typer.Option(metavar="TASK", help="May be repeated.")]
Queue = Annotated[list[str] | None, typer.Option(metavar="NAME", help="May be repeated.")]
Status = Annotated[
    list[str] | None,
    typer.Option("--status", "-s", metavar="STATUS", help="As in failed or timed-out; may be repeated."),
]
Period = Annotated[str | None, typer.Option(metavar="DURATION", help="Failed in this last time, as in 1d.")]
From = Annotated[str | None, typer.Option("--from", metavar="MOMENT", help="Failed at or after this.")]
To = Annotated[str | None, typer.Option("--to", metavar="MOMENT", help="Failed at or before this.")]


@app.callback(invoke_without_command=True)
def dead_letters(context: typer.Context) -> None:
    """Runs that failed for good, of tasks and queues with dead_letters=True: look, redrive, discard."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command("list")
def list_letters(
    task: Task = None,
    queue: Queue = None,
    status: Status = None,
    period: Period = None,
    failed_from: From = None,
    failed_to: To = None,
    redriven: Annotated[bool, typer.Option("--redriven", help="Those that were redriven, instead.")] = False,
    limit: Annotated[
        int, typer.Option("--limit", "-n", metavar="NUMBER", min=1, help="How many at most.")
    ] = 25,
    json: Json = False,
) -> None:
    """List what failed for good, the last failure first; each filter narrows the list."""
    from itertools import islice

    from perdure.cli.letterscreen import show_letters
    from perdure.cli.remote import server
    from perdure.cli.screen import show_json

    filters = _filters(task, queue, status, period, failed_from, failed_to)
    state = "redriven" if redriven else "open"
    with server() as client:
        found = list(islice(client.dead_letters.list(**filters, state=state, size=min(limit, 100)), limit))
    if json:
        show_json(found)
    else:
        show_letters(found, is_full=len(found) == limit)


@app.command()
def get(run: RunId, json: Json = False) -> None:
    """Show why a run failed, and what was made in its place."""
    from perdure.cli.letterscreen import show_letter
    from perdure.cli.remote import server
    from perdure.cli.screen import show_json

    with server() as client:
        found = client.dead_letters.retrieve(run)
    if json:
        show_json(found)
    else:
        show_letter(found)


@app.command()
def redrive(
    run: Runs = None,
    all: All = False,
    task: Task = None,
    queue: Queue = None,
    status: Status = None,
    period: Period = None,
    failed_from: From = None,
    failed_to: To = None,
    json: Json = False,
) -> None:
    """Trigger failed runs again, as they were; they leave the list."""
    from perdure.cli.remote import server
    from perdure.cli.screen import show_json, show_table

    filters = _filters(task, queue, status, period, failed_from, failed_to)
    with server() as client:
        made = client.dead_letters.redrive(*(run or ()), all=all, **filters)
    if json:
        show_json([{"run": old, "redrivenAs": new} for old, new in made.items()])
    elif made:
        show_table(("RUN", "REDRIVEN AS"), made.items(), keep=("RUN", "REDRIVEN AS"))
    else:
        print("There are no such dead letters.")


@app.command()
def discard(
    run: Runs = None,
    all: All = False,
    task: Task = None,
    queue: Queue = None,
    status: Status = None,
    period: Period = None,
    failed_from: From = None,
    failed_to: To = None,
    json: Json = False,
) -> None:
    """Take failed runs off the list; they stay as long as others do."""
    from perdure.cli.remote import server
    from perdure.cli.screen import show_json

    filters = _filters(task, queue, status, period, failed_from, failed_to)
    with server() as client:
        count = client.dead_letters.discard(*(run or ()), all=all, **filters)
    if json:
        show_json({"discarded": count})
    else:
        print(f"{count:,} discarded.")


def _filters(
    task: list[str] | None,
    queue: list[str] | None,
    status: list[str] | None,
    period: str | None,
    *moments: str | None,
) -> dict[str, Any]:
    """Return the filters that are given, as the client takes them."""
    from perdure.cli.remote import read_duration, read_moment, read_statuses

    if period is not None:
        read_duration(period)
    failed_from, failed_to = map(read_moment, moments)
    given = {
        "task": task or None,
        "queue": queue or None,
        "status": read_statuses(status),
        "period": period,
        "failed_from": failed_from,
        "failed_to": failed_to,
    }
    return {name: value for name, value in given.items() if value is not None}
