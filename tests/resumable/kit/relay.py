"""Carry snapshots of all claims from one process to another, maybe of another Python.

python -m tests.resumable.kit.relay write FILE     every claim at every wait, as bytes
python -m tests.resumable.kit.relay read FILE      go on from each; differences as JSON
"""

import json
import pickle
import sys
from pathlib import Path
from typing import Any

from perdure.resumable import install

from .claims import all_claims, rewritten_world, untouched_world
from .driver import Answer, Outcome, World, run
from .everywhere import Snapshot, snapshots_of
from .oracle import SPEC


def write(path: Path) -> None:
    """Store what each claim is at each of its waits."""
    world, carried = rewritten_world(), []
    for claim in all_claims():
        _, taken = snapshots_of(world, claim.rewritten())
        carried += [(claim.family, claim.name, _plain(snapshot)) for snapshot in taken]
    path.write_bytes(pickle.dumps(carried))


def _plain(snapshot: Snapshot) -> dict[str, Any]:
    """Without objects of this process: answers travel as what they are made of."""
    said = snapshot.said
    error = None if said.error is None else said.error.args
    return {"number": snapshot.number, "data": snapshot.data, "mark": snapshot.mark} | {
        "value": said.value,
        "error": error,
        "path": said.path,
    }


def read(path: Path) -> list[list[str]]:
    """Go on from each snapshot in this process; what did not end as it should have."""
    world, different = rewritten_world(), []
    expected: dict[tuple[str, str], Outcome] = {}
    for claim in all_claims():
        expected[claim.family, claim.name] = run(untouched_world(), claim.untouched())
    for family, name, plain in pickle.loads(path.read_bytes()):
        if (family, name) not in expected:
            continue  # a claim about other versions of Python
        seen = _wake(plain, world)
        if seen != expected[family, name]:
            different.append(
                [f"{family}.{name} at wait {plain['number']}", str(expected[family, name]), str(seen)]
            )
    return different


def _wake(plain: dict[str, Any], world: World) -> Outcome | str:
    error = None if plain["error"] is None else world.module.Trouble(*plain["error"])
    said = Answer(plain["value"], error, plain["path"])
    try:
        return Snapshot(plain["number"], plain["data"], plain["mark"], said).wake(world)
    except Exception as error:
        return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    install([SPEC])
    if sys.argv[1] == "write":
        write(Path(sys.argv[2]))
    else:
        json.dump(read(Path(sys.argv[2])), sys.stdout)
