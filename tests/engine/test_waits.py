"""Runs that wait: parked, woken by what they wait for, restored after failures; nothing is missed."""

import base64
from datetime import timedelta
from typing import Any

import pytest

from perdure.core.clock import to_datetime
from perdure.core.errors import NotFound
from perdure.store import retention
from perdure.store.rows import Worker
from perdure.testing.clock import FakeClock
from perdure.wire.waits import CreateToken, Wait, WaitKind
from perdure.wire.workers import Assignment, Checkpointed, Failed, Parked, Pinned, PollRuns, Succeeded
from tests.support.make import Make, error

STATE = base64.b64encode(b"a coroutine").decode()
LATER = base64.b64encode(b"a coroutine, later").decode()


def for_time(clock: FakeClock, seconds: float) -> Wait:
    until = to_datetime(clock.now()) + timedelta(seconds=seconds)
    return Wait(kind=WaitKind.TIME, subject=f"in {seconds} s", until=until)


def for_run(run: str) -> Wait:
    return Wait(kind=WaitKind.RUN, subject=run)


async def park(make: Make, worker: Worker, held: Assignment, *waits: Wait, **more: Any) -> None:
    item = Parked(run_id=held.run_id, fence=held.fence, snapshot=STATE, waits=list(waits), **more)
    (verdict,) = await make.report(worker, item)
    assert verdict.ok


async def parked_run(make: Make, worker: Worker, *waits: Wait) -> str:
    run = await make.trigger()
    (held,) = await make.claim(worker)
    await park(make, worker, held, *waits)
    return run


async def test_a_parked_run_holds_nothing(make: Make, clock: FakeClock):
    worker = await make.worker()
    run = await parked_run(make, worker, for_time(clock, 3600))

    row = await make.row(run)
    assert (row.status, row.lease_until, row.place) == ("WAITING", None, None)
    assert await make.claim(worker) == []


async def test_a_run_goes_on_when_its_time_has_come(make: Make, clock: FakeClock):
    worker = await make.worker()
    run = await parked_run(make, worker, for_time(clock, 3600))

    clock.forward("59m")
    await make.engine.timers.run_once()
    assert await make.claim(worker) == []

    clock.forward("1m")
    await make.engine.timers.run_once()
    (held,) = await make.claim(worker)
    assert (held.run_id, held.attempt, held.snapshot, held.snapshot_number) == (run, 1, STATE, 1)
    assert [answer.subject for answer in held.answers] == ["in 3600 s"]


async def test_a_run_that_goes_on_is_ahead_of_new_ones(make: Make, clock: FakeClock):
    worker = await make.worker()
    run = await parked_run(make, worker, for_time(clock, 60))
    await make.trigger()

    clock.forward("1m")
    await make.engine.timers.run_once()

    assert (await make.claim(worker, slots=1))[0].run_id == run


async def test_a_parent_goes_on_with_the_result_of_its_child(make: Make):
    worker = await make.worker()
    parent = await make.trigger()
    (held,) = await make.claim(worker)
    child = await make.trigger(parent_run_id=parent, resume_parent_on_completion=True)
    await park(make, worker, held, for_run(child))
    (childs,) = await make.claim(worker)

    await make.report(worker, Succeeded(run_id=child, fence=childs.fence, output="42"))
    await make.engine.timers.run_once()

    (resumed,) = await make.claim(worker)
    (answer,) = resumed.answers
    assert (resumed.run_id, answer.subject, answer.status, answer.output) == (
        parent,
        child,
        "COMPLETED",
        "42",
    )


async def test_a_child_that_has_ended_before_its_parent_parked_is_not_missed(make: Make):
    worker = await make.worker()
    parent = await make.trigger()
    (held,) = await make.claim(worker)
    child = await make.trigger(parent_run_id=parent)
    (childs,) = await make.claim(worker)
    await make.report(worker, Failed(run_id=child, fence=childs.fence, how="break", error=error()))

    await park(make, worker, held, for_run(child))
    await make.engine.timers.run_once()

    (resumed,) = await make.claim(worker)
    assert resumed.run_id == parent
    assert resumed.answers[0].error is not None


async def test_a_retry_begins_at_the_last_checkpoint(make: Make, clock: FakeClock):
    worker = await make.worker()
    run = await make.trigger()
    (held,) = await make.claim(worker)
    ref: dict[str, Any] = {"run_id": run, "fence": held.fence}
    (verdict,) = await make.report(worker, Checkpointed(**ref, key="fetched", data={"a": 1}, snapshot=STATE))
    await make.report(worker, Parked(**ref, snapshot=LATER, waits=[for_time(clock, 1)]))
    clock.forward("1s")
    await make.engine.timers.run_once()
    (again,) = await make.claim(worker)
    await make.report(worker, Failed(run_id=run, fence=again.fence, error=error()))
    clock.forward("1m")
    await make.engine.timers.run_once()

    (retried,) = await make.claim(worker)
    assert verdict.snapshot_number == 1
    assert (again.snapshot, again.attempt) == (LATER, 1)
    assert (retried.snapshot, retried.snapshot_number, retried.attempt) == (STATE, 1, 2)


