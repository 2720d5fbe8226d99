"""A run in the harness has the whole life of a run: payload, hooks, attempts, result."""

import asyncio
import logging
import time
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from pydantic import BaseModel

from perdure import (
    AbortRun,
    BadOption,
    PayloadInvalid,
    Retry,
    RetryIn,
    RunFailed,
    checkpoint,
    ctx,
    hooks,
    logger,
    metadata,
    tags,
    task,
    wait,
)
from perdure.core.lifecycle import Status
from perdure.sdk.hooks import Hooks
from perdure.testing import Harness, NotEnded


class Receipt(BaseModel):
    order: str
    total: Decimal


@pytest.fixture
def global_hooks() -> Iterator[Hooks]:
    yield hooks
    for kept in hooks.by_kind.values():
        kept.clear()


@task(id="testing-charge")
async def charge(order: str, amount: Decimal) -> Receipt:
    return Receipt(order=order, total=amount * 2)


@task(id="testing-notes")
async def notes() -> str:
    logger.info("begun", order="o1")
    logging.getLogger("library").warning("slow")
    print("printed")
    metadata.set("progress", 0.5).increment("steps")
    tags.add("late")
    return f"{ctx.task.id} {ctx.attempt.number} {ctx.environment.slug}"


@task(id="testing-flaky", retry=Retry(max_attempts=4, min_timeout="10s", factor=2))
async def flaky(failures: int) -> int:
    if ctx.attempt.number <= failures:
        raise ConnectionError(f"attempt {ctx.attempt.number}")
    return ctx.attempt.number


@task(id="testing-give-up", retry=Retry(max_attempts=4))
async def give_up() -> None:
    raise AbortRun("no use")


@task(id="testing-steps", retry=Retry(max_attempts=2))
async def steps(order: list[str]) -> list[str]:
    done = [*order, "first"]
    await checkpoint("first", {"n": len(done)})
    done.append(f"second, attempt {ctx.attempt.number}")
    if ctx.attempt.number == 1:
        raise ValueError("once")
    return done


@task(id="testing-slow", max_duration=0.05, retry=Retry(max_attempts=3))
async def slow() -> None:
    await wait.for_(days=1)
    await asyncio.sleep(60)


@task(id="testing-leaves")
async def leaves() -> None:
    raise SystemExit(3)


def test_a_run_takes_and_gives_what_the_annotations_say(perdure: Harness):
    run = perdure.run(charge, "o1", Decimal("9.90"))

    assert run.output == Receipt(order="o1", total=Decimal("19.80"))
    assert (run.status, run.payload) == (Status.COMPLETED, {"order": "o1", "amount": "9.90"})
    assert repr(run) == '<Run testing-charge COMPLETED: {"order":"o1","total":"19.80"}>'


def test_a_payload_that_does_not_fit_is_refused_as_in_production(perdure: Harness):
    with pytest.raises(PayloadInvalid, match="amount"):
        perdure.run(charge, "o1", "much")  # type: ignore[arg-type]

    assert perdure.runs == []


def test_logs_metadata_and_tags_are_kept(perdure: Harness):
    run = perdure.run(notes.options(tags=["user:1"], metadata={"steps": 2}))

    assert run.output == "testing-notes 1 dev"
    assert run.messages == ["begun", "slow", "printed"]
    assert [(line.level, line.source) for line in run.logs] == [
        ("info", "logger"),
        ("warning", "logging"),
        ("info", "stdout"),
    ]
    assert run.logs[0].properties == {"order": "o1"}
    assert run.metadata == {"steps": 3, "progress": 0.5}
    assert run.tags == ["user:1", "late"]


def test_a_failed_attempt_is_tried_again_after_the_policys_wait(perdure: Harness):
    begun = perdure.now

    run = perdure.run(flaky, 2)

    assert run.output == 3
    assert [attempt.status for attempt in run.attempts] == ["FAILED", "FAILED", "COMPLETED"]
    assert perdure.now - begun == timedelta(seconds=30)
    assert run.attempts[0].error is not None
    assert run.attempts[0].error.message == "attempt 1"


def test_a_run_between_two_attempts_waits_for_its_moment(perdure: Harness):
    run = perdure.start(flaky, 1)
    assert run.status is Status.QUEUED

    perdure.advance("9s")
    assert (run.status, len(run.attempts)) == (Status.QUEUED, 1)

    perdure.advance("1s")
    assert run.output == 2


def test_a_run_that_fails_for_good_raises_with_the_original_error(perdure: Harness):
    run = perdure.run(flaky, 9)

    with pytest.raises(RunFailed, match="ConnectionError: attempt 4") as caught:
        _ = run.output
    assert isinstance(caught.value.__cause__, ConnectionError)
    assert caught.value.__cause__.__traceback__ is not None
    assert run.error is caught.value.__cause__
    assert run.failure is not None
    assert run.failure.name == "ConnectionError"
    assert "ConnectionError: attempt 4" in repr(run)


def test_a_run_that_aborts_has_one_attempt(perdure: Harness):
    run = perdure.run(give_up)

    assert (run.status, len(run.attempts)) == (Status.FAILED, 1)
    assert isinstance(run.error, AbortRun)


