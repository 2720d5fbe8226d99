"""Every change of a run is in the table of `core.lifecycle`; what is not there changes nothing."""

from collections.abc import Sequence

import pytest

from perdure.core.errors import IllegalTransition
from perdure.core.lifecycle import FINAL, LEASED, TRANSITIONS, On, Status
from perdure.engine.engine import Engine
from perdure.engine.moves import Move, Step, apply
from perdure.store import counts, runs
from perdure.store.database import Tx
from perdure.store.rows import Run
from tests.support.make import Make


async def happen(make: Make, run: str, steps: Sequence[On]) -> None:
    """Let things happen to a run, as the systems do."""
    now = make.engine.resources.clock.now()

    async def body(tx: Tx) -> None:
        row = (await runs.lock(tx, [run]))[run]
        await apply(tx, [Move(row, [Step(on) for on in steps], {"place": None})], now=now)

    await make.engine.resources.db.transact(body)


async def run_in(make: Make, status: Status) -> Run:
    """Make a run in any status."""
    before = {
        Status.WAITING: (Status.EXECUTING, On.WAIT),
        Status.CANCELED: (Status.QUEUED, On.CANCEL),
        Status.EXPIRED: (Status.QUEUED, On.EXPIRE),
    }
    if status not in before:
        return await make.run(status=status)
    start, on = before[status]
    run = await make.run(status=start)
    await happen(make, run.id, [on])
    return await make.row(run.id)


async def assert_counts_are_true(engine: Engine) -> None:
    async def body(tx: Tx) -> None:
        cached = {
            lane: standing for lane, standing in (await counts.lanes_cached(tx)).items() if any(standing)
        }
        assert cached == await counts.lanes_true(tx)

    await engine.resources.db.read(body)


@pytest.mark.parametrize("status", list(Status))
async def test_what_is_in_the_table_happens_and_nothing_else_does(make: Make, status: Status):
    for on in On:
        run = await run_in(make, status)
        expected = TRANSITIONS[status].get(on)

        if expected is None:
            with pytest.raises(IllegalTransition, match=status):
                await happen(make, run.id, [on])
            assert await make.row(run.id) == run
        else:
            await happen(make, run.id, [on])
            row = await make.row(run.id)
            assert (row.status, row.finished_at is not None) == (expected, expected in FINAL)
    await assert_counts_are_true(make.engine)


async def test_one_illegal_move_undoes_all_of_its_transaction(make: Make):
    queued, ended = await make.run(status=Status.QUEUED), await make.run(status=Status.COMPLETED)

    async def body(tx: Tx) -> None:
        rows = await runs.lock(tx, [queued.id, ended.id])
        await apply(tx, [Move(row, [Step(On.CANCEL)]) for row in rows.values()], now=1)

    with pytest.raises(IllegalTransition):
        await make.engine.resources.db.transact(body)
    assert await make.row(queued.id) == queued


def test_a_run_takes_a_slot_exactly_while_it_is_leased():
    assert {Status.DEQUEUED, Status.EXECUTING} == LEASED