async def test_a_run_whose_worker_vanished_goes_on_from_its_last_state(make: Make, clock: FakeClock):
    worker = await make.worker()
    run = await parked_run(make, worker, for_time(clock, 1))
    clock.forward("1s")
    await make.engine.timers.run_once()
    await make.claim(worker)

    await make.hear_nothing("1m")

    (held,) = await make.claim(worker)
    assert (held.run_id, held.snapshot, [a.subject for a in held.answers]) == (run, STATE, ["in 1 s"])


async def test_a_pinned_run_takes_no_slot_and_is_told_when_it_may_go_on(make: Make, clock: FakeClock):
    worker = await make.worker()
    run = await make.trigger()
    (held,) = await make.claim(worker)
    pinned = Pinned(run_id=run, fence=held.fence, waits=[for_time(clock, 10)], reason="local `lock`")
    await make.report(worker, pinned)
    waiting = await make.row(run)

    clock.forward("10s")
    await make.engine.timers.run_once()
    command = PollRuns(worker_id=worker.id, slots=0, wait=0)
    (wake,) = (await make.engine.dequeue.poll(make.environment, command)).wakes

    assert (waiting.status, waiting.lease_until is not None) == ("WAITING", True)
    assert (wake.run_id, [answer.subject for answer in wake.answers]) == (run, ["in 10 s"])
    assert (await make.row(run)).status == "EXECUTING"


async def test_a_worker_is_told_what_may_go_on_until_it_has_heard(make: Make, clock: FakeClock):
    worker = await make.worker()
    run = await make.trigger()
    (held,) = await make.claim(worker)
    ref: dict[str, Any] = {"run_id": run, "fence": held.fence}
    heard: list[str] = []
    for moment in ("first", "second"):
        pinned = Pinned(**ref, waits=[for_time(clock, 1)], reason=moment)
        await make.report(worker, pinned)
        clock.forward("1s")
        await make.engine.timers.run_once()
        poll = PollRuns(worker_id=worker.id, slots=0, wait=0, heard=heard)

        (wake,) = (await make.engine.dequeue.poll(make.environment, poll)).wakes
        again = await make.engine.dequeue.poll(make.environment, poll)

        assert (wake.run_id, again.wakes) == (run, [wake])  # the first answer may have been lost
        heard = [wake.id]

    poll = PollRuns(worker_id=worker.id, slots=0, wait=0, heard=heard)
    assert (await make.engine.dequeue.poll(make.environment, poll)).wakes == []


async def test_a_pinned_run_may_come_to_wait_for_more(make: Make, clock: FakeClock):
    worker = await make.worker()
    run = await make.trigger()
    (held,) = await make.claim(worker)
    ref: dict[str, Any] = {"run_id": run, "fence": held.fence, "reason": "local `lock`"}
    waits = [for_time(clock, 60)]
    await make.report(worker, Pinned(**ref, waits=waits))
    waits.append(for_time(clock, 10))
    (verdict,) = await make.report(worker, Pinned(**ref, waits=waits))

    clock.forward("10s")
    await make.engine.timers.run_once()
    poll = PollRuns(worker_id=worker.id, slots=0, wait=0)
    (wake,) = (await make.engine.dequeue.poll(make.environment, poll)).wakes

    assert verdict.ok
    assert [answer.subject for answer in wake.answers] == ["in 10 s"]


async def test_a_pinned_run_may_be_stored_after_all(make: Make, clock: FakeClock):
    worker = await make.worker()
    run = await make.trigger()
    (held,) = await make.claim(worker)
    pinned = Pinned(run_id=run, fence=held.fence, waits=[for_time(clock, 60)], reason="busy otherwise")
    await make.report(worker, pinned)
    await park(make, worker, held, for_time(clock, 60))

    row = await make.row(run)
    clock.forward("1m")
    await make.engine.timers.run_once()
    (resumed,) = await make.claim(worker)

    assert (row.status, row.lease_until) == ("WAITING", None)
    assert (resumed.snapshot, [answer.subject for answer in resumed.answers]) == (STATE, ["in 60 s"])


async def test_a_checkpoint_does_not_make_a_pinned_run_deaf(make: Make, clock: FakeClock):
    worker = await make.worker()
    run = await make.trigger()
    (held,) = await make.claim(worker)
    ref: dict[str, Any] = {"run_id": run, "fence": held.fence}
    waits = [for_time(clock, 1)]
    await make.report(worker, Checkpointed(**ref, key="a", snapshot=STATE, waits=waits))
    await make.report(worker, Pinned(**ref, waits=waits, reason="busy otherwise"))
    await make.report(worker, Checkpointed(**ref, key="b", snapshot=LATER, waits=waits))

    clock.forward("1s")
    await make.engine.timers.run_once()
    poll = PollRuns(worker_id=worker.id, slots=0, wait=0)
    (wake,) = (await make.engine.dequeue.poll(make.environment, poll)).wakes

    assert [answer.subject for answer in wake.answers] == ["in 1 s"]


