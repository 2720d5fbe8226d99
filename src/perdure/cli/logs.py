"""`perdure logs`."""

from typing import Annotated

import typer

Text = Annotated[str | None, typer.Option(metavar="TEXT")]


def logs(
    text: Annotated[str | None, typer.Argument(metavar="[TEXT]", help="Part of the message.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Show lines as they come.")] = False,
    level: Annotated[
        list[str] | None,
        typer.Option("--level", "-l", metavar="LEVEL", help="As in warning or error; may be repeated."),
    ] = None,
    task: Text = None,
    run: Text = None,
    created_from: Annotated[
        str | None, typer.Option("--from", metavar="MOMENT", help="Said at or after this.")
    ] = None,
    created_to: Annotated[
        str | None, typer.Option("--to", metavar="MOMENT", help="Said at or before this.")
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", metavar="NUMBER", min=1, help="How many of the last.")
    ] = 100,
    json: Annotated[bool, typer.Option("--json", help="Write one JSON object a line.")] = False,
) -> None:
    """Show the log lines of all runs: the last, or with --follow those that come."""
    from itertools import islice

    from perdure.cli.logscreen import FoundLines
    from perdure.cli.remote import read_moment, server

    filters = {"text": text, "level": level or None, "task": task, "run": run}
    bounds = {"from_": read_moment(created_from), "to": read_moment(created_to), "size": min(limit, 1000)}
    lines = FoundLines(json=json)
    with server() as client:
        if follow:
            for line in client.logs.follow(**filters):
                lines.show(line)
            return
        found = list(islice(client.logs.search(**filters, **bounds), limit))
    for line in reversed(found):
        lines.show(line)
