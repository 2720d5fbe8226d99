"""The reference: the same sources, compiled by Python alone, with waits of a few lines."""

import sys
from asyncio import CancelledError
from collections.abc import Generator
from pathlib import Path
from types import ModuleType, coroutine
from typing import Any

from perdure.resumable import Raise

SPEC = Path(__file__).parent / "spec"


@coroutine
def suspend(request: Any) -> Generator[Any, Any, Any]:
    """What waiting means: hand out the request, come back with the answer."""
    said = yield request
    if isinstance(said, Raise):
        raise said.error
    return said


class Waits:
    """What several branches ask for: requests by path."""

    def __init__(self, branches: "list[Branch]") -> None:
        self.requests: dict[tuple[int, ...], Any] = {}
        for number, branch in enumerate(branches):
            if branch.live and isinstance(branch.asks, Waits):
                self.requests |= {(number, *path): ask for path, ask in branch.asks.requests.items()}
            elif branch.live:
                self.requests[number,] = branch.asks


class Branch:
    """One awaitable of a `gather` or `race`, driven by hand."""

    def __init__(self, awaitable: Any) -> None:
        self.steps = awaitable if isinstance(awaitable, Generator) else awaitable.__await__()
        self.live, self.asks, self.value, self.error = True, None, None, None
        self.go(self.steps.send, None)

    def go(self, method: Any, argument: Any) -> None:
        try:
            self.asks = method(argument)
        except StopIteration as stop:
            self.live, self.value = False, stop.value
        except BaseException as error:
            self.live, self.error = False, error

    def answer(self, answers: dict[tuple[int, ...], Any]) -> None:
        if isinstance(self.asks, Waits):
            self.go(self.steps.send, answers)
        elif isinstance(answers[()], Raise):
            self.go(self.steps.throw, answers[()].error)
        else:
            self.go(self.steps.send, answers[()])

    def cancel(self) -> None:
        if self.live:
            self.go(self.steps.throw, CancelledError())


def advance(branches: list[Branch], answers: dict[tuple[int, ...], Any]) -> None:
    for number, branch in enumerate(branches):
        mine = {path[1:]: value for path, value in answers.items() if path[0] == number}
        if mine and branch.live:
            branch.answer(mine)


@coroutine
def gather(*awaitables: Any, return_exceptions: bool = False) -> Generator[Any, Any, list[Any]]:
    """All results in order; the first error cancels the others, waits for them, and is raised."""
    branches = [Branch(each) for each in awaitables]
    failed = None
    while True:
        if failed is None and not return_exceptions:
            failed = next((branch.error for branch in branches if branch.error is not None), None)
            if failed is not None:
                for branch in branches:
                    branch.cancel()
        if not any(branch.live for branch in branches):
            break
        advance(branches, (yield Waits(branches)) or {})
    if failed is not None:
        raise failed
    return [branch.value if branch.error is None else branch.error for branch in branches]


@coroutine
def race(*awaitables: Any, return_exceptions: bool = False) -> Generator[Any, Any, Any]:
    """The first branch to end wins; the others are cancelled and waited for."""
    branches = [Branch(each) for each in awaitables]
    winner = None
    while True:
        if winner is None:
            winner = next((branch for branch in branches if not branch.live), None)
            if winner is not None:
                for branch in branches:
                    branch.cancel()
        if not any(branch.live for branch in branches):
            break
        advance(branches, (yield Waits(branches)) or {})
    if winner is not None and winner.error is not None:
        if return_exceptions:
            return winner.error
        raise winner.error
    return winner.value if winner else None


def untouched(source: str, filename: str, name: str) -> ModuleType:
    """Execute a source as it is, as a module beside the untouched world."""
    if name != "world":
        untouched_claims("world")
    module = ModuleType(f"untouched.{name}")
    module.__package__ = "untouched"
    sys.modules[module.__name__] = module
    exec(compile(source, filename, "exec"), module.__dict__)
    return module


def untouched_claims(family: str) -> ModuleType:
    """A file of claims, or the world, as Python has it; made once."""
    name = f"untouched.{family}"
    if name not in sys.modules:
        path = SPEC / f"{family}.py"
        module = untouched(path.read_text(encoding="utf-8"), str(path), family)
        if family == "world":
            module.suspend, module.gather, module.race = suspend, gather, race
    return sys.modules[name]
