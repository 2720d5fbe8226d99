"""Random programs do the same awake and asleep: at each wait, at some, and at all of them.

How many: `PERDURE_PROGRAMS` (see README.md); without it a few hundred, and 4,000
in the test marked `slow`, which CI runs. `PERDURE_SEED` chooses other programs.
"""

import gc
import os

import pytest
from hypothesis import HealthCheck, Phase, assume, given, seed, settings
from hypothesis import strategies as st

from tests.resumable.kit.driver import Endless
from tests.resumable.kit.everywhere import same_everywhere
from tests.resumable.kit.programs import Program, programs
from tests.resumable.kit.sandbox import load

# Copies that were abandoned in a `finally` complain when the collector ends them.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("collected"),
]

FEW, MANY, SHARD = 200, 4_000, 1_000
SEED = int(os.environ.get("PERDURE_SEED", "0"))
TOTAL = int(os.environ.get("PERDURE_PROGRAMS", MANY))


class Pattern:
    """At which waits to sleep: a few bits, repeated."""

    def __init__(self, bits: list[bool]) -> None:
        self.bits = bits

    def __call__(self, number: int) -> bool:
        return self.bits[number % len(self.bits)]

    def __repr__(self) -> str:
        return "".join("s" if bit else "-" for bit in self.bits)


patterns = st.lists(st.booleans(), min_size=2, max_size=7).map(Pattern)


def check(program: Program, pattern: Pattern) -> None:
    try:
        same_everywhere(*load(program), some=[pattern], most=6)
    except Endless:
        assume(False)
    except AssertionError as different:
        assume("too deep for Python" not in str(different))  # refused by name, as README.md says
        raise


def check_many(count: int, number: int) -> None:
    """Hypothesis with as many examples as asked for; a failure is shrunk to a short program."""
    gc.collect()
    gc.freeze()  # what is here by now stays: the collector need not look at it again
    test = given(programs(), patterns)(check)
    test = settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )(test)
    try:
        seed(SEED + number)(test)()
    finally:
        gc.unfreeze()


def test_some_programs_do_the_same_awake_and_asleep() -> None:
    check_many(FEW, number=0)


@pytest.mark.slow
@pytest.mark.parametrize("shard", range(1, -(-TOTAL // SHARD) + 1))
def test_many_programs_do_the_same_awake_and_asleep(shard: int) -> None:
    check_many(min(SHARD, TOTAL), number=shard)
