"""A process of the simulation: everything that lives and dies together.

Which process a piece of code runs in is a context variable, and asyncio carries that along by itself: a task
has the context that it was made in, and a callback that in which it was registered.  So the loop knows of
each step whose it is.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar
from typing import Any

current: ContextVar[Process | None] = ContextVar("simulated_process", default=None)
"""The process that this code runs in; None is the simulation itself."""


class Died(BaseException):
    """Ends the step during which its process dies; nobody in the process hears of it."""


class Process:
    """A process: what it does next, whether it lives, and what time it believes it is."""

    def __init__(self, name: str) -> None:
        """Begin to live.

        Args:
            name: who it is; a process that is started again has the name of the one before.
        """
        self.name = name
        self.is_alive = True
        #: the steps that it may take, in the order of its own event loop
        self.ready: deque[Any] = deque()
        #: the virtual second at which it goes on, if it is stopped
        self.frozen_until = 0.0
        #: the virtual second until which it reaches nobody
        self.cut_off_until = 0.0
        #: how many milliseconds its wall clock is ahead
        self.skew_ms = 0
        #: what is called at its death, by what surrounds it: it has no last words
        self.on_death: list[Callable[[], None]] = []
        self._tasks: list[asyncio.Task[Any]] = []
        self.context = Context()
        self.context.run(current.set, self)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Begin something in this process."""
        task = asyncio.get_running_loop().create_task(work, context=self.context.copy())
        self._tasks.append(task)
        return task

    def die(self) -> None:
        """Stop for ever, wherever it is; no `finally` and no `except` of it runs."""
        if self.is_alive:
            self.is_alive = False
            self.ready.clear()
            for tell in self.on_death:
                tell()

    def check(self) -> None:
        """Raise `Died` if it is dead: the rest of the step under way does not happen."""
        if not self.is_alive:
            raise Died(self.name)

    def __repr__(self) -> str:
        return self.name
