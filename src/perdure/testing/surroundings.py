"""What a harness changes in the process around it, and puts back."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from perdure.client import AsyncClient, Client
from perdure.sdk import registry
from perdure.sdk.capture import RunStream
from perdure.sdk.discover import INIT
from perdure.sdk.handle import clients as global_clients
from perdure.sdk.project import Project

_current: list[Any] = []
"""The harnesses that are open, innermost last."""


def current() -> Any:
    """Return the harness that is open; raises LookupError."""
    if not _current:
        raise LookupError("no harness is open: it belongs to the test that a state was stored in")
    return _current[-1]


@contextmanager
def surroundings(
    harness: Any, clients: tuple[AsyncClient, Client], project: Project | None
) -> Iterator[None]:
    """Let tasks trigger by these clients, and begin with the project's `init.py` files."""
    if project is not None:
        _import_init_files(project)
    tasks, before = registry.declared(), global_clients.use(*clients)
    _current.append(harness)
    try:
        with _streams():
            yield
    finally:
        _current.remove(harness)
        global_clients.use(*before)
        # A task inside of a test function is gone with the test; the next may declare one of its name.
        for task in registry.declared():
            if task not in tasks and "<locals>" in task.place[1]:
                registry.remove(task)


@contextmanager
def _streams() -> Iterator[None]:
    """Put back what runs print and log to."""
    handlers, level = list(logging.root.handlers), logging.root.level
    try:
        yield
    finally:
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if isinstance(stream, RunStream):
                setattr(sys, name, stream.beneath)
        for handler in set(logging.root.handlers) - set(handlers):
            logging.root.removeHandler(handler)
        logging.root.setLevel(level)


def _import_init_files(project: Project) -> None:
    """Import the `init.py` files of the project's task folders, as a worker does first of all."""
    project.make_importable()
    for folder in project.dirs:
        for file in sorted((project.root / folder).rglob(INIT)):
            import_module(".".join(file.relative_to(project.root).with_suffix("").parts))
