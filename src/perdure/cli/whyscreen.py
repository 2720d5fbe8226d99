"""How the reasons look for which a run is not running."""

from datetime import UTC, datetime

from rich.text import Text

from perdure.cli.screen import console, duration_text, moment_text, status_text
from perdure.wire.why import Reason, Why


def show_why(why: Why) -> None:
    """Write the reasons, what binds most first, each with the next step."""
    screen = console()
    key = f", key {why.concurrency_key}" if why.concurrency_key is not None else ""
    heading = Text.assemble(why.run, "  ", why.task_identifier, "  ", status_text(why.status))
    screen.print(heading.append(f"  queue {why.queue}{key}", "dim"))
    for number, reason in enumerate(why.reasons, start=1):
        mark = f"{number}. " if len(why.reasons) > 1 else ""
        screen.print()
        screen.print(Text.assemble((mark, "dim"), reason.message, (_moments(reason), "cyan")))
        if reason.runs:
            screen.print(Text(f"   held by {', '.join(reason.runs)}", "dim"))
        if reason.next_step:
            screen.print(Text(f"   → {reason.next_step}", "yellow"))


def _moments(reason: Reason) -> str:
    if reason.until is not None:
        left = (reason.until - datetime.now(UTC)).total_seconds() * 1000
        ahead = f", in {duration_text(left)}" if left > 0 else ""
        return f" Until {moment_text(reason.until)}{ahead}."
    return f" Since {moment_text(reason.since)}." if reason.since is not None else ""
