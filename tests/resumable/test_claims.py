"""Every claim of `kit/spec` holds awake, asleep at each wait, and asleep at all of them."""

import pytest

from tests.resumable.kit.claims import Claim, all_claims, rewritten_world, untouched_world
from tests.resumable.kit.driver import run
from tests.resumable.kit.everywhere import same_everywhere, snapshots_of

# Copies that were abandoned in a `finally` complain when the collector ends them.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.usefixtures("collected"),
]

CLAIMS = all_claims()


@pytest.mark.parametrize("claim", CLAIMS, ids=str)
def test_claim(claim: Claim) -> None:
    outcome = same_everywhere(
        (untouched_world(), claim.untouched()),
        (rewritten_world(), claim.rewritten()),
        some=[lambda number: number % 2 == 0, lambda number: number % 3 == 1],
    )

    assert "AssertionError" not in outcome.result
    assert outcome.waits


def test_the_claims_wait_in_many_places() -> None:
    outcomes = [run(untouched_world(), claim.untouched()) for claim in CLAIMS]

    assert sum(outcome.waits for outcome in outcomes) > 1_000


@pytest.mark.parametrize("claim", CLAIMS[::5], ids=str)
def test_a_snapshot_wakes_twice_the_same_way(claim: Claim) -> None:
    world = rewritten_world()
    awake, taken = snapshots_of(world, claim.rewritten())

    for snapshot in taken:
        assert snapshot.wake(world) == snapshot.wake(world) == awake
