"""Drive a coroutine by hand, capture and restore it on the way, and tell what it did.

The driver answers each request by a fixed rule, so that the same program asks,
logs and ends the same way however often it slept on disk in between.
"""

import gc
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import CoroutineType, ModuleType
from typing import Any

from perdure.resumable import Raise, capture, restore

TOO_MANY = 120
UNBOUND = object()  # a program may delete its global
COMPREHENSIONS = ("<listcomp>", "<setcomp>", "<dictcomp>")  # frames of their own until Python 3.12


class Endless(Exception):
    """The program waited more often than the driver has patience for."""


@dataclass
class Outcome:
    """All that can be seen of a run from outside."""

    effects: list[str]
    result: str
    lines: list[tuple[str, int]] = field(default_factory=list, compare=False)
    waits: int = field(default=0, compare=False)


@dataclass
class World:
    """The globals a program acts on: never captured, so they are saved and set back here."""

    module: ModuleType
    program: ModuleType | None = None

    def mark(self) -> tuple[list[str], dict[str, int], Any]:
        return list(self.module.EFFECTS), dict(self.module.STATE), getattr(self.program, "g", UNBOUND)

    def rewind(self, mark: tuple[list[str], dict[str, int], Any]) -> None:
        effects, state, g = mark
        self.module.EFFECTS[:] = effects
        self.module.STATE.clear()
        self.module.STATE.update(state)
        if self.program is not None:
            self.program.__dict__["g"] = g
            if g is UNBOUND:
                del self.program.__dict__["g"]

    def quietly_close(self, coroutines: list[CoroutineType]) -> None:
        """Close abandoned copies; what their `finally` blocks log belongs to nobody."""
        mark = self.mark()
        for coroutine in coroutines:
            while coroutine.cr_frame is not None:  # it may wait in a `finally`, and then once more
                with suppress(BaseException):
                    coroutine.close()
        self.rewind(mark)


@contextmanager
def undisturbed(world: World, mark: Any = ([], {"ticks": 0}, 0)) -> Iterator[None]:
    """Begin at *mark*. Copies abandoned earlier are not collected meanwhile: their `finally` would log."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        world.rewind(mark)
        yield
    finally:
        if enabled:
            gc.enable()


@dataclass
class Answer:
    """What the outside says: a value or an error, to the wait at one path."""

    value: Any = None
    error: BaseException | None = None
    path: tuple[int, ...] | None = None

    def in_place(self, coroutine: CoroutineType) -> Any:
        return coroutine.send(self._said() if self.path is None else {self.path: self._said()})

    def restored(self, data: bytes) -> CoroutineType:
        if self.path is not None:
            return restore(data, answers={self.path: self._said()})
        return restore(data, value=self.value) if self.error is None else restore(data, error=self.error)

    def _said(self) -> Any:
        return self.value if self.error is None else Raise(self.error)


def answer(world: World, request: Any) -> Answer:
    """The fixed rule. Of several branches one is answered at a time, now this, now that."""
    effects = world.module.EFFECTS
    if hasattr(request, "requests"):
        paths = sorted(request.requests)
        effects.append(f"asks {request.requests!r}")
        path = paths[len(effects) % len(paths)]
        said = answer(world, request.requests[path])
        return Answer(said.value, said.error, path)
    effects.append(f"asks {request!r}")
    if isinstance(request, tuple) and request[:1] == ("boom",):
        return Answer(error=world.module.Trouble(request[1]))
    return Answer(list(request) if isinstance(request, list) else request)


def finish(
    world: World,
    coroutine: CoroutineType,
    sleeps: Callable[[int], bool] = lambda number: False,
    visit: Callable[[CoroutineType, Any], None] = lambda coroutine, request: None,
) -> Outcome:
    """Run a coroutine to its end, through the disk at each wait whose number `sleeps`.

    `visit` sees the coroutine suspended at each wait, with its request, before the answer.
    """
    abandoned: list[CoroutineType] = []
    waits, lines, home = 0, [], coroutine.cr_code.co_filename
    try:
        request = coroutine.send(None)
        while True:
            if waits >= TOO_MANY:
                raise Endless
            visit(coroutine, request)
            said = answer(world, request)
            waits += 1
            if sleeps(waits - 1):
                abandoned.append(coroutine)
                coroutine = said.restored(capture(coroutine))
                if waits % 2:  # and once more, before it has gone on
                    abandoned.append(coroutine)
                    coroutine = restore(capture(coroutine))
                request = coroutine.send(None)
            else:
                request = said.in_place(coroutine)
    except Endless:
        world.quietly_close([*abandoned, coroutine])
        raise
    except StopIteration as stop:
        result = f"returns {stop.value!r}"
    except Exception as error:
        result = f"raises {world.module.unwind(error)!r}"
        entries = [(frame.f_code, line) for frame, line in traceback.walk_tb(error.__traceback__)]
        own = [(code.co_name, line) for code, line in entries if code.co_filename == home]
        lines = [entry for entry in own if entry[0] not in COMPREHENSIONS]
    outcome = Outcome(list(world.module.EFFECTS), result, lines, waits)
    world.quietly_close([*abandoned, coroutine])
    return outcome


def run(
    world: World,
    main: Callable[[], CoroutineType],
    sleeps: Callable[[int], bool] = lambda number: False,
    visit: Callable[[CoroutineType, Any], None] = lambda coroutine, request: None,
) -> Outcome:
    """`finish`, from the start and in a fresh world."""
    with undisturbed(world):
        return finish(world, main(), sleeps, visit)
