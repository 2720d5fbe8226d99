"""Makes a task of a test file one that can be stored: its function, and what that uses of its own file.

A project's task folders are rewritten as they are imported (`Project.make_importable`).  A test file is
imported by pytest, which rewrites its asserts; so of it only what tasks use is rewritten, in place and
when a task first runs.
"""

import inspect
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any

from perdure.resumable import resumable
from perdure.sdk.task import Task


def make_resumable(task: Task[..., Any], seen: set[int]) -> None:
    """Rewrite a task's function and what it uses of its own file; what is rewritten already stays.

    Args:
        task: the task.
        seen: the identities of the functions that were looked at; those of this task are added.
    """
    todo = [task.function, inspect.unwrap(task.function)]
    while todo:
        function = todo.pop()
        if id(function) in seen or not isinstance(function, FunctionType):
            continue
        seen.add(id(function))
        used = [value for name in _names(function.__code__) for value in _values(function, name)]
        todo += [one for value in used for one in _functions(value, function)]
        try:
            resumable(function)
        except TypeError:  # its source can't be found: what waits in it says so when it is to be stored
            continue


def _names(code: CodeType) -> Iterator[str]:
    """Yield the names that code takes from around it, and those that functions inside of it do."""
    yield from code.co_names
    yield from code.co_freevars
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _values(function: FunctionType, name: str) -> Iterator[Any]:
    if name in function.__globals__:
        yield function.__globals__[name]
    if name in function.__code__.co_freevars:
        cell = (function.__closure__ or ())[function.__code__.co_freevars.index(name)]
        try:
            yield cell.cell_contents
        except ValueError:  # not bound yet
            return


def _functions(value: Any, user: FunctionType) -> Iterator[FunctionType]:
    """Yield the functions behind a value, as far as they are of the same file."""
    if isinstance(value, Task):
        value = value.function
    if isinstance(value, FunctionType):
        inner = inspect.unwrap(value)  # of what `@traced`, or another decorator, has put around it
        for function in {value, inner}:
            is_function = isinstance(function, FunctionType)
            if is_function and function.__code__.co_filename == user.__code__.co_filename:
                yield function
    elif isinstance(value, type) and value.__module__ == user.__module__:
        for member in vars(value).values():
            yield from _functions(getattr(member, "__func__", member), user)
    elif not isinstance(value, type) and type(value).__module__ == user.__module__:
        yield from _functions(type(value), user)
