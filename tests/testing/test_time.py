"""Time in the harness passes when the test says so, and everything happens in its order."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from perdure import BadDuration, BadOption, Retry, WaitOver, WaitTimeout, gather, task, wait
from perdure.core.lifecycle import Status
from perdure.testing import Harness, RunStuck

ONCE = Retry(max_attempts=1)
SEEN: list[str] = []
LOOKS: list[int] = []


@task(id="testing-naps", retry=ONCE)
async def naps(name: str, hours: list[int]) -> None:
    for hour in hours:
        await wait.for_(hours=hour)
        SEEN.append(f"{name} {hour}")


@task(id="testing-until", retry=ONCE)
async def until(moment: datetime, strict: bool = False) -> str:
    await wait.until(moment, raise_if_past=strict)
    return "there"


def look() -> int | None:
    LOOKS.append(1)
    return len(LOOKS) if len(LOOKS) >= 3 else None


@task(id="testing-looks", retry=ONCE)
async def looks(timeout: str | None = None) -> int:
    return await wait.until_true(look, every="10m", timeout=timeout)


@task(id="testing-never", retry=ONCE)
async def never() -> None:
    await wait.until_true(lambda: False, every="1s")


@task(id="testing-months", retry=ONCE)
async def months() -> None:
    await wait.for_(months=1)


@task(id="testing-really-sleeps", retry=ONCE)
async def really_sleeps() -> float:
    before = asyncio.get_running_loop().time()
    await gather(wait.for_(days=1), nap())
    return asyncio.get_running_loop().time() - before


async def nap() -> None:
    await asyncio.sleep(0.02)


def test_what_happens_in_between_happens_in_its_order(perdure: Harness):
    SEEN.clear()
    perdure.start(naps, "a", [1, 3])
    perdure.start(naps, "b", [2, 9])

    perdure.advance("5h")

    assert SEEN == ["a 1", "b 2", "a 3"]


def test_time_stands_still_unless_it_is_moved(perdure: Harness):
    now = perdure.now

    perdure.start(naps, "a", [1])
    assert perdure.now == now
    perdure.advance(90)
    assert perdure.now == now + timedelta(seconds=90)
    perdure.advance_to(now + timedelta(days=1))
    assert perdure.now == now + timedelta(days=1)


def test_time_never_goes_back(perdure: Harness):
    with pytest.raises(BadOption, match="one after"):
        perdure.advance_to(perdure.now - timedelta(seconds=1))
    with pytest.raises(BadDuration):
        perdure.advance("soon")


@pytest.mark.perdure(start=datetime(2026, 1, 31, 12, tzinfo=UTC))
def test_a_test_may_say_what_time_it_is(perdure: Harness):
    perdure.run(months)

    assert perdure.now == datetime(2026, 2, 28, 12, tzinfo=UTC)


def test_a_run_waits_for_a_moment(perdure: Harness):
    moment = perdure.now + timedelta(days=3)

    run = perdure.start(until, moment)
    assert repr(run) == f"<Run testing-until WAITING, waits for time until {moment:%Y-%m-%d %H:%M:%S}>"
    perdure.advance_to(moment)

    assert run.output == "there"


def test_a_moment_that_is_past_is_over_at_once_or_an_error(perdure: Harness):
    past = perdure.now - timedelta(days=1)

    assert perdure.run(until, past).output == "there"
    assert isinstance(perdure.run(until, past, strict=True).error, WaitOver)


def test_until_true_looks_again_by_the_clock_of_the_test(perdure: Harness):
    LOOKS.clear()
    begun = perdure.now

    assert perdure.run(looks).output == 3
    assert perdure.now - begun == timedelta(minutes=20)


def test_until_true_gives_up_by_the_clock_of_the_test(perdure: Harness):
    LOOKS.clear()

    assert isinstance(perdure.run(looks, "5m").error, WaitTimeout)


def test_what_never_comes_is_given_up(perdure: Harness, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("perdure.testing.driver.MOST_MOMENTS", 50)

    with pytest.raises(RunStuck, match="time has moved 50 times"):
        perdure.run(never)


def test_what_is_really_awaited_really_takes_its_time(perdure: Harness):
    run = perdure.run(really_sleeps)

    assert run.output >= 0.02
    assert run.status is Status.COMPLETED
