"""`perdure server`."""

import os
from typing import Annotated

import typer

from perdure.cli.kin import Parent, end_with

Host = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS", help="The address to listen on.", show_default="PERDURE_HOST, or 127.0.0.1"
    ),
]
Port = Annotated[
    int | None,
    typer.Option(
        metavar="PORT",
        help="The port to listen on; 0 takes any free one.",
        show_default="PERDURE_PORT, or 3030",
    ),
]


def server(
    host: Host = None,
    port: Port = None,
    database: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="sqlite:///file or postgresql://user@host/name.",
            show_default="PERDURE_DATABASE_URL, or a file in .perdure",
        ),
    ] = None,
    environment: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SLUG=KEY", help="An environment to have, as in prod=tr_prod_…; may be repeated."
        ),
    ] = None,
    parent: Parent = None,
) -> None:
    """Run a server: the API, and the engine behind it."""
    end_with(parent)
    from perdure.cli.live import log_to_screen
    from perdure.server.run import Serving, serve
    from perdure.server.settings import read_settings

    log_to_screen(quiet=True)
    settings = read_settings(
        os.environ,
        database_url=database,
        host=host,
        port=port,
        environments=tuple(environment or ()),
    )
    given = {choice.key for choice in settings.environments}

    def announce(serving: Serving) -> None:
        slugs = ", ".join(environment.slug for environment in serving.environments)
        typer.echo(f"Perdure answers at {serving.url} for {slugs}")
        for made in serving.environments:
            if made.key not in given:
                typer.echo(f"The key of {made.slug} is {made.key}")

    serve(settings, announce)
