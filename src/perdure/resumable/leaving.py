"""Leaving a coroutine behind that was captured: it goes on elsewhere, and must never go on here."""

import asyncio
from collections.abc import Iterator
from types import AsyncGeneratorType
from typing import Any

from .frames import inner_of, stack_of, waiting_object
from .joining import Join
from .pickling import dump
from .snapshot import readable
from .stacks import all_frames

# A coroutine that is collected as garbage is closed, and its `finally` clauses run.  What they do belongs
# to whoever goes on with it, so these are kept for as long as the process lives.
_abandoned: list[asyncio.Task[Any]] = []


def abandon(task: "asyncio.Task[Any]") -> None:
    """Leave a captured coroutine, and the branches of its `gather` and `race`, suspended for ever.

    Nothing of it runs any more: no ``finally``, no ``__exit__``, no ``except CancelledError``; the loop
    forgets the tasks.  Its memory is not given back, since to collect it would be to run it: let a
    process that has abandoned much end, by `os._exit`, which runs nothing either.
    """
    for each in list(_tasks(task)):
        asyncio._unregister_task(each)
        _abandoned.append(each)


def abandoned() -> int:
    """How many tasks this process has left behind."""
    return len(_abandoned)


def weigh(coroutine: Any) -> list[tuple[str, str, int]]:
    """How many bytes each local of a suspended coroutine takes on its own, largest first.

    Returns (function, local, bytes); what several locals share counts in each.
    """
    root = coroutine.get_coro() if isinstance(coroutine, asyncio.Task) else coroutine
    stack = stack_of(root)
    found = []
    for frame in all_frames(stack):
        for name, value in frame.items():
            local, kind = readable(name)
            found.append((frame.site.function, local or kind or name, len(dump((value,), stack)[0])))
    return sorted(found, key=lambda each: each[2], reverse=True)


def _tasks(task: "asyncio.Task[Any]") -> Iterator["asyncio.Task[Any]"]:
    yield task
    current: Any = task.get_coro()
    while current is not None:
        while (inner := inner_of(current)) is not None:
            current = inner[1]
        owner = waiting_object(current)
        current = owner.ag_await if isinstance(owner, AsyncGeneratorType) else None
        if isinstance(owner, Join):
            for branch in owner.live:
                if branch.task is not None:
                    yield from _tasks(branch.task)
