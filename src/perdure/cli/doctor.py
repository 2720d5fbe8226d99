"""`perdure doctor`."""

from typing import Annotated

import typer

from perdure.cli.folder import Folder, find_root


def doctor(
    folder: Folder = None,
    json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
) -> int:
    """Check what Perdure needs here, and say what to do.

    Nothing is changed.  The exit code is 1 if something is wrong.
    """
    from perdure.cli.checks import check_all
    from perdure.cli.exits import Exit
    from perdure.cli.screen import show_json

    found = check_all(find_root(folder))
    if json:
        show_json([{"check": check.name, "ok": check.ok, "message": check.message} for check in found])
    else:
        _show(found)
    return Exit.OK if all(check.ok for check in found) else Exit.FAILED


def _show(found: list) -> None:
    from rich.text import Text

    from perdure.cli.screen import console, show_table

    mark = {True: Text("ok", "green"), False: Text("no", "bold red")}
    show_table(("", "", ""), [(mark[check.ok], check.name, check.message) for check in found])
    wrong = sum(not check.ok for check in found)
    told = "Everything is well." if not wrong else f"{wrong} of {len(found)} need a hand."
    console().print(f"\n{told}")
