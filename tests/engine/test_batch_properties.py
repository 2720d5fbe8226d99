"""Random batches: whatever their items are and however their runs end, the wait ends, in order, once."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perdure.engine.engine import Engine
from perdure.store.rows import Worker
from perdure.testing.clock import FakeClock
from perdure.wire.batches import BatchItem, BatchStatus
from perdure.wire.workers import Assignment, RetryChoice
from tests.engine.batching import add, create, item, parked_on, runs_of, settle, status
from tests.support.make import Make

SOME = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

HOURS = 3


@dataclass(frozen=True)
class Planned:
    """An item, and how its run is to end."""

    options: dict[str, Any]
    end: str


ENDS = st.sampled_from(["succeed", "fail", "cancel", "expire"])
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "idempotency_key": st.sampled_from(["a", "b", "before", "ended"]),
        "delay": st.sampled_from(["1m", "1h", "soon"]),
        "ttl": st.just("2h"),
    },
)
PLANS = st.lists(st.builds(Planned, OPTIONS, ENDS), min_size=1, max_size=12)


@SOME
@given(plans=PLANS, data=st.data())
async def test_a_wait_for_a_batch_always_ends(
    engine: Engine, clock: FakeClock, plans: list[Planned], data: Any
):
    make = await Make.begin(engine)  # what an example leaves in line is not another's
    worker = await make.worker()
    await _runs_of_before(make, worker)
    await make.trigger(priority=10_000)
    items = [item(number, **plan.options) for number, plan in enumerate(plans)]
    batch = await _sent_somehow(make, items, data)
    parent = await parked_on(make, worker, batch)
    await settle(make)

    told = await _live_on(make, worker, clock, plans, data, parent.run_id)

    over = await status(make, batch)
    assert over in (BatchStatus.COMPLETED, BatchStatus.PARTIAL_FAILED, BatchStatus.ABORTED)
    failed = [plan.options.get("delay") == "soon" for plan in plans]
    assert (over is BatchStatus.COMPLETED) == (not any(failed))
    assert (over is BatchStatus.ABORTED) == all(failed)
    await _check_results(make, batch, plans)
    assert told is not None
    assert [answer.subject for answer in told.answers] == [batch]
    assert (await make.succeed(worker, told)).ok


async def _runs_of_before(make: Make, worker: Worker) -> None:
    """Make a run that has ended, and one that has not, under keys that items may have."""
    await make.trigger(idempotency_key="ended", priority=20_000)
    (held,) = await make.claim(worker)
    await make.succeed(worker, held, '"before"')
    await make.trigger(idempotency_key="before")


async def _sent_somehow(make: Make, items: Sequence[BatchItem], data: Any) -> str:
    """Send items in groups, some of them twice, in any order."""
    batch = await create(make, len(items))
    order = data.draw(st.permutations(items), "order")
    while order:
        cut = data.draw(st.integers(1, len(order)), "group")
        await add(make, batch, *order[:cut])
        if data.draw(st.booleans(), "again"):
            await add(make, batch, *order[:cut])
        order = order[cut:]
    return batch


async def _live_on(
    make: Make, worker: Worker, clock: FakeClock, plans: list[Planned], data: Any, parent: str
) -> Assignment | None:
    """Let all runs end, in any order and in any way; return what the parent is told when it goes on."""
    told = None
    ends = iter(data.draw(st.permutations([plan.end for plan in plans]), "ends"))
    for _ in range(HOURS):
        for one in data.draw(st.permutations(await make.claim(worker, 50)), "turn"):
            if one.run_id == parent:
                assert told is None
                told = one
                continue
            match next(ends, "succeed"):
                case "fail":
                    await make.fail(worker, one, retry=RetryChoice(skip=True))
                case "cancel":
                    await make.engine.cancel.cancel(make.environment, one.run_id)
                case _:
                    await make.succeed(worker, one, json.dumps(one.run_id))
            if data.draw(st.booleans(), "look"):
                await settle(make)
        clock.forward("1h")
        await settle(make)
    return told or next((one for one in await make.claim(worker, 50) if one.run_id == parent), None)


async def _check_results(make: Make, batch: str, plans: list[Planned]) -> None:
    page = await make.engine.batches.results(make.environment, batch, after=-1, size=100, wait=0)
    assert page is not None
    assert [result.position for result in page.results] == list(range(len(plans)))
    assert [result.run for result in page.results] == await runs_of(make, batch)
    assert all((result.run is None) == (result.error is not None) for result in page.results)
    assert all(result.status != "QUEUED" for result in page.results)
