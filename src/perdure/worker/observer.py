"""Who watches a worker: the command line does, to show runs as they happen."""

from typing import Protocol

from perdure.wire.executor import Discovered
from perdure.wire.workers import Assignment, Canceled, Connected, Failed, Parked, Released, Succeeded, Verdict

Ending = Succeeded | Failed | Canceled | Released | Parked


class Observer(Protocol):
    """Is told what happens, in the worker's event loop; must be quick, and must not raise."""

    def connected(self, answer: Connected, discovered: Discovered) -> None:
        """The server knows the worker, which now takes runs."""
        ...

    def began(self, run: Assignment) -> None:
        """An attempt is given to an executor."""
        ...

    def ended(self, run: Assignment, ending: Ending, verdict: Verdict) -> None:
        """An attempt has ended, and the server has said what comes of it."""
        ...


class Unwatched:
    """Nobody watches."""

    def connected(self, answer: Connected, discovered: Discovered) -> None:
        """Do nothing."""

    def began(self, run: Assignment) -> None:
        """Do nothing."""

    def ended(self, run: Assignment, ending: Ending, verdict: Verdict) -> None:
        """Do nothing."""
