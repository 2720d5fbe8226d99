"""What a run left behind: threads, asyncio tasks and child processes that outlive it.

Only a process that runs one attempt at a time can tell whose they are.  Children are killed; threads
can't be, so the process that has any is not used again.
"""

import asyncio
import threading

from perdure.worker import system

# Idle threads of asyncio's own: `to_thread` keeps its workers, and 3.11 waits for a child in a thread.
_OURS = ("asyncio_", "asyncio-waitpid-", "perdure-")
# Some libraries end their threads by a callback, a moment after the task is done.
_GRACE_STEPS = 20
_GRACE_STEP = 0.005


class Leftovers:
    """Compares what runs in this process before an attempt with what runs after it."""

    def __init__(self) -> None:
        """Note what runs now."""
        self._threads = set(threading.enumerate())
        self._tasks = asyncio.all_tasks()

    async def clear(self) -> list[str]:
        """End what the attempt left behind, and return a sentence on each kind there was."""
        if self._new_threads() or self._new_tasks():
            await self._grace()
        told = []
        if threads := self._new_threads():
            told.append(
                f"The run left {_count(threads, 'thread')} behind: {_names(t.name for t in threads)}. "
                "Join threads and shut down pools before the task returns."
            )
        if tasks := self._new_tasks():
            told.append(
                f"The run left {_count(tasks, 'asyncio task')} behind: "
                f"{_names(str(getattr(t.get_coro(), '__qualname__', t.get_name())) for t in tasks)}. "
                "Await or cancel what the task starts."
            )
        if names := system.kill_children() if system.has_children() else []:
            told.append(
                f"The run left {_count(names, 'child process', 'child processes')} behind, which were "
                f"killed: {_names(names)}. Wait for what the task starts."
            )
        return told

    def _new_threads(self) -> list[threading.Thread]:
        return [
            thread
            for thread in threading.enumerate()
            if thread not in self._threads and not thread.name.startswith(_OURS)
        ]

    def _new_tasks(self) -> list[asyncio.Task]:
        return [task for task in asyncio.all_tasks() if task not in self._tasks]

    async def _grace(self) -> None:
        for _ in range(_GRACE_STEPS):
            if self._new_threads() or self._new_tasks():
                await asyncio.sleep(_GRACE_STEP)


def _count(items: list, one: str, many: str | None = None) -> str:
    return f"1 {one}" if len(items) == 1 else f"{len(items)} {many or one + 's'}"


def _names(names, most: int = 5) -> str:
    listed = list(names)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more
