"""Reports: how attempts end, when another follows, and who is not believed."""

from datetime import UTC, datetime
from typing import Any

import pytest

from perdure.core.lifecycle import Status
from perdure.engine.engine import Engine
from perdure.store import history, packets
from perdure.store.rows import Attempt, Packet
from perdure.testing.clock import START, FakeClock
from perdure.wire.manifests import RetryPolicy
from perdure.wire.values import ErrorCode, RunError
from perdure.wire.workers import Failed, Released, RetryChoice, Started, Succeeded
from tests.support.make import NO_JITTER, Make, error, manifest


async def attempts_of(make: Make, run: str) -> list[Attempt]:
    return await make.engine.resources.db.read(history.attempts_of, [run])


async def packet_of(make: Make, run: str, kind: str) -> Packet:
    (packet,) = await make.engine.resources.db.read(packets.of_runs, [run], kind)
    return packet


async def test_a_result_is_kept(make: Make, clock: FakeClock):
    worker = await make.worker()
    run = await make.trigger()
    (held,) = await make.claim(worker)
    await make.start(worker, held)
    clock.forward(2)
    await make.report(
        worker, Succeeded(run_id=run, fence=held.fence, output="[1]", output_type="x/y", duration_ms=1500)
    )

    row = await make.row(run)
    (attempt,) = await attempts_of(make, run)
    assert (row.status, row.attempt, row.active_ms) == ("COMPLETED", 1, 1500)
    assert (row.started_at, row.finished_at, row.lease_until) == (START, START + 2000, None)
    assert (attempt.status, attempt.started_at, attempt.finished_at) == ("COMPLETED", START, START + 2000)
    assert (await packet_of(make, run, "output")).data == "[1]"


async def test_an_attempt_may_begin_and_end_in_one_report(make: Make):
    worker = await make.worker()
    run = await make.trigger()
    (held,) = await make.claim(worker)
    ref: dict[str, Any] = {"run_id": run, "fence": held.fence}
    verdicts = await make.report(worker, Started(**ref), Succeeded(**ref))

    assert [verdict.ok for verdict in verdicts] == [True, True]
    assert [attempt.status for attempt in await attempts_of(make, run)] == ["COMPLETED"]


async def test_an_attempt_that_is_told_by_its_end_began_when_it_did(make: Make, clock: FakeClock):
    worker = await make.worker()
    run = await make.trigger()
    (held,) = await make.claim(worker)
    clock.forward(2)
    await make.report(worker, Succeeded(run_id=run, fence=held.fence, duration_ms=1500))

    row = await make.row(run)
    (attempt,) = await attempts_of(make, run)
    assert (row.started_at, row.finished_at) == (START + 500, START + 2000)
    assert (attempt.started_at, attempt.finished_at) == (START + 500, START + 2000)


async def test_the_events_of_a_run_tell_its_life(make: Make, engine: Engine, clock: FakeClock):
    worker = await make.worker()
    run = await make.trigger()
    (held,) = await make.claim(worker)
    await make.start(worker, held)
    await make.fail(worker, held)
    clock.forward(1)
    await engine.timers.run_once()
    (held,) = await make.claim(worker)
    await make.start(worker, held)
    await make.succeed(worker, held)

    events = await engine.resources.db.read(history.events_of, run)

    assert [(event.kind, event.attempt) for event in events] == [
        ("claim", None),
        ("start", 1),
        ("retry", 1),
        ("claim", None),
        ("start", 2),
        ("succeed", 2),
    ]


async def test_a_failed_run_is_tried_again_when_its_back_off_ends(
    make: Make, engine: Engine, clock: FakeClock
):
    worker = await make.worker()
    run = await make.trigger()
    (held,) = await make.claim(worker)
    verdict = await make.fail(worker, held)
    assert verdict.retry_in_ms == 1000
    assert await make.status(run) == "QUEUED"

    assert await make.claim(worker) == []
    clock.forward(1)
    await engine.timers.run_once()

    (held,) = await make.claim(worker)
    assert (held.run_id, held.attempt) == (run, 2)


async def test_the_last_failure_ends_the_run_with_its_error(make: Make, engine: Engine, clock: FakeClock):
    worker = await make.worker()
    run = await make.trigger(max_attempts=2)
    (held,) = await make.claim(worker)
    await make.fail(worker, held)
    clock.forward("1m")
    await engine.timers.run_once()
    (held,) = await make.claim(worker)

    verdict = await make.fail(worker, held, error=error("at last"))

    assert verdict.retry_in_ms is None
    assert await make.status(run) == "FAILED"
    assert RunError.model_validate_json((await packet_of(make, run, "error")).data).message == "at last"
    assert [attempt.status for attempt in await attempts_of(make, run)] == ["FAILED", "FAILED"]


CRASH = {"how": "crash", "error": RunError.internal(ErrorCode.SEGFAULT, "signal 11")}
NO_MEMORY = {"how": "crash", "error": RunError.internal(ErrorCode.OUT_OF_MEMORY, "too much")}


