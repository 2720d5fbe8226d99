"""`perdure queues …`."""

from typing import Annotated

import typer

from perdure.cli.trigger import Json

app = typer.Typer()

Name = Annotated[
    str,
    typer.Argument(metavar="QUEUE", help="Its name, its id, or task/ID for a task's own queue."),
]
MaybeName = Annotated[
    str | None,
    typer.Argument(
        metavar="[QUEUE]", help="Its name, its id, or task/ID for a task's own queue.", show_default=False
    ),
]
All = Annotated[bool, typer.Option("--all", help="The whole environment, instead of one queue.")]


@app.callback(invoke_without_command=True)
def queues(context: typer.Context) -> None:
    """Look at queues, pause them and change their limits."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command("list")
def list_queues(json: Json = False) -> None:
    """List queues: who waits, who runs, and how many may."""
    from perdure.cli.queuescreen import show_environment, show_queues
    from perdure.cli.remote import server
    from perdure.cli.screen import show_json

    with server() as client:
        environment, found = client.environment.retrieve(), list(client.queues.list())
    if json:
        show_json({"environment": environment, "queues": found})
        return
    show_environment(environment)
    show_queues(found)


@app.command()
def get(
    queue: Name,
    keys: Annotated[
        int, typer.Option(metavar="NUMBER", min=1, max=100, help="How many concurrency keys to show.")
    ] = 10,
    json: Json = False,
) -> None:
    """Show a queue, and its concurrency keys with the most runs waiting."""
    from perdure.cli.queuescreen import show_queue
    from perdure.cli.remote import server
    from perdure.cli.screen import show_json

    with server() as client:
        found = client.queues.keys(queue, limit=keys)
    if json:
        show_json(found)
    else:
        show_queue(found)


@app.command()
def pause(queue: MaybeName = None, all: All = False, json: Json = False) -> None:
    """Pause a queue: no attempt begins until it is resumed; what has begun goes on."""
    from perdure.cli.queuescreen import tell, which
    from perdure.cli.remote import server

    name = which(queue, all)
    with server() as client:
        done = client.queues.pause(name) if name else client.environment.pause()
    tell(done, "is paused: what has begun goes on, and nothing new starts", json=json)


@app.command()
def resume(queue: MaybeName = None, all: All = False, json: Json = False) -> None:
    """Resume a paused queue."""
    from perdure.cli.queuescreen import tell, which
    from perdure.cli.remote import server

    name = which(queue, all)
    with server() as client:
        done = client.queues.resume(name) if name else client.environment.resume()
    tell(done, "is resumed", json=json)


@app.command()
def limit(
    queue: Name,
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="Runs at once of each key; 0 starts none.")],
    json: Json = False,
) -> None:
    """Put another concurrency limit in place of the one in the code, until it is reset."""
    from perdure.cli.queuescreen import tell
    from perdure.cli.remote import server

    with server() as client:
        done = client.queues.override_concurrency_limit(queue, number)
    base = "none" if done.concurrency.base is None else done.concurrency.base
    tell(done, f"has a limit of {number}, instead of {base} in the code", json=json)


@app.command("reset-limit")
def reset_limit(queue: Name, json: Json = False) -> None:
    """Go back to the concurrency limit in the code."""
    from perdure.cli.queuescreen import tell
    from perdure.cli.remote import server

    with server() as client:
        done = client.queues.reset_concurrency_limit(queue)
    base = "no limit of its own" if done.concurrency_limit is None else f"a limit of {done.concurrency_limit}"
    tell(done, f"has {base}, as in the code", json=json)


@app.command("limit-all")
def limit_all(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="Runs at once, or none for no limit.")],
    burst: Annotated[
        float | None,
        typer.Option(metavar="FACTOR", help="All queues together may have so many times the limit."),
    ] = None,
    json: Json = False,
) -> None:
    """Set how many runs of the whole environment may run at once, and of any one queue in it."""
    from perdure.cli.queuescreen import read_limit, tell
    from perdure.cli.remote import server

    wanted = read_limit(number)
    with server() as client:
        done = client.environment.limit(wanted, burst_factor=burst)
    told = "no limit" if wanted is None else f"a limit of {wanted}"
    factor = f", and bursts to {done.burst_factor:g} times that" if wanted and done.burst_factor > 1 else ""
    tell(done, f"has {told}{factor}", json=json)


@app.command("ttl-all")
def ttl_all(
    ttl: Annotated[
        str, typer.Argument(metavar="DURATION", help="As in 14d; none for ever, default for the server's.")
    ],
    json: Json = False,
) -> None:
    """Set how long runs may wait for a worker, if neither their trigger nor their task says."""
    from perdure.cli.queuescreen import read_ttl, tell
    from perdure.cli.remote import server

    wanted = read_ttl(ttl)
    with server() as client:
        done = client.environment.set_default_ttl(wanted)
    told = "waits for ever for a worker" if done.default_ttl is None else f"has a TTL of {done.default_ttl}"
    tell(done, told + " (as the server says)" * (wanted is None), json=json)
