"""Why a run is not running."""

from typing import Any

import pytest

from perdure.core.clock import from_datetime, to_datetime
from perdure.core.errors import NotFound
from perdure.core.lifecycle import Status
from perdure.store.rows import Worker
from perdure.testing.clock import FakeClock
from perdure.wire.manifests import QueueManifest, Rate
from perdure.wire.waits import Wait, WaitKind
from perdure.wire.why import Reason
from perdure.wire.workers import Parked
from tests.support.make import TASK, VERSION, Make, manifest


async def reasons(make: Make, run: str) -> dict[str, Reason]:
    why = await make.engine.reasons.why(make.environment, run)
    return {reason.code: reason for reason in why.reasons}


async def worker_of(make: Make, **queue: Any) -> Worker:
    """Connect a worker whose task is in a queue like this."""
    return await make.worker(manifest(queue=QueueManifest(name="mail", **queue)))


def seconds_left(reason: Reason, clock: FakeClock) -> float:
    assert reason.until is not None
    return (from_datetime(reason.until) - clock.now()) / 1000


async def test_it_is_the_first_and_nothing_holds_it_back(make: Make):
    await make.worker()
    run = await make.trigger()

    found = await reasons(make, run)

    assert [*found] == ["in_line"]
    assert (found["in_line"].position, found["in_line"].message) == (0, "It is the first in its line.")


async def test_a_limit_names_who_holds_the_slots(make: Make):
    worker = await worker_of(make, concurrency_limit=2)
    held = [await make.trigger(concurrency_key="k") for _ in range(2)]
    await make.claim(worker, slots=9)
    await make.trigger(concurrency_key="k")
    run = await make.trigger(concurrency_key="k")
    await make.trigger(concurrency_key="other")

    found = await reasons(make, run)

    assert [*found] == ["queue_limit", "in_line"]
    assert found["queue_limit"].runs == sorted(held)
    assert found["queue_limit"].message == "Queue mail with key k runs 2 at once, and may run 2."
    assert found["in_line"].message == (
        "1 run stands before it in its line. That takes turns with 1 other key of queue mail."
    )
    assert found["in_line"].next_step == f"perdure runs bump {run} puts it first"


async def test_an_override_counts(make: Make):
    worker = await worker_of(make, concurrency_limit=9)
    await make.engine.queues.override_limit(make.environment, "mail", 1)
    await make.trigger()
    await make.claim(worker)

    found = await reasons(make, await make.trigger())

    assert found["queue_limit"].message == "Queue mail runs 1 at once, and may run 1."


async def test_limits_over_all_keys_and_of_the_environment(make: Make):
    worker = await worker_of(make, total_limit=2)
    held = [await make.trigger(concurrency_key=key) for key in "ab"]
    await make.claim(worker, slots=9)
    await make.engine.queues.limit_environment(make.environment, 2, None)
    run = await make.trigger(concurrency_key="c")

    found = await reasons(make, run)

    assert [*found] == ["environment_limit", "total_limit", "in_line"]
    assert found["total_limit"].runs == found["environment_limit"].runs == sorted(held)


async def test_pauses_tell_since_when(make: Make, clock: FakeClock):
    await worker_of(make)
    await make.engine.queues.pause(make.environment, "mail")
    await make.engine.queues.pause_environment(make.environment)
    run = await make.trigger()
    clock.forward("1h")

    found = await reasons(make, run)

    assert [*found][:2] == ["environment_paused", "queue_paused"]
    assert found["queue_paused"].next_step == "perdure queues resume mail"
    for code in ("environment_paused", "queue_paused"):
        since = found[code].since
        assert since is not None
        assert clock.now() - from_datetime(since) == 3_600_000


@pytest.mark.parametrize("per_key", [False, True])
async def test_a_rate_tells_until_when(make: Make, clock: FakeClock, per_key: bool):
    worker = await worker_of(make, rate_limit=Rate(limit=1, period_ms=60_000, per_key=per_key))
    runs = [await make.trigger(concurrency_key="k") for _ in range(2)]
    await make.claim(worker, slots=9)
    clock.forward("20s")

    found = await reasons(make, runs[1])

    assert seconds_left(found["rate_limit"], clock) == 40
    assert found["rate_limit"].message == "Queue mail has used up its rate of 1 in 60 s."


async def test_workers_that_are_not_there(make: Make, clock: FakeClock):
    await make.version(manifest())
    run = await make.trigger()
    assert [*await reasons(make, run)] == ["no_worker", "in_line"]

    other = await make.worker(manifest("other"), version="20260102.1", current=False)
    assert "versions 20260102.1" in (await reasons(make, run))["no_worker_for_task"].message
    newer = await make.worker(version="20260103.1")
    assert [*await reasons(make, run)] == ["in_line"]
    locked = await make.trigger(lock_to_version=VERSION)
    told = (await reasons(make, locked))["no_worker_for_version"].message
    assert (
        told == f"It runs on version {VERSION} alone, which no worker has; there are 20260102.1, 20260103.1."
    )

    clock.forward("2m")
    assert "no_worker" in await reasons(make, run)  # both were silent for long
    for worker in (other, newer):
        await make.engine.workers.disconnect(make.environment, worker.id)


async def test_workers_whose_slots_are_taken(make: Make):
    worker = await make.worker()
    runs = [await make.trigger() for _ in range(worker.concurrency + 1)]
    await make.claim(worker, slots=worker.concurrency)

    assert (await reasons(make, runs[-1]))["workers_busy"].message == (
        "All 10 slots of the workers that could run it are taken."
    )


async def test_what_does_not_stand_in_line(make: Make, clock: FakeClock):
    delayed = await make.trigger(delay="1h")
    pending = await make.trigger("unknown")
    worker = await make.worker()
    failing = await make.trigger()
    (held,) = await make.claim(worker)
    await make.fail(worker, held)

    assert seconds_left((await reasons(make, delayed))["delayed"], clock) == 3600
    assert "task unknown" in (await reasons(make, pending))["pending_version"].message
    found = await reasons(make, failing)
    assert [*found] == ["back_off"]
    assert seconds_left(found["back_off"], clock) == 1


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [
        (Status.EXECUTING, "running", "It runs, on worker worker_"),
        (Status.DEQUEUED, "running", "It is on its way to a worker"),
        (Status.COMPLETED, "ended", "It has ended as COMPLETED."),
    ],
)
async def test_what_is_not_queued_says_so(make: Make, status: Status, code: str, told: str):
    run = await make.run(status=status)

    found = await reasons(make, run.id)

    assert [*found] == [code]
    assert found[code].message.startswith(told)
    assert "perdure runs" in (found[code].next_step or "")


async def test_a_parked_run_tells_what_it_waits_for(make: Make, clock: FakeClock):
    worker = await make.worker()
    run = await make.trigger()
    (held,) = await make.claim(worker)
    until = to_datetime(clock.now() + 60_000)
    wait = Wait(kind=WaitKind.TIME, subject="a minute", until=until)
    await make.report(worker, Parked(run_id=run, fence=held.fence, snapshot="YQ==", waits=[wait]))

    found = await reasons(make, run)

    assert [*found] == ["waiting"]
    assert found["waiting"].message == "It has begun, and waits for a moment; it holds no slot."
    assert (found["waiting"].until, found["waiting"].next_step) == (
        until,
        f"perdure runs stack {run} shows the line it stands at",
    )


async def test_there_must_be_one(make: Make):
    with pytest.raises(NotFound, match=f"There is no run {TASK}"):
        await reasons(make, TASK)