@pytest.mark.parametrize(
    ("failure", "status", "retry_in_ms"),
    [
        ({}, "QUEUED", 1000),
        ({"retry": RetryChoice(skip=True)}, "FAILED", None),
        ({"retry": RetryChoice(delay_ms=5)}, "QUEUED", 5),
        ({"retry": RetryChoice(at=datetime(2026, 1, 1, 0, 0, 9, tzinfo=UTC))}, "QUEUED", 9000),
        ({"retry": RetryChoice(at=datetime(2025, 1, 1, tzinfo=UTC))}, "QUEUED", 0),
        ({"retry": RetryChoice(policy=RetryPolicy(max_attempts=1))}, "FAILED", None),
        (
            {"retry": RetryChoice(policy=RetryPolicy(min_timeout_ms=70, max_timeout_ms=7))},
            "QUEUED",
            7,
        ),
        (CRASH, "QUEUED", 1000),
        ({**CRASH, "retry": RetryChoice(skip=True)}, "CRASHED", None),
        (NO_MEMORY, "CRASHED", None),
        ({"how": "time_out", "error": error()}, "TIMED_OUT", None),
        ({"how": "break", "error": error()}, "SYSTEM_FAILURE", None),
        ({"error": RunError.internal(ErrorCode.BAD_INPUT, "no such field")}, "FAILED", None),
    ],
)
async def test_what_follows_a_failure(
    make: Make, failure: dict[str, Any], status: str, retry_in_ms: int | None
):
    worker = await make.worker()
    run = await make.trigger()
    (held,) = await make.claim(worker)

    verdict = await make.fail(worker, held, **failure)

    assert (await make.status(run), verdict.retry_in_ms) == (status, retry_in_ms)


async def test_a_run_out_of_memory_is_tried_once_on_the_larger_machine(make: Make):
    policy = RetryPolicy(max_attempts=1, out_of_memory_machine="large-1x")
    worker = await make.worker(manifest(retry=policy, machine="small-1x"))
    run = await make.trigger()
    (held,) = await make.claim(worker)
    assert held.machine == "small-1x"
    await make.fail(worker, held, **NO_MEMORY)

    (held,) = await make.claim(worker)
    assert (held.run_id, held.machine) == (run, "large-1x")

    await make.fail(worker, held, **NO_MEMORY)
    assert await make.status(run) == "CRASHED"


async def test_active_time_adds_up_over_attempts_and_what_is_left_is_handed_out(make: Make):
    worker = await make.worker(manifest(max_duration=10))
    await make.trigger()
    (held,) = await make.claim(worker)
    assert held.max_duration == 10

    await make.fail(worker, held, duration_ms=3_500, retry=RetryChoice(delay_ms=0))

    (held,) = await make.claim(worker)
    assert held.max_duration == 6.5


async def test_the_triggers_max_duration_comes_before_the_tasks(make: Make):
    worker = await make.worker(manifest(max_duration=10))
    await make.trigger(max_duration=5)

    (held,) = await make.claim(worker)

    assert held.max_duration == 5


async def test_a_released_run_goes_ahead_of_new_ones_and_keeps_its_attempts(make: Make):
    worker = await make.worker(manifest(retry=NO_JITTER.model_copy(update={"max_attempts": 1})))
    run = await make.trigger()
    (held,) = await make.claim(worker)
    await make.trigger(priority=1000)
    await make.start(worker, held)

    await make.report(worker, Released(run_id=run, fence=held.fence, reason="it drains"))

    (held,) = await make.claim(worker)
    assert (held.run_id, held.attempt) == (run, 2)
    await make.fail(worker, held)
    assert await make.status(run) == "FAILED"
    assert [attempt.status for attempt in await attempts_of(make, run)] == ["RELEASED", "FAILED"]


async def test_a_worker_that_does_not_hold_a_run_changes_nothing(make: Make):
    worker, other = await make.worker(), await make.worker()
    run = await make.trigger()
    (held,) = await make.claim(worker)
    before = await make.row(run)

    verdicts = [
        await make.succeed(other, held),
        await make.succeed(worker, held.model_copy(update={"fence": held.fence + 1})),
        await make.succeed(worker, held.model_copy(update={"run_id": "run_none"})),
    ]

    assert [(verdict.ok, verdict.code) for verdict in verdicts] == [(False, "lease_lost")] * 3
    assert await make.row(run) == before


async def test_a_worker_of_another_environment_is_not_believed(make: Make, engine: Engine):
    other = await Make.begin(engine)
    worker = await make.worker()
    run = await make.trigger()
    (held,) = await make.claim(worker)

    verdict = await other.succeed(worker, held)

    assert (verdict.ok, await make.status(run)) == (False, "DEQUEUED")


@pytest.mark.parametrize("how", ["succeed", "fail"])
async def test_a_report_that_is_sent_twice_is_accepted_twice_and_counts_once(make: Make, how: str):
    worker = await make.worker()
    run = await make.trigger()
    (held,) = await make.claim(worker)
    send = make.succeed if how == "succeed" else make.fail
    first = await send(worker, held)
    row = await make.row(run)

    assert await send(worker, held) == first
    assert await make.row(run) == row


async def test_items_of_a_run_are_applied_in_their_order(make: Make):
    worker = await make.worker()
    run = await make.trigger()
    (held,) = await make.claim(worker)
    ref: dict[str, Any] = {"run_id": run, "fence": held.fence}

    await make.report(worker, Started(**ref), Failed(**ref, error=error(), retry=RetryChoice(delay_ms=0)))

    assert await make.status(run) == "QUEUED"
    (again,) = await make.claim(worker)
    assert (again.attempt, again.fence) == (2, held.fence + 1)


NOT_HELD = [
    Status.PENDING_VERSION,
    Status.DELAYED,
    Status.QUEUED,
    Status.COMPLETED,
    Status.FAILED,
    Status.CRASHED,
    Status.SYSTEM_FAILURE,
    Status.TIMED_OUT,
]


@pytest.mark.parametrize("status", NOT_HELD)
async def test_a_run_nobody_holds_is_reported_by_nobody(make: Make, status: Status):
    run = await make.run(status=status)
    worker = await make.worker()

    (verdict,) = await make.report(worker, Succeeded(run_id=run.id, fence=run.fence))

    assert verdict.code == "lease_lost"
    assert await make.row(run.id) == run