def test_a_retry_begins_at_the_last_checkpoint(perdure: Harness):
    run = perdure.run(steps, [])

    assert run.output == ["first", "second, attempt 2"]
    assert [(one.key, one.data, one.attempt) for one in run.checkpoints] == [("first", {"n": 1}, 1)]


def test_active_time_alone_counts_for_max_duration(perdure: Harness):
    run = perdure.run(slow)

    assert (run.status, len(run.attempts)) == (Status.TIMED_OUT, 1)
    assert [one.seconds for one in run.waits] == [86_400]
    assert run.failure is not None
    assert "max_duration" in (run.failure.message or "")


def test_a_task_that_exits_crashes_as_in_a_worker(perdure: Harness):
    run = perdure.run(leaves.options(max_attempts=1))

    assert run.status is Status.CRASHED
    assert "sys.exit(3)" in repr(run)


def test_the_trigger_says_how_often_a_run_is_tried(perdure: Harness):
    assert len(perdure.run(flaky.options(max_attempts=2), 9).attempts) == 2


def test_what_is_no_task_is_named(perdure: Harness):
    async def no_task() -> None: ...

    with pytest.raises(BadOption, match=r"no_task.* it takes a task: a function with @task above it"):
        perdure.run(no_task)  # type: ignore[arg-type]


def test_an_unknown_option_is_refused_as_in_production(perdure: Harness):
    with pytest.raises(BadOption, match="priority"):
        perdure.run(charge.options(priority=float("inf")), "o1", Decimal(1))


def test_a_delayed_run_starts_when_its_delay_is_over(perdure: Harness):
    run = perdure.start(charge.options(delay="1h"), "o1", Decimal(1))
    assert run.status is Status.DELAYED

    perdure.advance("59m")
    assert run.status is Status.DELAYED

    perdure.advance("1m")
    assert run.status is Status.COMPLETED


SEEN: list[str] = []


@task(id="testing-hooked", retry=Retry(max_attempts=5))
async def hooked() -> str:
    SEEN.append("task")
    await wait.for_(hours=1)
    if ctx.attempt.number == 1:
        raise ValueError("again")
    return "done"


hooked.on_start_attempt(lambda: SEEN.append("start"))
hooked.on_wait(lambda: SEEN.append("wait"))
hooked.on_resume(lambda: SEEN.append("resume"))
hooked.catch_error(lambda: RetryIn("2h"))
hooked.on_success(lambda output: SEEN.append(output))


async def around(call_next):
    SEEN.append("enter")
    try:
        await call_next()
    finally:
        SEEN.append("leave")


def test_hooks_and_middleware_run_as_in_a_worker(perdure: Harness, global_hooks: Hooks):
    global_hooks.middleware(around)
    SEEN.clear()
    begun = perdure.now

    run = perdure.run(hooked)

    assert run.output == "done"
    assert perdure.now - begun == timedelta(hours=4)
    attempt = ["enter", "start", "task", "wait", "leave", "enter", "resume"]
    expected = [*attempt, "leave", *attempt, "done", "leave"]
    assert expected == SEEN


def test_a_task_inside_of_a_test_shares_its_variables(perdure: Harness):
    seen: list[str] = []

    @task(id="testing-inside", retry=Retry(max_attempts=3))
    async def inside() -> str:
        seen.append("begun")
        await checkpoint("begun")
        await wait.for_(hours=1)
        seen.append(f"attempt {ctx.attempt.number}")
        if ctx.attempt.number == 1:
            raise ValueError("again")
        return "done"

    run = perdure.run(inside)

    assert run.output == "done"
    assert seen == ["begun", "attempt 1", "attempt 2"]
    assert [one.is_parked for one in run.waits] == [False, False]


def test_the_output_of_a_run_that_has_not_ended_says_what_it_waits_for(perdure: Harness):
    run = perdure.start(slow)

    with pytest.raises(NotEnded, match=r"is WAITING, and waits for time until .* Let it end by run\.finish"):
        _ = run.output


def test_code_that_triggers_and_asks_for_the_result_works_in_a_test(perdure: Harness):
    handle = charge.trigger_sync("o1", Decimal(1))

    assert handle.result_sync() == Receipt(order="o1", total=Decimal(2))
    assert [run.id for run in perdure.runs_of(charge)] == [handle.id]
    assert handle.status_sync() is Status.COMPLETED


def test_a_canceled_run_says_so(perdure: Harness):
    run = perdure.start(slow)

    perdure.cancel(run)

    assert run.status is Status.CANCELED
    with pytest.raises(RunFailed, match="canceled by request"):
        _ = run.output


def test_a_month_passes_in_no_time(perdure: Harness):
    @task(id="testing-month")
    async def month() -> str:
        for _ in range(12):
            await wait.for_(days=30)
        return "a year"

    began = time.monotonic()
    run = perdure.run(month)

    assert run.output == "a year"
    assert sum(one.seconds or 0 for one in run.waits) == 360 * 86_400
    assert time.monotonic() - began < 360 * 86_400
