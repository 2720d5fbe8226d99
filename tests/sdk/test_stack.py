"""The stack of a run that waits: what each function waits for, and locals that a replay changes."""

from typing import Any

import pytest

from perdure import checkpoint, gather, task, wait
from perdure.resumable import resumable
from perdure.sdk.attempt import Outcome
from perdure.wire.waits import Answer, Changes, FrameView, WaitKind
from perdure.wire.workers import Failed, Parked, Succeeded
from tests.sdk.host import Host, attempt


@resumable
async def pay(total: int) -> int:
    fee = 1
    await wait.for_token("waitpoint_pay")
    return total + fee


@resumable
async def ship() -> str:
    return await wait.for_token("waitpoint_ship")


@task(id="stack-order")
@resumable
async def order(amount: int) -> list[Any]:
    total = amount * 10
    return [total, amount, await pay(total)]


@task(id="stack-both")
@resumable
async def both() -> list[Any]:
    return await gather(pay(1), wait.for_token("waitpoint_here"), ship())


@task(id="stack-half")
@resumable
async def half(amount: int) -> int:
    await checkpoint("half")
    return amount


def answer(token: str, output: str = "null") -> Answer:
    return Answer(kind=WaitKind.TOKEN, subject=f"waitpoint_{token}", output=output)


async def parked(kind: Any, payload: Any = None) -> Parked:
    outcome = await attempt(kind, payload)
    assert isinstance(outcome, Parked), outcome
    return outcome


async def go_on(kind: Any, state: Parked, changes: Changes, payload: Any) -> Outcome:
    host = Host(answers=[answer("pay")])
    return await attempt(
        kind, payload, host=host, snapshot=state.snapshot, snapshot_number=1, changes=changes
    )


def waits_of(frames: list[FrameView]) -> dict[str, list[str]]:
    return {frame.function.rpartition(".")[2]: frame.waits for frame in frames}


async def test_the_innermost_function_waits():
    state = await parked(order, {"amount": 2})

    assert waits_of(state.frames) == {"order": [], "pay": ["waitpoint_pay"]}


async def test_of_branches_each_waits_for_its_own_and_what_has_no_function_is_of_the_one_around():
    state = await parked(both)

    assert waits_of(state.frames) == {
        "both": ["waitpoint_here"],
        "pay": ["waitpoint_pay"],
        "ship": ["waitpoint_ship"],
    }


async def test_a_checkpoint_is_no_wait():
    host = Host()
    await attempt(half, {"amount": 1}, host=host)

    ((_, stored),) = host.checkpoints
    assert waits_of(stored.frames) == {"half": []}


@pytest.mark.parametrize(
    ("changes", "payload", "output"),
    [
        (Changes(locals={"total": 7}), 2, "[20,2,8]"),
        (Changes(locals={"order.total": 7}), 2, "[7,2,21]"),
        (Changes(locals={"pay.total": 7, "fee": 0}), 2, "[20,2,7]"),
        (Changes(), 3, "[20,2,21]"),
        (Changes(parameters=True), 3, "[20,3,21]"),
        (Changes(parameters=True, locals={"amount": 4}), 3, "[20,4,21]"),
    ],
)
async def test_locals_and_parameters_are_changed_where_they_are(changes: Changes, payload: int, output: str):
    outcome = await go_on(order, await parked(order, {"amount": 2}), changes, {"amount": payload})

    assert isinstance(outcome, Succeeded), outcome
    assert outcome.output == output


async def test_a_local_that_is_not_there_fails_the_run():
    changes = Changes(locals={"totle": 1})
    outcome = await go_on(order, await parked(order, {"amount": 2}), changes, {"amount": 2})

    assert isinstance(outcome, Failed)
    assert "there is no local totle" in (outcome.error.message or "")
