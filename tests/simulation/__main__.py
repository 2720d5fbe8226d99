"""`./dev simulate`: run many simulations, and tell of one that fails as shortly as can be."""

import argparse
import os
import sys

from tests.simulation.plants import PLANTS
from tests.simulation.search import Search, search, server_of, simulator
from tests.simulation.shrink import shrink
from tests.simulation.simulation import Outcome, Plan
from tests.simulation.spots import spots

LONG = 100_000
"""How many seeds the long mode runs."""


def main() -> int:
    """Do what the command line says; return the exit code: 0 if no simulation failed."""
    chosen = _parser().parse_args()
    with server_of(chosen.dialect):
        if chosen.spots:
            return _look_at_spots(chosen)
        return _search(chosen) if chosen.seed is None else _replay(chosen, chosen.seed)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./dev simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="how many simulations to run (200)")
    parser.add_argument("--first", type=int, default=1, help="the first seed (1)")
    parser.add_argument("--long", action="store_true", help=f"run {LONG:,} seeds")
    parser.add_argument("--seed", type=int, help="run this one, and print what happens in it")
    parser.add_argument("--spots", action="store_true", help="run the plans of known weak spots")
    parser.add_argument("--dialect", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at once")
    parser.add_argument("--keep-going", action="store_true", help="go on after a failure")
    parser.add_argument("--plant", choices=list(PLANTS), help="plant a bug, which is to be found")
    return parser


def _search(chosen: argparse.Namespace) -> int:
    failed = search(
        Search(
            dialect=chosen.dialect,
            plant=chosen.plant,
            first=chosen.first,
            seeds=LONG if chosen.long else chosen.seeds,
            jobs=chosen.jobs,
            keeps_going=chosen.keep_going,
        )
    )
    if not failed:
        print("No invariant was broken.")
        return 0
    print(f"These seeds fail: {', '.join(map(str, failed))}.  The first of them, made short:", flush=True)
    return _replay(chosen, failed[0])


def _look_at_spots(chosen: argparse.Namespace) -> int:
    """Run the plans of weak spots until one goes wrong; return the exit code."""
    with simulator(chosen.dialect, chosen.plant) as found:
        for spot in spots():
            outcome = found.run(spot.plan)
            wrong = spot.judge(outcome)
            print(f"{spot.name}: {wrong or 'sound'}")
            if wrong:
                _tell(shrink(outcome, found.run) if outcome.wrong else outcome)
                return 1
    return 0


def _replay(chosen: argparse.Namespace, seed: int) -> int:
    """Run one seed, make it short if it fails, and print what happens in it."""
    with simulator(chosen.dialect, chosen.plant) as found:
        outcome = found.run(Plan.of(seed))
        if outcome.wrong:
            outcome = shrink(outcome, found.run)
    _tell(outcome)
    return 1 if outcome.wrong else 0


def _tell(outcome: Outcome) -> None:
    print("\n".join(outcome.trace.lines()))
    print(report(outcome))


def report(outcome: Outcome) -> str:
    """Return what became of a simulation, in a few lines."""
    plan = outcome.plan
    lines = [f"\nSeed {plan.seed}: {outcome.wrong or 'no invariant was broken'}"]
    lines += [f"  {action}" for action in plan.actions]
    lines += [f"  {fault}" for fault in plan.faults] or ["  no fault"]
    lines.append(f"  {outcome.runs} runs, {outcome.commits} commits, {outcome.seconds:.0f} virtual seconds")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
