"""Many simulated lives of servers, workers and clients, in which no invariant may break; see README.md."""

import os
import subprocess
import sys

import pytest

from tests.simulation.plants import PLANTS
from tests.support import postgres

pytestmark = pytest.mark.slow

IS_CI = bool(os.environ.get("CI"))
CHUNKS = 8
SEEDS = {"sqlite": 640 if IS_CI else 80, "postgres": 40 if IS_CI else 8}
"""How many simulations are run, by database: what CI has time for; `./dev simulate --long` runs 100,000."""


def simulate(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `./dev simulate`."""
    return subprocess.run(
        [sys.executable, "-m", "tests.simulation", "--jobs", "1", *arguments],
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_no_invariant_breaks(chunk: int, dialect: str):
    if dialect == "postgres":
        postgres.server_url()  # started here, so that it outlives the simulation
    count = SEEDS[dialect] // CHUNKS

    done = simulate("--dialect", dialect, "--first", str(1 + chunk * count), "--seeds", str(count))

    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-5_000:]


@pytest.mark.parametrize("plant", PLANTS)
def test_a_planted_bug_is_found_and_made_short(plant: str):
    done = simulate("--plant", plant, *(["--spots"] if plant == "fence" else ["--seeds", "150"]))

    assert done.returncode == 1, done.stdout[-5_000:] + done.stderr[-5_000:]
    told = done.stdout.partition("\nSeed ")[2]
    assert "Violation: " in told
    assert told.count(" does ") <= 4, told
    assert told.count(" at step ") + told.count(" at commit ") + told.count(" at message ") <= 3, told


def test_weak_spots_hold():
    done = simulate("--spots")  # on PostgreSQL steps fall elsewhere, and the plans name steps

    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-5_000:]


def test_a_seed_is_the_same_story_each_time():
    first, second = simulate("--seed", "12"), simulate("--seed", "12")

    assert "no invariant was broken" in first.stdout, first.stdout[-5_000:] + first.stderr[-5_000:]
    assert first.stdout == second.stdout
