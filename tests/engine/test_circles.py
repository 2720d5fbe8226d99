"""A run can't wait for one that waits for it, over however many others; an idempotency key would let it."""

import base64

import pytest

from perdure.core.errors import RecursiveWait
from perdure.store.rows import Worker
from perdure.wire.waits import Wait, WaitKind
from perdure.wire.workers import Parked
from tests.support.make import Make

STATE = base64.b64encode(b"a coroutine").decode()


async def descend(make: Make, depth: int) -> list[str]:
    """Make a run, a child of it, a child of that …; each has the key of its place."""
    line: list[str] = []
    for place in range(depth):
        parent = line[-1] if line else None
        line.append(await make.trigger(idempotency_key=f"k{place}", parent_run_id=parent))
    return line


async def wait_for(make: Make, waiter: str, key: str) -> str:
    return await make.trigger(idempotency_key=key, parent_run_id=waiter, resume_parent_on_completion=True)


async def park(make: Make, worker: Worker, run: str, subject: str) -> None:
    """Let a run wait for another."""
    held = {one.run_id: one for one in await make.claim(worker, slots=9)}[run]
    wait = Wait(kind=WaitKind.RUN, subject=subject)
    await make.report(worker, Parked(run_id=run, fence=held.fence, snapshot=STATE, waits=[wait]))


@pytest.mark.parametrize("place", range(5))
async def test_it_can_not_wait_for_any_run_above_it_nor_for_itself(make: Make, place: int):
    line = await descend(make, 5)

    with pytest.raises(RecursiveWait) as caught:
        await wait_for(make, line[-1], f"k{place}")
    assert str(caught.value).startswith(f"Run {line[-1]} can't wait for {line[place]}")


async def test_it_can_not_wait_for_a_run_that_waits_for_it(make: Make):
    worker = await make.worker()
    first, second = await make.trigger(idempotency_key="first"), await make.trigger(idempotency_key="second")
    await park(make, worker, first, second)

    with pytest.raises(RecursiveWait):
        await wait_for(make, second, "first")


async def test_it_waits_for_a_run_that_is_no_ancestor_and_triggers_any(make: Make):
    line = await descend(make, 3)
    beside = await make.trigger(idempotency_key="beside", parent_run_id=line[0])

    assert await wait_for(make, line[-1], "beside") == beside
    assert await make.trigger(idempotency_key="k0", parent_run_id=line[-1]) == line[0]
