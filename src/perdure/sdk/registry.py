"""The tasks that code has declared in this process, in order."""

from typing import Any, Protocol


class Declared(Protocol):
    """What the registry knows of a task."""

    id: str

    @property
    def place(self) -> tuple[str, str]:
        """The file and the name of its function."""
        ...


_declared: list[Any] = []


def add(task: Declared) -> None:
    """Remember a task; one of the same place (a reload, a notebook's cell run again) gives way to it."""
    _declared[:] = [known for known in _declared if known.place != task.place or known.id != task.id]
    _declared.append(task)


def remove(task: Declared) -> None:
    """Forget a task."""
    _declared[:] = [known for known in _declared if known is not task]


def declared() -> list[Any]:
    """Return all tasks in the order in which they were declared; two of them may have one id."""
    return list(_declared)


def find(id: str) -> Any:
    """Return the task of this id.

    Raises:
        AttributeError: there is none, as of any name that a stored state refers to in vain.
    """
    for task in _declared:
        if task.id == id:
            return task
    raise AttributeError(f"there is no task {id}")
