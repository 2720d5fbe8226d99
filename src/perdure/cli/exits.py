"""How a command ends: its exit code, and what is said of an error."""

import sys
from enum import IntEnum

import typer

from perdure.core import errors
from perdure.core.errors import PerdureError


class Exit(IntEnum):
    """The exit codes of every command."""

    OK = 0
    FAILED = 1
    USAGE = 2
    RUN_FAILED = 3
    NO_SERVER = 4
    KEY_REFUSED = 5
    NOT_FOUND = 6

    @property
    def meaning(self) -> str:
        """What the code says, for help and reference."""
        return _MEANINGS[self]


_MEANINGS = {
    Exit.OK: "all went well",
    Exit.FAILED: "it failed, and the message says why",
    Exit.USAGE: "the command or a setting is wrong",
    Exit.RUN_FAILED: "the run did not succeed, or not in time",
    Exit.NO_SERVER: "no server answers",
    Exit.KEY_REFUSED: "there is no key, or the server refuses it",
    Exit.NOT_FOUND: "there is no such run, task or file",
}

# The first class that fits counts.
_EXITS: tuple[tuple[type[PerdureError], Exit], ...] = (
    (errors.Invalid, Exit.USAGE),
    (errors.BadCron, Exit.USAGE),
    (errors.UnknownZone, Exit.USAGE),
    (errors.ServerUnreachable, Exit.NO_SERVER),
    (errors.BadAnswer, Exit.NO_SERVER),
    (errors.Unauthorized, Exit.KEY_REFUSED),
    (errors.Forbidden, Exit.KEY_REFUSED),
    (errors.NotFound, Exit.NOT_FOUND),
    (errors.RunFailed, Exit.RUN_FAILED),
)

# What to do next, where the error does not say it itself.
_NEXT: dict[type[PerdureError], str] = {
    errors.Unauthorized: "Set PERDURE_SECRET_KEY to a key of this server's; `perdure dev` shows its own.",
}


def exit_of(error: PerdureError) -> Exit:
    """Return the exit code that tells of an error."""
    return next((code for kind, code in _EXITS if isinstance(error, kind)), Exit.FAILED)


def tell(error: PerdureError) -> Exit:
    """Say what went wrong and what to do next, in one line; return the exit code."""
    next_step = _NEXT.get(type(error))
    complain(f"{_sentence(str(error))} {next_step}" if next_step else str(error))
    return exit_of(error)


def tell_usage(error: typer.TyperException) -> Exit:
    """Say what is wrong with the command line; return the exit code."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "perdure"
    near = getattr(error, "possibilities", None)
    message = f"{error.message}. Did you mean {near[0]}?" if near else error.format_message()
    complain(f"{_sentence(message)} See `{path} --help`.")
    return Exit.USAGE


def complain(message: str) -> None:
    """Write a line to standard error, in the command's name."""
    print(f"perdure: {message}", file=sys.stderr)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."
