"""What goes wrong: a list that is drawn before a simulation begins, so that it can be made shorter after.

A fault names a place and the how-manieth thing that happens there: step 812 of `server-0`, commit 31 of
`server-1`, message 7 of `worker-0`.  Places count on through restarts.
"""

from dataclasses import dataclass
from random import Random
from typing import Literal

Point = Literal["step", "commit", "message", "run"]
"""Where faults are: between two steps of a process, around a commit of a server, around a request of
whoever sends it, at the start of a run in an executor."""

KINDS: dict[str, Point] = {
    "die": "step",
    "freeze": "step",
    "cut off": "step",
    "set clock": "step",
    "locked": "commit",
    "lost": "commit",
    "unknown": "commit",
    "slow disk": "commit",
    "die before commit": "commit",
    "die after commit": "commit",
    "lose request": "message",
    "lose answer": "message",
    "cut": "message",
    "double": "message",
    "delay": "message",
    "kill executor": "run",
}
"""Every kind of fault, and at which point it strikes."""

SERVERS = ("server-0", "server-1")
WORKERS = ("worker-0", "worker-1")
CLIENTS = ("client-0", "client-1")

_REACH: dict[Point, dict[str, int]] = {
    "step": {"server-0": 900, "server-1": 900, "worker-0": 700, "worker-1": 700},
    "commit": {"server-0": 130, "server-1": 130},
    "message": {"worker-0": 40, "worker-1": 40, "client-0": 6, "client-1": 6},
    "run": {"worker-0": 6, "worker-1": 6},
}
"""Where faults strike, and about how many points a place has in a simulation."""


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong."""

    kind: str
    place: str
    at: int
    amount: float
    """Seconds it lasts, or that a process is away; of a clock, by how much it is wrong."""

    def __str__(self) -> str:
        return f"{self.kind} at {KINDS[self.kind]} {self.at} of {self.place} ({self.amount:.3f} s)"


class Faults:
    """The faults of a simulation, found by where and when they strike."""

    def __init__(self, faults: list[Fault]) -> None:
        self._waiting: dict[tuple[Point, str], dict[int, Fault]] = {}
        for fault in faults:
            self._waiting.setdefault((KINDS[fault.kind], fault.place), {})[fault.at] = fault
        self._counts: dict[tuple[Point, str], int] = {}
        #: those that have struck
        self.struck: list[Fault] = []
        #: none strikes any more
        self.are_over = False

    def at(self, point: Point, place: str) -> Fault | None:
        """Count one more thing at a place; return the fault that strikes there, if there is one."""
        key = point, place
        count = self._counts[key] = self._counts.get(key, 0) + 1
        waiting = self._waiting.get(key)
        if not waiting or self.are_over:
            return None
        fault = waiting.pop(count, None)
        if fault is not None:
            self.struck.append(fault)
        return fault


def draw(dice: Random) -> list[Fault]:
    """Draw the faults of a simulation: of some kinds, so that each of these comes often (swarm testing)."""
    kinds = dice.sample(list(KINDS), dice.randint(1, 4))
    found: dict[tuple[Point, str, int], Fault] = {}
    for _ in range(dice.choice([0, 1, 2, 4, 6, 9, 13])):
        kind = dice.choice(kinds)
        point = KINDS[kind]
        place = dice.choice(list(_REACH[point]))
        # Anywhere; and as often early, when everything begins.
        reach = _REACH[point][place]
        at = dice.randint(1, reach) if dice.random() < 0.5 else max(1, round(reach ** dice.random()))
        found[point, place, at] = Fault(kind, place, at, round(_amount(kind, dice), 3))
    return list(found.values())


def _amount(kind: str, dice: Random) -> float:
    if kind == "set clock":
        return dice.choice([-1, 1]) * 10 ** dice.uniform(-1, 1.2)
    if kind in ("freeze", "cut off") and dice.random() < 0.6:
        return dice.uniform(9.5, 20)  # longer than a lease
    return 10 ** dice.uniform(-2, 1.4)  # 10 ms to 25 s
