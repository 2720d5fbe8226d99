"""The lines that a worker shows, without a worker."""

import asyncio
import io
from datetime import UTC, datetime

import pytest

from perdure.cli.live import Paper, RunLines
from perdure.testing.clock import FakeClock
from perdure.wire.manifests import RetryPolicy
from perdure.wire.values import ErrorCode, RunError
from perdure.wire.waits import Wait
from perdure.wire.workers import Assignment, Canceled, Failed, Parked, Released, Succeeded, Verdict

RUN = Assignment(
    run_id="run_1",
    fence=1,
    task="greet",
    attempt=1,
    queue="task/greet",
    max_attempts=3,
    retry=RetryPolicy(),
    version="20261121.1",
    created_at=datetime(2026, 11, 21, tzinfo=UTC),
)
REF = {"run_id": "run_1", "fence": 1}
OK = Verdict(run_id="run_1", ok=True)
ERROR = RunError(type="BUILT_IN_ERROR", name="ValueError", message="no\nmore")


async def line(ending, verdict: Verdict = OK) -> str:
    """Return the line of an ending, without its moment."""
    sheet = io.StringIO()
    lines = RunLines(Paper(sheet), FakeClock())
    lines.ended(RUN, ending, verdict)
    await asyncio.sleep(0)
    return sheet.getvalue().split("  ", 1)[1].rstrip("\n")


@pytest.mark.parametrize(
    ("ending", "told"),
    [
        (Succeeded(**REF, duration_ms=12), "greet  run_1  completed    12 ms"),
        (Failed(**REF, error=ERROR, duration_ms=1234), "greet  run_1  failed       1.2 s  ValueError: no"),
        (Failed(**REF, how="time_out", error=ERROR), "greet  run_1  timed out     0 ms  ValueError: no"),
        (Canceled(**REF, duration_ms=61_000), "greet  run_1  canceled  1 min 1 s"),
        (Released(**REF, reason="the worker stops"), "greet  run_1  released            the worker stops"),
    ],
)
async def test_an_ending_is_one_line(ending, told: str):
    assert await line(ending) == told


async def test_a_run_that_waits_says_what_for():
    waits = [Wait(kind="token", subject="waitpoint_1"), Wait(kind="run", subject="run_2")]

    told = await line(Parked(**REF, snapshot="", waits=waits, duration_ms=3))

    assert told == "greet  run_1  waits         3 ms  for token waitpoint_1, run run_2"


async def test_a_run_that_goes_on_from_a_stored_state_says_so():
    sheet = io.StringIO()

    RunLines(Paper(sheet), FakeClock()).began(RUN.model_copy(update={"snapshot": "…"}))
    await asyncio.sleep(0)

    assert sheet.getvalue().endswith("  greet  run_1  goes on\n")


async def test_an_error_of_perdures_own_is_told_without_its_code():
    error = RunError.internal(ErrorCode.OUT_OF_MEMORY, "too much")

    assert (await line(Failed(**REF, how="crash", error=error))).endswith("0 ms  too much")


async def test_a_failure_that_is_tried_again_says_when():
    again = Verdict(run_id="run_1", ok=True, retry_in_ms=2500)

    assert (await line(Failed(**REF, error=ERROR), again)).endswith("attempt 2 of 3 in 2.5 s: ValueError: no")


async def test_an_ending_that_the_server_does_not_take_says_why():
    refused = Verdict(run_id="run_1", ok=False, code="lease_lost")

    assert (await line(Succeeded(**REF), refused)).endswith("does not count: lease lost")


async def test_on_a_narrow_terminal_the_error_stands_below_and_is_cut(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "60")
    sheet = io.StringIO()
    lines = RunLines(Paper(sheet, colour=True), FakeClock())

    lines.ended(RUN, Failed(**REF, error=RunError(type="STRING_ERROR", raw="x" * 200)), OK)
    await asyncio.sleep(0)

    first, second = sheet.getvalue().splitlines()
    assert "failed" in first
    assert second == " " * 10 + "x" * 49 + "…"


async def test_a_reader_that_is_gone_stops_nothing():
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    paper = Paper(Gone())

    paper.write("one")
    paper.write("two")