async def test_a_pinned_run_may_fail_and_be_tried_again(make: Make, clock: FakeClock):
    worker = await make.worker()
    run = await make.trigger()
    (held,) = await make.claim(worker)
    pinned = Pinned(run_id=run, fence=held.fence, waits=[for_time(clock, 60)], reason="busy otherwise")
    await make.report(worker, pinned)
    verdict = await make.fail(worker, held)
    clock.forward("1s")
    await make.engine.timers.run_once()
    (retried,) = await make.claim(worker)

    assert verdict.ok
    assert (retried.run_id, retried.attempt) == (run, 2)


async def test_a_pinned_run_that_is_lost_has_the_answers_of_its_last_state(make: Make, clock: FakeClock):
    worker = await make.worker()
    run = await parked_run(make, worker, for_time(clock, 1))
    clock.forward("1s")
    await make.engine.timers.run_once()
    (held,) = await make.claim(worker)
    pinned = Pinned(run_id=run, fence=held.fence, waits=[for_time(clock, 600)], reason="local `lock`")
    await make.report(worker, pinned)
    await make.hear_nothing("1m")
    (restored,) = await make.claim(worker)

    assert (restored.snapshot, [answer.subject for answer in restored.answers]) == (STATE, ["in 1 s"])


async def test_a_report_of_a_parked_run_may_come_twice(make: Make, clock: FakeClock):
    worker = await make.worker()
    run = await make.trigger()
    (held,) = await make.claim(worker)
    for _ in range(2):  # the answer to the first was lost
        await park(make, worker, held, for_time(clock, 1))
    clock.forward("1s")
    await make.engine.timers.run_once()
    (resumed,) = await make.claim(worker)

    assert (resumed.run_id, resumed.snapshot_number) == (run, 1)


async def test_a_worker_lost_before_a_run_went_on_costs_no_attempt(make: Make, clock: FakeClock):
    worker = await make.worker()
    run = await parked_run(make, worker, for_time(clock, 1))
    clock.forward("1s")
    await make.engine.timers.run_once()
    (lost,) = await make.claim(worker)
    await make.hear_nothing("1m")
    (held,) = await make.claim(worker)
    await make.start(worker, held)
    await make.hear_nothing("1m")
    (last,) = await make.claim(worker)

    assert [(one.attempt, one.tries) for one in (lost, held, last)] == [(1, 1), (1, 1), (2, 1)]
    assert (await make.row(run)).spared == 1


async def test_a_run_that_waits_for_a_token_that_is_not_there_is_told(make: Make):
    worker = await make.worker()
    elsewhere = await make.another_environment()
    theirs, _ = await make.engine.tokens.create(elsewhere, CreateToken())
    for token in ("waitpoint_nope", theirs.id):
        run = await parked_run(make, worker, Wait(kind=WaitKind.TOKEN, subject=token))
        await make.engine.timers.run_once()
        (held,) = await make.claim(worker)
        (answer,) = held.answers

        assert (held.run_id, answer.subject, answer.output) == (run, token, None)
        assert answer.error is not None
        assert answer.error.name == "NotFound"


async def test_a_canceled_run_that_waits_is_not_woken(make: Make, clock: FakeClock):
    worker = await make.worker()
    run = await parked_run(make, worker, for_time(clock, 1))
    await make.engine.cancel.cancel(make.environment, run)

    clock.forward("1s")
    await make.engine.timers.run_once()

    assert await make.claim(worker) == []
    assert (await make.row(run)).status == "CANCELED"


async def test_old_tokens_are_forgotten_unless_they_wait(make: Make, clock: FakeClock):
    engine, environment = make.engine, make.environment
    answered, _ = await engine.tokens.create(environment, CreateToken(timeout="1000d", tags=["a"]))
    waiting, _ = await engine.tokens.create(environment, CreateToken(timeout="1000d"))
    await engine.tokens.complete(environment, answered.id, None, by="key")

    now = clock.forward("100d")
    forgotten = await engine.resources.db.transact(retention.forget_tokens, before=now, limit=10)

    assert forgotten == 1
    assert (await engine.tokens.get(environment, waiting.id)).token == waiting
    with pytest.raises(NotFound):
        await engine.tokens.get(environment, answered.id)


@pytest.mark.parametrize("then", ["pinned", "parked"])
async def test_a_pinned_run_whose_other_branch_waits_too_says_so(make: Make, clock: FakeClock, then: str):
    """While one branch waits in memory, another may come to a wait of its own; then all can be stored."""
    worker = await make.worker()
    run = await make.trigger()
    (held,) = await make.claim(worker)
    ref: dict[str, Any] = {"run_id": run, "fence": held.fence}
    one, both = [for_time(clock, 10)], [for_time(clock, 10), for_time(clock, 20)]
    await make.report(worker, Pinned(**ref, waits=one, reason="a branch is busy"))

    later = (
        Pinned(**ref, waits=both, reason="a lock")
        if then == "pinned"
        else Parked(**ref, snapshot=STATE, waits=both)
    )
    await make.report(worker, later)

    row = await make.row(run)
    assert (row.status, row.lease_until is None) == ("WAITING", then == "parked")
