"""Waits in a task: what is stored at each of them, and how it goes on."""

import base64
import random
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import BaseModel

from perdure import (
    AnswerInvalid,
    BadDuration,
    CheckpointRefused,
    OutsideRun,
    SnapshotTooLarge,
    WaitOver,
    WaitTimeout,
    checkpoint,
    ctx,
    gather,
    race,
    task,
    wait,
)
from perdure.core.clock import to_datetime
from perdure.resumable import resumable
from perdure.sdk.attempt import Outcome
from perdure.wire.values import RunError
from perdure.wire.waits import Answer, Wait, WaitKind
from perdure.wire.workers import Failed, Parked, Succeeded
from tests.sdk.host import Host, attempt


class Reply(BaseModel):
    yes: bool


@task(id="wait-durations")
@resumable
async def durations(which: str) -> str:
    if which == "text":
        await wait.for_("90m")
    elif which == "units":
        await wait.for_(hours=1, minutes=30)
    elif which == "delta":
        await wait.for_(timedelta(minutes=90))
    elif which == "months":
        await wait.for_(months=1)
    else:
        await wait.until(datetime(2026, 1, 1, 1, 30, tzinfo=UTC))
    return which


@task(id="wait-token")
@resumable
async def for_token(model: bool) -> Any:
    return await wait.for_token("waitpoint_1", Reply if model else None)


@task(id="wait-past")
@resumable
async def past(strict: bool) -> str:
    await wait.until(datetime(2020, 1, 1, tzinfo=UTC), raise_if_past=strict)
    return "at once"


@task(id="wait-checkpoint")
@resumable
async def with_checkpoint(bad: bool) -> int:
    held = (n for n in [1, 2]) if bad else None
    await checkpoint("half", {"n": 1})
    await wait.for_(seconds=60)
    return 7 if held is None else 0


@task(id="wait-both")
@resumable
async def both() -> list[Any]:
    return await gather(wait.for_token("waitpoint_1"), wait.for_token("waitpoint_2"))


@task(id="wait-either")
@resumable
async def either() -> Any:
    return await race(wait.for_token("waitpoint_1"), wait.for_(seconds=60))


@task(id="wait-large")
@resumable
async def large() -> None:
    heap = random.randbytes(11_000_000)
    await wait.for_(seconds=60)
    del heap


told: list[str] = []


@task(id="wait-hooks")
@resumable
async def hooked() -> None:
    told.append("task")
    await wait.for_(seconds=60)
    told.append("on")


@hooked.middleware
async def open_and_close(call_next: Any) -> None:
    told.append("open")
    try:
        await call_next()
    finally:
        told.append("close")


for kind in ("on_start_attempt", "on_wait", "on_resume", "on_complete"):
    hooked.hooks.add(kind, lambda kind=kind: told.append(kind))


@task(id="wait-hooks-pinned")
@resumable
async def hooked_and_pinned() -> None:
    lock = threading.Lock()
    with lock:
        await wait.for_(seconds=60)


@hooked_and_pinned.middleware
async def around(call_next: Any) -> None:
    told.append("open")
    await call_next()
    told.append("close")


for kind in ("on_wait", "on_resume", "on_complete"):
    hooked_and_pinned.hooks.add(kind, lambda kind=kind: told.append(kind))


class Answering(Host):
    """A host on which a pinned run is answered at once."""

    def pinned(self, waits: list[Wait], reason: str) -> None:
        super().pinned(waits, reason)
        self.parking.answer([over(found) for found in waits])


asked: list[int] = []


def is_there() -> str | None:
    asked.append(1)
    return "there" if len(asked) == 2 else None


@task(id="wait-until-true")
@resumable
async def until_true() -> str:
    return await wait.until_true(is_there, every=60)


def parked(outcome: Outcome) -> Parked:
    assert isinstance(outcome, Parked), outcome
    return outcome


def over(found: Wait, **more: Any) -> Answer:
    return Answer(kind=found.kind, subject=found.subject, until=found.until, **more)


def token(name: str, **more: Any) -> Answer:
    return Answer(kind=WaitKind.TOKEN, subject=name, **more)


async def resume(
    kind: Any, state: Parked, *answers: Answer, host: Host | None = None, **more: Any
) -> Outcome:
    """Go on in a host that knows nothing but the state."""
    payload = more.pop("payload", None)
    host = host or Host(answers=list(answers))
    return await attempt(kind, payload, host=host, snapshot=state.snapshot, snapshot_number=1, **more)


def value(outcome: Outcome) -> str | None:
    assert isinstance(outcome, Succeeded), outcome
    return outcome.output


@pytest.mark.parametrize("which", ["text", "units", "delta", "moment"])
async def test_a_duration_in_any_form_parks_the_run(which: str):
    host = Host()
    state = parked(await attempt(durations, {"which": which}, host=host))

    (found,) = state.waits
    assert found.until == to_datetime(host.clock.now()) + timedelta(minutes=90)
    assert value(await resume(durations, state, over(found), payload={"which": which})) == f'"{which}"'


async def test_a_month_is_one_of_the_calendar():
    state = parked(await attempt(durations, {"which": "months"}))

    assert state.waits[0].until == datetime(2026, 2, 1, tzinfo=UTC)


async def test_a_frame_is_shown_with_its_line_and_locals():
    state = parked(await attempt(durations, {"which": "text"}))

    (frame,) = state.frames
    assert frame.source == 'await wait.for_("90m")'
    assert frame.locals == {"which": "'text'"}


