"""Weak spots, each with a plan of its own: `./dev simulate --spots`."""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.simulation.faults import SERVERS, WORKERS, Fault
from tests.simulation.scenario import Action
from tests.simulation.simulation import Outcome, Plan

LONG_RUNS = (
    Action("steady", "client-0", at=1.0, number=100, dice=1),
    Action("steady", "client-1", at=2.0, number=110, dice=2),
)
"""Two runs of eight seconds, and so nothing to do when it is over."""


@dataclass(frozen=True)
class Spot:
    """A plan, and how often its runs may lose their worker."""

    name: str
    plan: Plan
    losses: int

    def judge(self, outcome: Outcome) -> str:
        """Return what is wrong with what became of it; empty if nothing is."""
        missed = len(self.plan.faults) - len(outcome.struck)
        if outcome.wrong or missed:
            return outcome.wrong or f"{missed} of its faults found nothing to strike"
        if outcome.losses <= self.losses:
            return ""
        return f"{outcome.losses} runs lost their worker, and {self.losses} need to"


def spots() -> Iterator[Spot]:
    """Yield all of them."""
    yield Spot("nothing happens", _plan(), losses=0)
    for message in range(1, 9):
        for worker in WORKERS:
            lost = Fault("lose answer", worker, message, 0.1)
            yield Spot(f"the answer to request {message} of {worker} is lost", _plan(lost), losses=2)
    for step in (90, 130, 170):
        frozen = [Fault("freeze", server, step, 15.0) for server in SERVERS]
        yield Spot(f"both servers stand still from step {step}", _plan(*frozen), losses=0)
        dead = [Fault("die", server, step, 15.0) for server in SERVERS]
        yield Spot(f"both servers are away from step {step}", _plan(*dead), losses=0)
    for step in (100, 150, 200):
        for kind in ("freeze", "cut off", "die"):
            for worker in WORKERS:
                gone = Fault(kind, worker, step, 15.0)
                yield Spot(f"{kind} of {worker} at step {step}", _plan(gone), losses=2)


def _plan(*faults: Fault) -> Plan:
    return Plan(0, LONG_RUNS, faults)
