"""`perdure init`."""

from pathlib import Path
from typing import Annotated

import typer

from perdure.cli.folder import has_settings

_SETTINGS = """\
# The folders that tasks are in, relative to this file.
dirs = ["tasks"]
"""

_EXAMPLE = '''\
"""A first task.  While `perdure dev` runs, saving this file loads it anew."""

import asyncio

from perdure import Retry, ctx, logger, task


@task(retry=Retry(max_attempts=3))
async def hello(name: str = "world") -> str:
    """Greet somebody, after a moment."""
    logger.info("greeting", name=name, attempt=ctx.attempt.number)
    await asyncio.sleep(1)
    return f"Hello, {name}!"
'''

_NEXT = """
Next:
  perdure dev                                                  server and worker, with reload
  perdure trigger hello --payload '{"name": "Ann"}' --wait     in another terminal
"""


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="The project's folder; it is made if it is not there.")
    ] = Path(),
) -> None:
    """Make a folder a project: settings and a first task.

    What is there already stays as it is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _settle(folder)
    if any((folder / "tasks").glob("**/*.py")):
        _tell("kept", "tasks", "it has tasks already")
    else:
        _write(folder, "tasks/hello.py", _EXAMPLE)
    _ignore(folder)
    typer.echo(f"\nNext:\n  cd {folder}{_NEXT.removeprefix(_HEAD)}" if folder != Path() else _NEXT, nl=False)


_HEAD = "\nNext:"


def _settle(folder: Path) -> None:
    """Write the settings: into `pyproject.toml` if there is one, or else into a file of their own."""
    shared = folder / "pyproject.toml"
    if has_settings(folder):
        _tell("kept", "settings", "there are some already")
    elif shared.is_file():
        text = shared.read_text(encoding="utf-8")
        gap = "" if not text or text.endswith("\n\n") else "\n" if text.endswith("\n") else "\n\n"
        shared.write_text(f"{text}{gap}[tool.perdure]\n{_SETTINGS}", encoding="utf-8")
        _tell("added", "[tool.perdure]", "to pyproject.toml")
    else:
        _write(folder, "perdure.toml", _SETTINGS)


def _ignore(folder: Path) -> None:
    """Have git leave alone what `perdure dev` keeps."""
    file = folder / ".gitignore"
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    if any(line.strip().strip("/") == ".perdure" for line in text.splitlines()):
        return
    gap = "\n" if text and not text.endswith("\n") else ""
    file.write_text(f"{text}{gap}.perdure/\n", encoding="utf-8")
    _tell("added", ".perdure/", "to .gitignore")


def _write(folder: Path, name: str, text: str) -> None:
    file = folder / name
    if file.exists():
        _tell("kept", name, "it was there already")
        return
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
    _tell("wrote", name)


def _tell(what: str, name: str, why: str = "") -> None:
    typer.echo(f"  {what:<6} {name}{'  ' * bool(why)}{why}")
