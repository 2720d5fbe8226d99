"""An event loop in which time is a number, and which decides who takes the next step.

Theory of operation.  All processes of the simulation share this loop.  Each has a queue of its own, served in
order, as its own event loop would; which process takes the next step is drawn by the dice.  When nobody has a
step to take, time jumps to the next timer.  A process that is dead takes no step any more, and one that is
frozen none until it goes on: its timers then ring late, as after SIGSTOP.

There are no sockets and no threads.  What asyncio would give to a thread (`run_in_executor`) is done in a
step of its own, a moment later, whole.
"""

import asyncio
import contextlib
import heapq
from asyncio import events
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from random import Random
from typing import Any, TypeVar

from tests.simulation.process import Died, Process, current

T = TypeVar("T")

MOST_STEPS = 3_000_000
"""A simulation that takes more does not come to rest."""


class StandsStill(Exception):
    """Nobody has anything to do, and no timer is set."""


class NoRest(Exception):
    """It goes on and on without end."""


class Unhandled(Exception):
    """A callback raised, and nobody heard of it."""


class Step(events.Handle):
    """A callback, and whose it is."""

    __slots__ = ("process",)

    def __init__(
        self, callback: Callable[..., Any], args: Any, loop: Any, context: Context | None, process: Any
    ) -> None:
        super().__init__(callback, args, loop, context)
        self.process: Process = process


class Timer(events.TimerHandle):
    """A callback at a moment, and whose it is."""

    __slots__ = ("process",)

    def __init__(
        self, when: float, callback: Callable[..., Any], args: Any, loop: Any, context: Any, process: Any
    ) -> None:
        super().__init__(when, callback, args, loop, context)
        self.process: Process = process


class VirtualLoop(asyncio.AbstractEventLoop):
    """One loop for all processes."""

    def __init__(self, dice: Random, on_step: Callable[[Process], None]) -> None:
        """Begin at second 0.

        Args:
            dice: decides whose turn it is, and how long what is given to a thread takes.
            on_step: is called before each step of a process; it may end the process.
        """
        self._dice = dice
        self._on_step = on_step
        self._now = 0.0
        self._timers: list[tuple[float, int, Timer]] = []
        self._count = 0
        self._steps = 0
        self._outside = Process("simulation")
        self._processes: list[Process] = [self._outside]
        self._closed = False
        self._failure: BaseException | None = None
        # Held, those of the dead too: a coroutine that is collected as garbage would run its `finally`.
        self._tasks: list[asyncio.Task[Any]] = []

    # Running.

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run the simulation's own coroutine to its end."""
        events._set_running_loop(self)
        try:
            task = self.create_task(work)
            while not task.done():
                self._take_step()
                if self._failure is not None:
                    raise self._failure
            return task.result()
        finally:
            events._set_running_loop(None)

    def _take_step(self) -> None:
        runnable = self._runnable()
        while not runnable:
            self._pass_time()
            runnable = self._runnable()
        process = runnable[0] if len(runnable) == 1 else runnable[int(self._dice.random() * len(runnable))]
        step = process.ready.popleft()
        if step._cancelled:
            return
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise NoRest(f"{MOST_STEPS:,} steps, and no end")
        if process is not self._outside:
            self._on_step(process)
            if not process.is_alive:
                return
            if process.frozen_until > self._now:
                process.ready.appendleft(step)
                return
        step._run()

    def _runnable(self) -> list[Process]:
        now = self._now
        return [one for one in self._processes if one.ready and one.frozen_until <= now]

    def _pass_time(self) -> None:
        """Go on to the next moment at which anybody has something to do."""
        thaws = [one.frozen_until for one in self._processes if one.ready]
        while self._timers and (self._timers[0][2]._cancelled or not self._timers[0][2].process.is_alive):
            heapq.heappop(self._timers)
        if self._timers:
            thaws.append(self._timers[0][0])
        if not thaws:
            raise StandsStill("nobody has anything to do, and no timer is set")
        self._now = max(self._now, min(thaws))
        while self._timers and self._timers[0][0] <= self._now:
            timer = heapq.heappop(self._timers)[2]
            self._put(timer)

    def _put(self, step: Any) -> None:
        process = step.process
        if process.is_alive:
            if not process.ready and process not in self._processes:
                self._processes.append(process)
            process.ready.append(step)

    def forget(self, process: Process) -> None:
        """Let go of a process that is dead."""
        if process in self._processes:
            self._processes.remove(process)

    # What asyncio asks of a loop.

    def time(self) -> float:
        return self._now

    def call_soon(self, callback: Any, *args: Any, context: Context | None = None) -> Step:  # type: ignore[override]
        context = context if context is not None else copy_context()
        step = Step(callback, args, self, context, context.get(current) or self._outside)
        self._put(step)
        return step

    call_soon_threadsafe = call_soon  # type: ignore[assignment]

    def call_at(self, when: float, callback: Any, *args: Any, context: Context | None = None) -> Timer:  # type: ignore[override]
        context = context if context is not None else copy_context()
        timer = Timer(when, callback, args, self, context, context.get(current) or self._outside)
        self._count += 1
        heapq.heappush(self._timers, (when, self._count, timer))
        return timer

    def call_later(self, delay: float, callback: Any, *args: Any, context: Context | None = None) -> Timer:  # type: ignore[override]
        return self.call_at(self._now + max(0.0, delay), callback, *args, context=context)

    def _timer_handle_cancelled(self, handle: events.TimerHandle) -> None:
        """It is skipped when its moment comes."""

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(  # type: ignore[override]
        self, coro: Any, *, name: str | None = None, context: Context | None = None, **more: Any
    ) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self, name=name, context=context, **more)
        self._tasks.append(task)
        return task

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        """Do at one moment, soon, what would be done in a thread."""
        future = self.create_future()
        self.call_later(self.moment(), _settle, future, func, args)
        return future

    def moment(self) -> float:
        """Return how long something small takes, in seconds."""
        return 0.0005 + 0.004 * self._dice.random() ** 4

    async def create_connection(self, protocol_factory: Any, *_: Any, sock: Any, **__: Any) -> Any:  # type: ignore[override]
        """Connect a protocol with what stands in for a socket (`worker.SimulatedSocket`)."""
        protocol = protocol_factory()
        transport = sock.connect(protocol)
        protocol.connection_made(transport)
        return transport, protocol

    def is_running(self) -> bool:
        return not self._closed

    def is_closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        """End what has not ended; whatever it says to that is not heard."""
        self._closed = True
        for task in self._tasks:
            if not task.done():
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                with contextlib.suppress(BaseException):
                    task.get_coro().close()  # type: ignore[union-attr]
        self._tasks.clear()

    def get_debug(self) -> bool:
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        error = context.get("exception")
        process = current.get()
        if self._closed or isinstance(error, Died) or (process is not None and not process.is_alive):
            return
        self.fail(
            error if process is None and error else Unhandled(f"{process}: {context['message']}: {error!r}")
        )

    def fail(self, failure: BaseException) -> None:
        """End the simulation after this step."""
        self._failure = self._failure or failure


def _settle(future: asyncio.Future[Any], func: Callable[..., Any], args: Any) -> None:
    try:
        result = func(*args)
    except Died:
        raise
    except BaseException as error:
        if not future.done():
            future.set_exception(error)
    else:
        if not future.done():
            future.set_result(result)
