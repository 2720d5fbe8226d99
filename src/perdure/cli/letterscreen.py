"""How dead letters look on the screen."""

import sys
from collections.abc import Sequence

from rich.text import Text

from perdure.cli.screen import console, moment_text, show_fields, show_table, status_text
from perdure.wire.dead_letters import DeadLetter


def show_letters(letters: Sequence[DeadLetter], *, is_full: bool) -> None:
    """Write a list of letters; `is_full` says that there may be more."""
    if not letters:
        console().print("There are no such dead letters.")
        return
    rows = [
        (one.run, one.task_identifier, status_text(one.status), moment_text(one.failed_at), _first_line(one))
        for one in letters
    ]
    show_table(("RUN", "TASK", "STATUS", "FAILED", "ERROR"), rows, keep=("RUN", "STATUS", "FAILED"))
    if sys.stdout.isatty():
        more = " There may be more: a larger --limit." if is_full else ""
        console().print(
            f"\nAgain: perdure dead-letters redrive RUN. Off the list: discard RUN.{more}", style="dim"
        )


def show_letter(letter: DeadLetter) -> None:
    """Write all that a letter tells."""
    fields = [
        ("Run", letter.run),
        ("Task", letter.task_identifier),
        ("Queue", letter.queue),
        ("Status", status_text(letter.status)),
        ("Failed", moment_text(letter.failed_at)),
        ("Attempts", str(letter.attempt_count)),
    ]
    if letter.redriven_at is not None:
        fields.append(("Redriven", f"{moment_text(letter.redriven_at)}, as {letter.redriven_as}"))
    show_fields(fields)
    if letter.error is not None:
        console().print(Text("\nError", "dim"))
        told = letter.error.stack_trace or _first_line(letter)
        console().print(Text(told.rstrip(), "red"))


def _first_line(letter: DeadLetter) -> str:
    error = letter.error
    if error is None:
        return ""
    return f"{error.name or 'Error'}: {next(iter(error.message.splitlines()), '')}"
