"""`perdure runs …`."""

from typing import Annotated

import typer

from perdure.cli.trigger import Json, Metadata, Payload, Tag, Timeout, Wait

app = typer.Typer()

RunId = Annotated[str, typer.Argument(metavar="RUN", help="The run's id.")]
Many = Annotated[list[str] | None, typer.Option(metavar="TEXT", help="May be repeated.")]
From = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="KEY",
        help="Where to begin: a checkpoint's key, a state's number, or last; `runs stack` shows them.",
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=JSON",
        help="A local's new value there, as in total=5 or pay.total=5; may be repeated.",
    ),
]
Text = Annotated[str | None, typer.Option(metavar="TEXT")]


@app.callback(invoke_without_command=True)
def runs(context: typer.Context) -> None:
    """Look at runs, cancel and replay them."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command("list")
def list_runs(
    status: Annotated[
        list[str] | None,
        typer.Option("--status", "-s", metavar="STATUS", help="As in failed or executing; may be repeated."),
    ] = None,
    task: Many = None,
    tag: Tag = None,
    version: Many = None,
    queue: Many = None,
    machine: Many = None,
    region: Many = None,
    batch: Text = None,
    schedule: Text = None,
    root: Annotated[str | None, typer.Option(metavar="RUN", help="Runs that this one led to.")] = None,
    parent: Annotated[str | None, typer.Option(metavar="RUN", help="Runs that this one triggered.")] = None,
    test: Annotated[bool | None, typer.Option("--test/--no-test", help="Only tests, or none.")] = None,
    period: Annotated[
        str | None, typer.Option(metavar="DURATION", help="Created in this last time, as in 1d.")
    ] = None,
    created_from: Annotated[
        str | None, typer.Option("--from", metavar="MOMENT", help="Created at or after this.")
    ] = None,
    created_to: Annotated[
        str | None, typer.Option("--to", metavar="MOMENT", help="Created at or before this.")
    ] = None,
    after: Annotated[str | None, typer.Option(metavar="RUN", help="Only runs older than this one.")] = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", metavar="NUMBER", min=1, help="How many at most.")
    ] = 25,
    json: Json = False,
) -> None:
    """List runs, newest first; each filter narrows the list."""
    from itertools import islice

    from perdure.cli.remote import read_duration, read_moment, read_statuses, server
    from perdure.cli.runscreen import show_list
    from perdure.cli.screen import show_json

    if period is not None:
        read_duration(period)
    filters = {
        "status": read_statuses(status),
        "task": task or None,
        "tag": tag or None,
        "version": version or None,
        "queue": queue or None,
        "machine": machine or None,
        "region": region or None,
        "batch": batch,
        "schedule": schedule,
        "root": root,
        "parent": parent,
        "is_test": test,
        "period": period,
        "created_from": read_moment(created_from),
        "created_to": read_moment(created_to),
        "after": after,
        "size": min(limit, 100),
    }
    with server() as client:
        found = list(islice(client.runs.list(**filters), limit))
    if json:
        show_json(found)
    else:
        show_list(found, is_full=len(found) == limit)


@app.command()
def get(run: RunId, json: Json = False) -> None:
    """Show a run in full."""
    from perdure.cli.remote import server
    from perdure.cli.runscreen import show_run
    from perdure.cli.screen import show_json

    with server() as client:
        found = client.runs.retrieve(run)
    if json:
        show_json(found)
    else:
        show_run(found)


@app.command()
def stack(run: RunId, json: Json = False) -> None:
    """Show where a parked run stands: its functions, their locals, and what it waits for.

    Its checkpoints are listed too; of a run that is not parked, what it does instead.
    """
    from perdure.cli.remote import server
    from perdure.cli.screen import show_json
    from perdure.cli.stackscreen import is_parked, show_stack

    with server() as client:
        found, stored = client.runs.retrieve(run), client.runs.snapshots(run)
    if json:
        told = {"id": run, "taskIdentifier": found.task_identifier, "status": found.status.value}
        show_json({**told, "isParked": is_parked(found, stored), **stored.to_wire()})
    else:
        show_stack(found, stored)


@app.command()
def cancel(
    run: Annotated[list[str], typer.Argument(metavar="RUN...", help="The runs' ids.")], json: Json = False
) -> None:
    """Cancel runs, with their unfinished children.

    Those that have ended stay as they are.
    """
    from perdure.cli.remote import server
    from perdure.cli.screen import console, show_json, status_text

    with server() as client:
        for id in run:
            client.runs.cancel(id)
        found = [client.runs.retrieve(id) for id in run]
    if json:
        show_json([{"id": each.id, "status": each.status.value} for each in found])
        return
    for each in found:
        console().print(each.id, status_text(each.status))


@app.command()
def why(run: RunId, json: Json = False) -> None:
    """Tell why a run is not running, and what can be done about it."""
    from perdure.cli.remote import server
    from perdure.cli.screen import show_json
    from perdure.cli.whyscreen import show_why

    with server() as client:
        found = client.runs.why(run)
    if json:
        show_json(found)
    else:
        show_why(found)


@app.command()
def bump(run: RunId, json: Json = False) -> None:
    """Put a run that stands in line first in its queue.

    Limits, rates and pauses hold for it as for the others.
    """
    from perdure.cli.remote import server
    from perdure.cli.screen import show_json

    with server() as client:
        client.runs.bump(run)
    if json:
        show_json({"id": run})
    else:
        print(f"{run} is the first in its queue.")


@app.command()
def reschedule(
    run: RunId,
    delay: Annotated[
        str,
        typer.Option(metavar="DURATION|MOMENT", help="When to start: 10m, 0, or 2026-12-24T18:00."),
    ],
    json: Json = False,
) -> None:
    """Let a delayed run start at another time."""
    from perdure.cli.remote import read_moment, server
    from perdure.cli.screen import moment_text, show_json

    until = read_moment(delay)
    assert until is not None
    with server() as client:
        found = client.runs.reschedule(run, until)
    if json:
        show_json(found)
    else:
        print(f"{run} starts at {moment_text(found.delayed_until)}.")


@app.command()
def replay(
    run: RunId,
    begin: From = None,
    set: Set = None,
    payload: Payload = None,
    metadata: Metadata = None,
    tag: Tag = None,
    wait: Wait = False,
    timeout: Timeout = None,
    json: Json = False,
) -> int:
    """Trigger a new run like this one, with changes or without.

    With --from it begins in the middle: at a checkpoint, or where the run stood when it waited.
    """
    from perdure.cli.remote import read_duration, read_json, read_locals, server
    from perdure.cli.waiting import finish, say_triggered
    from perdure.wire.runs import Triggered

    changes = {
        **({} if payload is None else {"payload": read_json(payload, "--payload")}),
        **({} if metadata is None else {"metadata": read_json(metadata, "--metadata")}),
        **({"tags": tag} if tag else {}),
    }
    limit = read_duration(timeout)
    locals = read_locals(set or [], begin)
    with server() as client:
        made = client.runs.replay(run, from_=begin, locals=locals, **changes)
        if wait:
            return finish(client, made, limit, json=json)
        say_triggered(f"replay of {run}", Triggered(id=made, is_cached=False), json=json)
        return 0


@app.command()
def logs(
    run: RunId,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run has ended.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Write one JSON object a line.")] = False,
) -> None:
    """Show what happened in a run, with its log lines."""
    from perdure.cli.remote import server
    from perdure.cli.runscreen import EventLines

    lines = EventLines(json=json)
    with server() as client:
        for event in client.runs.events(run, follow=follow):
            lines.show(event)


@app.command()
def trace(
    run: RunId,
    logs: Annotated[bool, typer.Option("--logs/--no-logs", help="With its log lines.")] = True,
    json: Json = False,
) -> None:
    """Show what happened in a run and in those it triggered, when, and for how long."""
    from perdure.cli.remote import server
    from perdure.cli.screen import show_json
    from perdure.cli.tracescreen import show_trace

    with server() as client:
        found = client.runs.trace(run)
    if json:
        show_json(found)
    else:
        show_trace(found, logs=logs)