async def test_a_wait_whose_time_is_over_when_it_is_restored_goes_on_without_an_answer():
    state = parked(await attempt(durations, {"which": "text"}))
    host = Host()
    host.clock.forward("2h")

    assert value(await resume(durations, state, host=host, payload={"which": "text"})) == '"text"'


async def test_a_moment_that_is_past_is_over_or_an_error():
    assert value(await attempt(past, {"strict": False})) == '"at once"'

    outcome = await attempt(past, {"strict": True})
    assert isinstance(outcome, Failed)
    assert outcome.error.name == WaitOver.__name__


async def test_a_token_gives_its_data_by_its_model():
    state = parked(await attempt(for_token, {"model": True}))
    answered = await resume(
        for_token, state, token("waitpoint_1", output='{"yes": true}'), payload={"model": True}
    )

    assert value(answered) == '{"yes":true}'


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"output": '{"yes": "perhaps"}'}, AnswerInvalid),
        ({"error": RunError(type="BUILT_IN_ERROR", name="WaitTimeout", message="late")}, WaitTimeout),
    ],
)
async def test_an_answer_that_does_not_fit_or_does_not_come_is_raised(answer: dict, error: type):
    state = parked(await attempt(for_token, {"model": True}))
    outcome = await resume(for_token, state, token("waitpoint_1", **answer), payload={"model": True})

    assert isinstance(outcome, Failed)
    assert outcome.error.name == error.__name__


async def test_a_run_that_still_waits_for_something_parks_again():
    state = parked(await attempt(both))
    again = parked(await resume(both, state, token("waitpoint_2", output="2")))
    done = await resume(both, again, token("waitpoint_1", output="1"))

    assert [found.subject for found in state.waits] == ["waitpoint_1", "waitpoint_2"]
    assert [found.subject for found in again.waits] == ["waitpoint_1"]
    assert value(done) == "[1,2]"


async def test_a_race_goes_on_with_the_first():
    state = parked(await attempt(either))

    assert value(await resume(either, state, token("waitpoint_1", output="1"))) == "1"


async def test_a_checkpoint_is_stored_and_is_done_when_it_is_restored():
    host = Host()
    state = parked(await attempt(with_checkpoint, {"bad": False}, host=host))
    ((request, stored),) = host.checkpoints
    again = Host()

    from_checkpoint = await attempt(
        with_checkpoint,
        {"bad": False},
        host=again,
        snapshot=base64.b64encode(stored.snapshot).decode(),
        snapshot_number=1,
    )

    assert (request.key, request.data, stored.waits) == ("half", {"n": 1}, [])
    assert again.checkpoints == []
    assert parked(from_checkpoint).frames[0].line == state.frames[0].line


async def test_a_checkpoint_that_cant_be_stored_names_the_local():
    @task(id="wait-bad-checkpoint")
    async def bad() -> None:
        lock = open(__file__)  # noqa: ASYNC230, SIM115
        try:
            await checkpoint("half")
        finally:
            lock.close()

    resumable(bad.function)
    outcome = await attempt(bad)

    assert isinstance(outcome, Failed)
    assert outcome.error.name == CheckpointRefused.__name__
    assert "'lock'" in (outcome.error.message or "")


async def test_a_state_over_the_limit_names_the_largest_local():
    outcome = await attempt(large)

    assert isinstance(outcome, Failed)
    assert outcome.error.name == SnapshotTooLarge.__name__
    assert "heap of" in (outcome.error.message or "")


async def test_until_true_asks_again_after_each_pause():
    state = parked(await attempt(until_true))

    assert value(await resume(until_true, state, over(state.waits[0]))) == '"there"'


async def test_middleware_closes_around_a_wait_and_hooks_hear_of_it():
    told.clear()
    state = parked(await attempt(hooked))
    assert told == ["open", "on_start_attempt", "task", "on_wait", "close"]

    told.clear()
    value(await resume(hooked, state, over(state.waits[0])))
    assert told == ["open", "on_resume", "on", "on_complete", "close"]


async def test_a_wait_in_memory_leaves_middleware_open_and_calls_no_hook():
    told.clear()
    host = Answering()
    value(await attempt(hooked_and_pinned, host=host))

    assert told == ["open", "on_complete", "close"]
    assert len(host.pins) == 1


@pytest.mark.parametrize(
    "misuse",
    [
        lambda: wait.for_(seconds=1),
        lambda: wait.until(datetime(2030, 1, 1, tzinfo=UTC)),
        lambda: wait.for_token("waitpoint_1"),
        lambda: wait.for_approval(),
        lambda: wait.until_true(is_there),
        lambda: checkpoint("here"),
        lambda: durations.trigger_and_wait("text"),
    ],
)
def test_outside_a_run_a_wait_says_where_it_belongs(misuse: Any):
    with pytest.raises(OutsideRun, match="inside a run"):
        misuse()


async def test_a_duration_is_one_thing_or_the_other():
    @task(id="wait-twice")
    async def twice() -> None:
        await wait.for_("1h", hours=1)

    outcome = await attempt(twice)
    assert isinstance(outcome, Failed)
    assert outcome.error.name == BadDuration.__name__


async def test_a_key_for_effects_is_that_of_the_run_in_every_attempt():
    @task(id="wait-key")
    async def key() -> str:
        return ctx.idempotency_key("refund")

    first, second = value(await attempt(key)), value(await attempt(key, attempt=2))

    assert first == second
    assert value(await attempt(key, run_id="run_2")) != first
