"""What a run left behind: threads, asyncio tasks and child processes that outlive it.

Only a process that runs one attempt at a time can tell whose they are.  Children are killed; threads
can't be, so the process that has any is not used again.
"""

import asyncio
import threading
from collections.abc import Iterable

from perdure.worker import system

# Idle threads of asyncio's own: `to_thread` keeps its workers, and 3.11 waits for a child in a thread.
_OURS = ("asyncio_", "asyncio-waitpid-", "perdure-")
# Some libraries end their threads by a callback, a moment after the task is done.
_GRACE_STEPS = 20
_GRACE_STEP = 0.005


class Leftovers:
    """Compares what runs in this process after an attempt with what ran before the first."""

    def __init__(self) -> None:
        """Note what runs now; called with the event loop running."""
        self._threads = set(threading.enumerate())
        self._tasks = asyncio.all_tasks()

    async def clear(self) -> list[str]:
        """End what the attempt left behind, and return a sentence on each kind there was."""
        threads, tasks = await self._lasting()
        told = []
        if threads:
            told.append(
                f"The run left {_count(threads, 'thread')} behind: {_names(t.name for t in threads)}. "
                "Join threads and shut down pools before the task returns."
            )
        if tasks:
            told.append(
                f"The run left {_count(tasks, 'asyncio task')} behind: {_names(map(_title, tasks))}. "
                "Await or cancel what the task starts."
            )
        if names := system.kill_children() if system.has_children() else []:
            told.append(
                f"The run left {_count(names, 'child process', 'child processes')} behind, which were "
                f"killed: {_names(names)}. Wait for what the task starts."
            )
        return told

    async def _lasting(self) -> tuple[list[threading.Thread], list[asyncio.Task]]:
        """Return the threads and asyncio tasks that do not end within a moment."""
        for _ in range(_GRACE_STEPS):
            if not self._new_threads() and not self._new_tasks():
                return [], []
            await asyncio.sleep(_GRACE_STEP)
        return self._new_threads(), self._new_tasks()

    def _new_threads(self) -> list[threading.Thread]:
        return [
            thread
            for thread in threading.enumerate()
            if thread not in self._threads and not thread.name.startswith(_OURS)
        ]

    def _new_tasks(self) -> list[asyncio.Task]:
        return list(asyncio.all_tasks() - self._tasks - {asyncio.current_task()})


def _title(task: asyncio.Task) -> str:
    return str(getattr(task.get_coro(), "__qualname__", task.get_name()))


def _count(items: list, one: str, many: str | None = None) -> str:
    return f"1 {one}" if len(items) == 1 else f"{len(items)} {many or one + 's'}"


def _names(names: Iterable[str], most: int = 5) -> str:
    listed = list(names)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more
