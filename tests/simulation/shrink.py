"""Makes a failing plan shorter: what can be left out while it still fails, is."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from tests.simulation.simulation import Outcome, Plan

T = TypeVar("T")

Run = Callable[[Plan], Outcome]

TRIES = 200
"""The most simulations that are spent on one plan."""


def shrink(outcome: Outcome, run: Run) -> Outcome:
    """Return the outcome of the shortest plan found that breaks the same rule.

    Faults that did not strike go first; then faults and actions are left out by halves, quarters, … and one
    by one, again and again until none can go (delta debugging, Zeller and Hildebrandt 2002).
    """
    search = _Search(outcome, run)
    search.attempt(replace(outcome.plan, faults=tuple(outcome.struck)))
    is_shorter = True
    while is_shorter:
        before = search.best
        search.leave_out(lambda plan: plan.faults, lambda plan, kept: replace(plan, faults=kept))
        search.leave_out(lambda plan: plan.actions, lambda plan, kept: replace(plan, actions=kept))
        is_shorter = search.best is not before
    return search.best


class _Search:
    """The shortest failing plan so far."""

    def __init__(self, outcome: Outcome, run: Run) -> None:
        self.best = outcome
        self._run = run
        self._left = TRIES
        self._rule = _rule(outcome)

    def attempt(self, plan: Plan) -> bool:
        """Try a plan; keep it if it fails in the same way."""
        if self._left <= 0:
            return False
        self._left -= 1
        outcome = self._run(plan)
        if _rule(outcome) != self._rule:
            return False
        self.best = outcome
        return True

    def leave_out(
        self, parts: Callable[[Plan], Sequence[T]], put: Callable[[Plan, tuple[T, ...]], Plan]
    ) -> None:
        """Leave out as many parts of a plan as can be: large pieces first."""
        size = len(parts(self.best.plan))
        while size > 0:
            start = 0
            while start < len(found := parts(self.best.plan)):
                kept = (*found[:start], *found[start + size :])
                if not self.attempt(put(self.best.plan, kept)):
                    start += size
            size //= 2


def _rule(outcome: Outcome) -> str:
    """Return what was broken, without whose it was."""
    return outcome.wrong.partition(" But ")[0].partition("(")[0]
