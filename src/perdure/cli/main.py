"""The command's front door: the table of commands, and what becomes of errors."""

import os
import sys
import threading
from importlib.metadata import version
from typing import Annotated

import typer

from perdure.cli import (
    batches,
    dead_letters,
    dev,
    doctor,
    explain,
    init,
    logs,
    queues,
    runs,
    schedules,
    server,
    tasks,
    trigger,
    worker,
    workers,
)
from perdure.cli.exits import Exit, complain, tell, tell_usage
from perdure.core.errors import PerdureError
from perdure.core.settings import check_names

# \b keeps a paragraph's lines as they are.
EPILOG = "\n\n".join(
    [
        "\n".join(["\b", "Exit codes:", *(f"  {exit.value}  {exit.meaning}" for exit in Exit)]),
        "Settings are PERDURE_… variables, the same for every command; `perdure doctor` checks them.",
    ]
)

app = typer.Typer(
    help="Background jobs and AI agents in plain async Python.",
    epilog=EPILOG,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # loading it takes longer than the rest of `perdure --help`
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command()(init.init)
app.command()(dev.dev)
app.command()(server.server)
app.command()(worker.worker)
app.command()(trigger.trigger)
app.add_typer(runs.app, name="runs")
app.command()(logs.logs)
app.add_typer(schedules.app, name="schedules")
app.add_typer(batches.app, name="batches")
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(queues.app, name="queues")
app.command()(tasks.tasks)
app.command()(explain.explain)
app.command()(workers.workers)
app.command()(doctor.doctor)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"perdure {version('perdure')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def perdure(
    context: typer.Context,
    show_version: Annotated[
        bool,
        typer.Option(
            "--version", "-V", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Background jobs and AI agents in plain async Python."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
    elif context.invoked_subcommand != "doctor":  # it tells of settings itself
        check_names(os.environ)


def run(arguments: list[str]) -> int:
    """Run a command, and return the process's exit code.

    Args:
        arguments: the command line without the program's name.
    """
    try:
        return app(arguments, prog_name="perdure", standalone_mode=False) or Exit.OK
    except typer.TyperException as error:
        return tell_usage(error)
    except PerdureError as error:
        return tell(error)
    except BrokenPipeError:  # an OSError too
        # Whoever read our output has enough; without this the interpreter complains when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.FAILED
    except OSError as error:
        complain(str(error))
        return Exit.FAILED


def main() -> None:
    """Run the command that the process was started with, and end with its exit code."""
    code = run(sys.argv[1:])
    if any(not thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread()):
        # A thread that importing the user's project started must not keep us here.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
