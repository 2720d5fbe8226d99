"""`perdure schedules …`."""

from typing import Annotated

import typer

from perdure.cli.trigger import Json, Timeout, Wait

app = typer.Typer()

ScheduleId = Annotated[str, typer.Argument(metavar="SCHEDULE", help="The schedule's id.")]
Many = Annotated[list[str], typer.Argument(metavar="SCHEDULE...", help="The schedules' ids.")]
Zone = Annotated[
    str | None, typer.Option("--timezone", "-z", metavar="ZONE", help="As in Europe/Paris; UTC by default.")
]
Window = Annotated[
    str | None, typer.Option(metavar="DURATION", help="Spread ticks over this: 30m, 2h, or 30%.")
]
Missed = Annotated[
    str | None, typer.Option(metavar="POLICY", help="Ticks while no server ran: skip or catch_up.")
]
MaxCatchUp = Annotated[
    int | None, typer.Option(metavar="NUMBER", help="How many are caught up with, or held, at most.")
]
Overlap = Annotated[
    str | None,
    typer.Option(metavar="POLICY", help="While an older run goes on: allow, skip, queue or cancel_old."),
]
ExternalId = Annotated[str | None, typer.Option(metavar="TEXT", help="A text that the runs are given.")]


@app.callback(invoke_without_command=True)
def schedules(context: typer.Context) -> None:
    """Look at schedules, make and change them."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command("list")
def list_schedules(
    task: Annotated[str | None, typer.Option(metavar="TASK", help="Only those of this task.")] = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", metavar="NUMBER", min=1, help="How many at most.")
    ] = 25,
    json: Json = False,
) -> None:
    """List schedules, newest first."""
    from itertools import islice

    from perdure.cli.remote import server
    from perdure.cli.schedulescreen import show_schedules
    from perdure.cli.screen import show_json

    with server() as client:
        found = list(islice(client.schedules.list(task=task, per_page=min(limit, 100)), limit))
    if json:
        show_json(found)
    else:
        show_schedules(found)


@app.command()
def get(schedule: ScheduleId, json: Json = False) -> None:
    """Show a schedule, and its next ticks."""
    from perdure.cli.remote import server
    from perdure.cli.schedulescreen import show

    with server() as client:
        show(client.schedules.retrieve(schedule), json=json)


@app.command()
def create(
    task: Annotated[str, typer.Argument(metavar="TASK", help="The task's id.")],
    cron: Annotated[str, typer.Argument(metavar="CRON", help="Five fields, as in '0 9 * * 1-5'.")],
    key: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="One that has this key is changed instead."),
    ] = None,
    timezone: Zone = None,
    window: Window = None,
    missed: Missed = None,
    max_catch_up: MaxCatchUp = None,
    overlap: Overlap = None,
    external_id: ExternalId = None,
    json: Json = False,
) -> None:
    """Make a schedule, or change the one with the same key."""
    from perdure.cli.remote import server
    from perdure.cli.schedulescreen import show

    known_by = key or " ".join(part for part in (task, cron, timezone, external_id) if part)
    with server() as client:
        made = client.schedules.create(
            task,
            cron,
            deduplication_key=known_by,
            timezone=timezone,
            window=window,
            missed=missed,
            max_catch_up=max_catch_up,
            overlap=overlap,
            external_id=external_id,
        )
    show(made, json=json)


@app.command()
def update(
    schedule: ScheduleId,
    cron: Annotated[str | None, typer.Option(metavar="CRON", help="Five fields.")] = None,
    task: Annotated[str | None, typer.Option(metavar="TASK", help="Another task.")] = None,
    timezone: Zone = None,
    window: Annotated[
        str | None, typer.Option(metavar="DURATION", help="As for create; none takes it away.")
    ] = None,
    missed: Missed = None,
    max_catch_up: MaxCatchUp = None,
    overlap: Overlap = None,
    external_id: Annotated[
        str | None, typer.Option(metavar="TEXT", help="As for create; none takes it away.")
    ] = None,
    json: Json = False,
) -> None:
    """Change a schedule that was not declared in code; what is left out stays as it is."""
    from perdure.cli.remote import server
    from perdure.cli.schedulescreen import show
    from perdure.core.errors import BadOption

    given = {
        "task": task,
        "cron": cron,
        "timezone": timezone,
        "window": window,
        "missed": missed,
        "max_catch_up": max_catch_up,
        "overlap": overlap,
        "external_id": external_id,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    if not changes:
        raise BadOption("There is nothing to change; say it with --cron, --timezone, --overlap, …")
    cleared = {name: None for name in ("window", "external_id") if changes.get(name) == "none"}
    with server() as client:
        show(client.schedules.update(schedule, **changes | cleared), json=json)


@app.command()
def activate(schedule: Many, json: Json = False) -> None:
    """Let schedules tick again, from now on."""
    from perdure.cli.remote import server
    from perdure.cli.schedulescreen import show_many

    with server() as client:
        show_many([client.schedules.activate(id) for id in schedule], json=json)


@app.command()
def deactivate(schedule: Many, json: Json = False) -> None:
    """Stop schedules until they are activated, declared ones too."""
    from perdure.cli.remote import server
    from perdure.cli.schedulescreen import show_many

    with server() as client:
        show_many([client.schedules.deactivate(id) for id in schedule], json=json)


@app.command()
def delete(schedule: Many, json: Json = False) -> None:
    """Delete schedules that were not declared in code; their runs stay."""
    from perdure.cli.remote import server
    from perdure.cli.screen import console, show_json

    with server() as client:
        for id in schedule:
            client.schedules.delete(id)
    if json:
        show_json([{"id": id} for id in schedule])
        return
    for id in schedule:
        console().print(id, "deleted")


@app.command()
def run(schedule: ScheduleId, wait: Wait = False, timeout: Timeout = None, json: Json = False) -> int:
    """Run a schedule's task now, as a tick would; its ticks stay as they are."""
    from perdure.cli.remote import read_duration, server
    from perdure.cli.waiting import finish, say_triggered
    from perdure.wire.runs import Triggered

    limit = read_duration(timeout)
    with server() as client:
        made = client.schedules.run(schedule)
        if wait:
            return finish(client, made, limit, json=json)
        say_triggered(f"schedule {schedule}", Triggered(id=made, is_cached=False), json=json)
    return 0


@app.command("next")
def next_ticks(
    what: Annotated[
        str, typer.Argument(metavar="SCHEDULE|CRON", help="A schedule's id, or an expression to try.")
    ],
    timezone: Zone = None,
    count: Annotated[
        int, typer.Option("--limit", "-n", metavar="NUMBER", min=1, max=1000, help="How many.")
    ] = 5,
    json: Json = False,
) -> None:
    """Show when a schedule or a cron expression comes next; an expression needs no server."""
    from perdure.cli.remote import server
    from perdure.cli.schedulescreen import show_ticks

    if what.startswith("sched_"):
        with server() as client:
            found = client.schedules.retrieve(what)
        show_ticks(found.generator.expression, timezone or found.timezone, count, json=json)
    else:
        show_ticks(what, timezone or "UTC", count, json=json)


@app.command()
def timezones(
    text: Annotated[
        str | None, typer.Argument(metavar="TEXT", help="Only those with this in their name.")
    ] = None,
    json: Json = False,
) -> None:
    """List the time zones that a schedule can be in."""
    from perdure.cli.screen import show_json
    from perdure.core.cron import zones

    wanted = (text or "").lower().replace(" ", "_")
    found = [name for name in zones() if wanted in name.lower()]
    if json:
        show_json(found)
    else:
        print("\n".join(found) if found else f"There is no time zone with {text} in its name.")
