"""Replays and stored states in the harness."""

import pytest

from perdure import BadOption, NotFound, Retry, checkpoint, task, wait
from perdure.testing import Harness

STEPS: list[str] = []


@task(id="testing-steps", retry=Retry(max_attempts=1))
async def steps(price: int, is_cheap: bool = False) -> str:
    STEPS.append("price")
    total = price * 2
    await checkpoint("priced", {"total": total})
    STEPS.append("wait")
    await wait.for_(hours=1)
    return f"{total} {'cheap' if is_cheap else 'dear'}"


@pytest.fixture(autouse=True)
def nothing_yet() -> None:
    STEPS.clear()


def test_a_replay_begins_at_the_top_with_what_was_changed(perdure: Harness):
    first = perdure.run(steps, 1)
    again = perdure.replay(first)
    other = perdure.replay(first, payload={"price": 5}, tags=["replayed"])
    perdure.advance("1h")

    assert (again.output, other.output, other.tags) == ("2 dear", "10 dear", ["replayed"])
    assert STEPS.count("price") == 3


def test_a_replay_begins_at_a_checkpoint_with_other_locals(perdure: Harness):
    first = perdure.run(steps, 1)

    perdure.replay(first, from_="priced")
    perdure.replay(first, from_="priced", locals={"total": 100})
    perdure.replay(first, from_="last", payload={"price": 1, "is_cheap": True})
    perdure.advance("1h")

    outputs = [run.output for run in perdure.runs_of(steps)]
    assert outputs == ["2 dear", "2 dear", "100 dear", "2 cheap"]
    assert STEPS.count("price") == 1


async def test_a_replay_is_awaited_where_runs_are(perdure: Harness):
    first = await perdure.run(steps, 1)
    again = await perdure.replay(first, from_="priced", locals={"total": 7})

    assert (await again.result()) == "7 dear"


def test_a_state_or_a_local_that_is_not_there_is_told(perdure: Harness):
    first = perdure.run(steps, 1)

    with pytest.raises(NotFound, match=r"no stored state prized; .*did you mean priced"):
        perdure.replay(first, from_="prized")
    with pytest.raises(BadOption, match=r"no local totel in priced; .*did you mean total"):
        perdure.replay(first, from_="priced", locals={"totel": 1})


def test_the_stored_states_of_a_run_are_shown(perdure: Harness):
    run = perdure.start(steps, 3)

    waiting, priced = run.snapshots.snapshots
    assert (priced.kind, priced.key, priced.data) == ("checkpoint", "priced", {"total": 6})
    assert (waiting.kind, waiting.frames[-1].function) == ("wait", f"{__name__}.steps")
    assert waiting.frames[-1].locals["total"] == "6"
    assert [one.kind for one in run.snapshots.waits] == ["time"]
    perdure.finish(run)
    assert run.snapshots.waits == []
