"""Writes the pages that come from the code: `./dev gen`; `--check` only tells what is stale.

Errors, settings, HTTP endpoints, commands and the picture of a run's life are each said once,
in the code, and shown here.
"""

import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import typer

import perdure
import perdure.core.storage_errors
import perdure.testing
import perdure.testing.errors
from perdure.cli.main import app
from perdure.core import errors
from perdure.core.lifecycle import FINAL, TRANSITIONS
from perdure.core.settings import SETTINGS
from perdure.sdk import project
from perdure.wire.endpoint import Audience
from perdure.wire.endpoints import ENDPOINTS

DOCS = Path(__file__).parent
NOTE = "<!-- Written by ./dev gen from the code; edit that. -->\n\n"


def errors_page() -> str:
    """Return the page of all errors."""
    parts = [
        NOTE + "# Errors\n\nEvery error has a stable `code`; over HTTP the body is "
        '`{"error": message, "code": code}`. In Python each is a class of `perdure.core.errors`.\n'
    ]
    for kind in _tree(errors.PerdureError):
        first, *more = inspect.cleandoc(kind.__doc__ or "").split("\n\n")
        message = " ".join(first.split())
        parts.append(f"## {kind.code}\n\n`{kind.__name__}`, HTTP {kind.status}. {message}\n")
        parts.extend(f"{paragraph}\n" for paragraph in more)
    return "\n".join(parts)


def _tree(root: type[errors.PerdureError]) -> list[type[errors.PerdureError]]:
    return [root] + [leaf for child in root.__subclasses__() for leaf in _tree(child)]


def settings_page() -> str:
    """Return the page of all settings."""
    rows = [f"| `{name}` | {text} |" for name, text in SETTINGS.items()]
    own = [f"| `{name}` | {text} |" for name, text in project.SETTINGS.items()]
    return (
        NOTE
        + "# Settings\n\n## Environment variables\n\nAn unknown `PERDURE_*` variable is an error that names "
        "the nearest one.\n\n| variable | |\n|---|---|\n"
        + "\n".join(rows)
        + "\n\n## A project's file\n\n`perdure.toml`, or `[tool.perdure]` in `pyproject.toml`.\n\n"
        "| setting | |\n|---|---|\n" + "\n".join(own) + "\n"
    )


def http_page() -> str:
    """Return the page of all endpoints."""
    parts = [
        NOTE + "# HTTP\n\nThe API of Trigger.dev, which its official clients speak, and a few endpoints of "
        "our own. `Authorization: Bearer <secret key>`, or a public token where *public* stands. The whole "
        "as OpenAPI is at `/openapi.json` of each server.\n\n"
        "| | | who | |\n|---|---|---|---|"
    ]
    for endpoint in ENDPOINTS:
        if endpoint.audience is not Audience.WORKER:
            who = endpoint.audience.value
            parts.append(f"| `{endpoint.method}` | `{endpoint.path}` | {who} | {endpoint.summary} |")
    return "\n".join(parts) + "\n"


def lifecycle_page() -> str:
    """Return the page with the picture of a run's life."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for status, moves in TRANSITIONS.items():
        for on, following in moves.items():
            arrows.setdefault((status.value, following.value), []).append(on.value)
    lines = [f"    {a} --> {b}: {', '.join(ons)}" for (a, b), ons in arrows.items()]
    ends = ", ".join(f"`{status.value}`" for status in TRANSITIONS if status in FINAL)
    return (
        NOTE + "# The life of a run\n\nDrawn from the table in `core/lifecycle.py`.\n\n```mermaid\n"
        "stateDiagram-v2\n" + "\n".join(lines) + f"\n```\n\nEnds: {ends}.\n"
    )


def face_page() -> str:
    """Return the page of what `perdure` gives to its users."""
    parts = [NOTE + "# Python\n\nEverything is imported from `perdure`.\n"]
    for name in perdure.__all__:
        value = getattr(perdure, name)
        parts.append(f"## {name}\n\n{_described(value)}\n")
    return "\n".join(parts)


def testing_page() -> str:
    """Return the page of `perdure.testing`: its names, and what a harness and a run have."""
    parts = [
        NOTE + "# perdure.testing\n\nIn pytest the fixture `perdure` is a `Harness`; the "
        "[guide](../guides/testing.md) shows how it is used.\n"
    ]
    for name in perdure.testing.__all__:
        kind = getattr(perdure.testing, name)
        parts.append(f"## {name}\n\n{_described(kind)}\n")
        members = vars(kind).items() if name in ("Harness", "Run") else ()
        parts.extend(_member(name, value) for name, value in members if not name.startswith("_"))
    return "\n".join(parts)


def _member(name: str, value: Any) -> str:
    if isinstance(value, property):
        return f"### {name}\n\n{_described(value)}\n"
    if not inspect.isroutine(value):
        return ""
    taken = [parameter for one, parameter in inspect.signature(value).parameters.items() if one != "self"]
    bare = [str(parameter.replace(annotation=inspect.Parameter.empty)) for parameter in taken]
    return f"### {name}({', '.join(bare)})\n\n{_described(value)}\n"


def _described(value: Any) -> str:
    """Return the docstring of a value, or else of its class."""
    is_own = inspect.isclass(value) or inspect.isroutine(value) or isinstance(value, property)
    return _without_layout(inspect.getdoc(value if is_own else type(value)) or "")


def _without_layout(docstring: str) -> str:
    lines = [f"- {line.strip()}" if line.startswith("    ") else line for line in docstring.splitlines()]
    return "\n".join("\n" + line + "\n" if line in ("Args:", "Raises:") else line for line in lines)


def cli_page() -> str:
    """Return the page of all commands, as their own help tells them."""
    parts = [NOTE + "# Command line\n"]
    for names, command in _commands((), typer.main.get_command(app)):
        name = " ".join(("perdure", *names))
        with click.Context(command, info_name=name, terminal_width=78, color=False) as context:
            text = click.unstyle(command.get_help(context))
        parts.append(f"## {name}\n\n```text\n{_trimmed(text)}\n```\n")
    return "\n".join(parts)


def _commands(names: tuple[str, ...], command: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield names, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from _commands((*names, name), inner)


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


PAGES: dict[str, Callable[[], str]] = {
    "reference/errors.md": errors_page,
    "reference/settings.md": settings_page,
    "reference/http.md": http_page,
    "reference/python.md": face_page,
    "reference/testing.md": testing_page,
    "reference/cli.md": cli_page,
    "internals/lifecycle.md": lifecycle_page,
}


def main() -> int:
    """Write the pages, or with `--check` name those that are stale; return the exit code."""
    check = "--check" in sys.argv[1:]
    stale = 0
    for name, make in PAGES.items():
        file = DOCS / name
        text = make()
        if file.exists() and file.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        if not check:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        print(f"docs/{name} {'is stale: run ./dev gen' if check else 'written'}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
