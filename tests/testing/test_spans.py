"""Spans of the user's: told when they begin and end, stored with a run that waits, and going on after it."""

import json
import pickle
from typing import Any

import pytest

from perdure import Retry, checkpoint, ctx, gather, logger, span, task, traced, wait
from perdure.core.traces import MAX_VALUE, SpanContext, span_of_attempt, trace_of
from perdure.testing import Harness, Run
from perdure.wire.telemetry import SpanRecord

ONCE = Retry(max_attempts=1)
HOUR_NS = 3600 * 10**9


@traced
async def napping(hours: int) -> str:
    await wait.for_(hours=hours)
    return str(SpanContext.parse(ctx.traceparent))


@traced(name="adds", size=2)
def added(a: int, b: int) -> int:
    return a + b


@task(id="spans-nests", retry=ONCE)
async def nests(hours: int) -> list[str]:
    places = [ctx.traceparent]
    with span("outer", customer="c1") as outer:
        with span("inner"):
            places.append(ctx.traceparent)
            await wait.for_(hours=hours)
            places.append(ctx.traceparent)
            logger.info("inside")
        outer.set(amount=added(1, 2))
    print("outside")
    return [*places, ctx.traceparent]


@task(id="spans-calls", retry=ONCE)
async def calls() -> list[str]:
    return await gather(napping(1), napping(2))


@task(id="spans-fails", retry=Retry(max_attempts=2, min_timeout="1s"))
async def fails() -> str:
    with span("before"):
        await checkpoint("half")
        if ctx.attempt.number == 1:
            raise ValueError("no luck")
    return "done"


@task(id="spans-child", retry=ONCE)
async def child() -> str:
    return ctx.traceparent


@task(id="spans-parent", retry=ONCE)
async def parent() -> list[str]:
    plain = await child.trigger_and_wait()
    with span("asks"):
        return [plain, await child.trigger_and_wait(), ctx.traceparent]


@task(id="spans-odd", retry=ONCE)
async def odd(many: int) -> None:
    with span("large", text="x" * (2 * MAX_VALUE), **{f"a{n}": n for n in range(300)}, thing=object()):
        pass
    for _ in range(many):
        with span("one"):
            pass
    span("never ended").__enter__()


def named(run: Run[Any], name: str) -> SpanRecord:
    (found,) = [one for one in run.spans if one.name == name]
    return found


def test_a_span_in_which_the_run_waits_goes_on_where_the_run_does():
    with Harness() as harness:
        run = harness.run(nests, 2)
        outer, inner, adds = (named(run, name) for name in ("outer", "inner", "adds"))

        attempt = span_of_attempt(run.id, 1)
        assert (outer.parent_id, inner.parent_id, adds.parent_id) == (attempt, outer.id, outer.id)
        assert inner.ended_ns is not None
        assert round((inner.ended_ns - inner.started_ns) / HOUR_NS) == 2
        assert outer.attributes == {"customer": "c1", "amount": 3}
        assert adds.attributes == {"size": 2}
        places = [SpanContext.parse(place) for place in run.output]
        assert [place.span for place in places if place] == [attempt, inner.id, inner.id, attempt]
        assert {place.trace for place in places if place} == {trace_of(run.id)}


def test_a_span_and_a_line_tell_where_in_the_code_they_are():
    with Harness() as harness:
        run = harness.run(nests, 1)

        line = next(line for line in run.logs if line.message == "inside")
        printed = next(line for line in run.logs if line.message == "outside")
        assert line.span_id == named(run, "inner").id
        assert printed.span_id is None
        for place in (line.place, printed.place, named(run, "outer").place):
            assert place is not None
            assert place.startswith("tests/testing/test_spans.py:")


def test_traced_functions_wait_and_have_spans_of_their_own():
    with Harness() as harness:
        run = harness.run(calls)

        naps = [one for one in run.spans if one.name == "napping"]
        hours = sorted(round(((one.ended_ns or 0) - one.started_ns) / HOUR_NS) for one in naps)
        assert hours == [1, 2]
        assert sorted(place.split("-")[2] for place in run.output) == sorted(one.id for one in naps)


def test_a_span_that_an_error_left_goes_on_from_a_checkpoint_in_it():
    with Harness() as harness:
        run = harness.run(fails)

        (before,) = run.spans
        assert run.output == "done"
        assert (before.attempt, before.is_error, before.message) == (2, False, None)


def test_a_child_belongs_to_the_span_it_is_triggered_in():
    with Harness() as harness:
        run = harness.run(parent)
        plain, asked, here = [SpanContext.parse(place) for place in run.output]

        assert plain
        assert asked
        assert here
        assert plain.trace == asked.trace == here.trace == trace_of(run.id)
        assert here.span == named(run, "asks").id
        first, second = harness.runs_of(child)
        options = [harness_options(one) for one in (first, second)]
        assert options == [None, str(here)]


def harness_options(run: Run[Any]) -> str | None:
    return run._life.command.options.traceparent


def test_what_is_too_large_or_too_many_is_cut_with_a_mark():
    with Harness() as harness:
        run = harness.run(odd, 10_010)

        large = named(run, "large").attributes
        assert large is not None
        assert "more characters" in large["text"]
        assert large["cut"] == "46 more attributes; there may be 256"
        assert len(json.dumps(large)) < 2 * MAX_VALUE
        assert len(run.spans) == 10_000
        assert any("12 spans were dropped" in message for message in run.messages)


def test_outside_of_runs_a_span_does_nothing():
    with span("nowhere", a=1) as nowhere:
        assert nowhere.id == ""
    assert added(1, 2) == 3
    assert pickle.loads(pickle.dumps(nowhere)).name == "nowhere"


def test_a_generator_is_not_traced():
    def numbers() -> Any:
        yield 1

    with pytest.raises(TypeError, match="numbers is a generator"):
        traced(numbers)
