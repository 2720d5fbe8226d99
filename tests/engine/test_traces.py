"""The trace of a run: its life by its events, and what was seen inside it."""

from typing import Any

import pytest

from perdure.core.clock import to_datetime
from perdure.core.errors import NotFound
from perdure.core.traces import USAGE, SpanContext, span_of, span_of_attempt, trace_of
from perdure.engine import telemetry as engine_telemetry
from perdure.engine.engine import Engine
from perdure.engine.lifespans import MILLISECOND, SpanView
from perdure.engine.resources import Resources
from perdure.engine.traces import TraceView
from perdure.store.database import Database
from perdure.testing.clock import FakeClock
from perdure.wire.telemetry import SpanRecord
from perdure.wire.waits import Wait, WaitKind
from perdure.wire.workers import Assignment, Checkpointed, LogLine, Parked, SendLogs
from tests.support.make import Make

A, B, C = "a" * 16, "b" * 16, "c" * 16


@pytest.fixture
async def engine(db: Database, telemetry: Database, clock: FakeClock) -> Engine:
    return Engine(Resources(db=db, telemetry=telemetry, clock=clock, dice=lambda: 0.5))


async def trace(make: Make, run: str) -> TraceView:
    return await make.engine.traces.trace(make.environment, run)


async def send(make: Make, run: str, id: str, **changes: Any) -> None:
    fields: dict[str, Any] = {"run_id": run, "attempt": 1, "id": id, "name": f"span {id[0]}"}
    now = make.engine.resources.clock.now() * MILLISECOND
    record = SpanRecord(**{**fields, "started_ns": now, **changes})
    await make.engine.logs.append(make.environment, SendLogs(worker_id="w", lines=[], spans=[record]))


def told(view: TraceView) -> list[tuple[str, str, float, float | None]]:
    """Return of each span its kind and name, and when it began and ended, in seconds after the run did."""
    began = view.spans[0].started_ns

    def seconds(moment: int | None) -> float | None:
        return None if moment is None else (moment - began) / 1e9

    return [(s.kind, s.name, seconds(s.started_ns) or 0, seconds(s.ended_ns)) for s in view.spans]


def find(view: TraceView, name: str) -> SpanView:
    (found,) = [span for span in view.spans if span.name == name]
    return found


async def test_the_life_of_a_run_is_told_from_trigger_to_end(make: Make, clock: FakeClock):
    worker = await make.worker()
    run = await make.trigger()
    clock.forward(1)
    (held,) = await make.claim(worker)
    clock.forward(1)
    await make.start(worker, held)
    clock.forward(2)
    await make.report(worker, Checkpointed(run_id=run, fence=held.fence, key="half", snapshot="eA=="))
    parked = Wait(kind=WaitKind.TIME, subject="t", until=to_datetime(clock.now() + 60_000))
    clock.forward(1)
    await make.report(worker, Parked(run_id=run, fence=held.fence, snapshot="eA==", waits=[parked]))
    clock.forward(60)
    await make.engine.timers.run_once()
    clock.forward(3)
    (again,) = await make.claim(worker)
    await make.start(worker, again)
    clock.forward(2)
    await make.succeed(worker, again)

    view = await trace(make, run)

    wait = next(span.name for span in view.spans if span.kind == "wait")
    assert wait.startswith("waits for 20")
    assert told(view) == [
        ("run", "hello", 0, 70),
        ("queue", "queued", 0, 1),
        ("start", "starting", 1, 2),
        ("attempt", "attempt 1", 2, 70),
        ("checkpoint", "checkpoint half", 4, 4),
        ("wait", wait, 5, 65),
        ("queue", "queued", 65, 68),
        ("start", "starting", 68, 68),
    ]
    inside = {span.name for span in view.spans if span.parent == span_of_attempt(run, 1)}
    assert inside == {wait, "checkpoint half", "queued", "starting"}
    assert view.id == trace_of(run)
    assert not any(span.is_error or span.is_partial or span.is_canceled for span in view.spans)


async def test_a_failed_attempt_and_the_retry_are_told(make: Make, clock: FakeClock):
    worker = await make.worker()
    run = await make.trigger(max_attempts=2)
    (held,) = await make.claim(worker)
    await make.start(worker, held)
    await make.fail(worker, held)
    clock.forward(60)
    await make.engine.timers.run_once()
    (again,) = await make.claim(worker)
    await make.start(worker, again)
    await make.fail(worker, again)

    view = await trace(make, run)

    first, second = find(view, "attempt 1"), find(view, "attempt 2")
    assert (first.is_error, first.error, second.is_error) == (True, "no luck", True)
    assert (view.spans[0].is_error, view.spans[0].error) == (True, "no luck")
    assert find(view, "waits to be tried again").parent == span_of(run, "run")


async def test_what_is_not_over_is_partial(make: Make, clock: FakeClock):
    worker = await make.worker()
    run = await make.trigger()
    (held,) = await make.claim(worker)
    await make.start(worker, held)
    await send(make, run, A)

    view = await trace(make, run)

    open_ones = {span.name for span in view.spans if span.ended_ns is None and span.is_partial}
    assert open_ones == {"hello", "attempt 1", "span a"}


async def begin(make: Make) -> tuple[Any, Assignment]:
    worker = await make.worker()
    await make.trigger()
    (held,) = await make.claim(worker)
    await make.start(worker, held)
    return worker, held


async def test_a_span_is_shown_when_it_starts_and_replaced_when_it_ends(make: Make, clock: FakeClock):
    _, held = await begin(make)
    started = clock.now() * MILLISECOND
    await send(make, held.run_id, A, started_ns=started, attributes={"n": 1})
    before = find(await trace(make, held.run_id), "span a")
    await send(
        make, held.run_id, A, started_ns=started, ended_ns=started + 5, is_new=False, attributes={"n": 2}
    )

    after = find(await trace(make, held.run_id), "span a")

    assert (before.ended_ns, before.properties) == (None, {"n": 1})
    assert (after.ended_ns, after.properties, after.is_partial) == (started + 5, {"n": 2}, False)
    assert after.parent == span_of_attempt(held.run_id, 1)


async def test_a_span_that_never_ended_ends_with_its_attempt(make: Make, clock: FakeClock):
    worker, held = await begin(make)
    await send(make, held.run_id, A)
    clock.forward(5)
    await make.succeed(worker, held)

    left = find(await trace(make, held.run_id), "span a")

    assert left.is_partial
    assert left.ended_ns == clock.now() * MILLISECOND


async def test_spans_nest_and_lines_stand_in_their_spans(make: Make):
    _, held = await begin(make)
    await send(make, held.run_id, A)
    await send(make, held.run_id, B, parent_id=A)
    now = to_datetime(make.engine.resources.clock.now())
    line = LogLine(
        run_id=held.run_id,
        attempt=1,
        time=now,
        level="warning",
        message="look",
        source="logger",
        span_id=B,
        place="tasks/a.py:3",
    )
    await make.engine.logs.append(make.environment, SendLogs(worker_id="w", lines=[line]))

    view = await trace(make, held.run_id)

    assert find(view, "span b").parent == A
    look = find(view, "look")
    assert (look.kind, look.parent, look.level, look.place) == ("log", B, "WARN", "tasks/a.py:3")


async def test_spans_whose_parents_are_missing_or_go_in_a_circle_are_shown(make: Make):
    _, held = await begin(make)
    await send(make, held.run_id, A, parent_id=B)
    await send(make, held.run_id, B, parent_id=A)
    await send(make, held.run_id, C, parent_id="d" * 16)

    view = await trace(make, held.run_id)

    parents = {span.id: span.parent for span in view.spans}
    for id in (A, B, C):
        steps = 0
        while id != view.spans[0].id:
            id, steps = parents[id] or "", steps + 1
            assert steps < 5


async def test_children_are_joined_to_the_trace_of_their_parent(make: Make, clock: FakeClock):
    _, held = await begin(make)
    await send(make, held.run_id, A)
    clock.forward(1)
    plain = await make.trigger(parent_run_id=held.run_id)
    inside = str(SpanContext(trace_of(held.run_id), A))
    asked = await make.trigger(parent_run_id=held.run_id, traceparent=inside)
    grandchild = await make.trigger(parent_run_id=asked)

    view = await trace(make, held.run_id)
    own = await trace(make, asked)

    runs = {span.run: span.parent for span in view.spans if span.kind == "run"}
    assert runs[plain] == span_of_attempt(held.run_id, 1)
    assert runs[asked] == A
    assert runs[grandchild] == span_of(asked, "run")
    assert own.id == view.id
    assert {span.run for span in own.spans} == {asked, grandchild}


async def test_a_trace_from_outside_goes_on_in_the_run_and_its_children(make: Make):
    outside = SpanContext("1" * 32, "2" * 16)
    worker = await make.worker()
    run = await make.trigger(traceparent=str(outside))
    (held,) = await make.claim(worker)
    child = await make.trigger(parent_run_id=run)

    view = await trace(make, run)

    assert held.trace_id == outside.trace
    assert (view.id, view.spans[0].parent) == (outside.trace, outside.span)
    assert (await trace(make, child)).id == outside.trace


async def test_spans_over_the_limit_are_dropped_and_counted(make: Make, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(engine_telemetry, "MAX_SPANS", 2)
    _, held = await begin(make)
    for id in (A, B, C):
        await send(make, held.run_id, id)
    await send(make, held.run_id, A, ended_ns=2**62, is_new=False)

    view = await trace(make, held.run_id)

    seen = {span.id: span.ended_ns for span in view.spans if span.kind == "span"}
    assert seen == {A: 2**62, B: None}
    assert view.is_cut


async def test_a_trace_of_no_run_is_not_found(make: Make):
    other = await Make.begin(make.engine)
    run = await other.trigger()

    with pytest.raises(NotFound, match=run):
        await trace(make, run)


async def test_what_an_attempt_used_is_told_with_it(make: Make, clock: FakeClock):
    _, held = await begin(make)
    used = {"name": USAGE, "ended_ns": 2**62}
    await send(make, held.run_id, A, attributes={"cpu.seconds": 1.5, "memory.peak_bytes": 10}, **used)
    await send(make, held.run_id, B, attributes={"cpu.seconds": 1, "memory.peak_bytes": 7}, **used)

    view = await trace(make, held.run_id)

    attempt = find(view, "attempt 1").properties
    assert (attempt["cpu.seconds"], attempt["memory.peak_bytes"]) == (2.5, 10)
    assert not any(span.kind == "span" for span in view.spans)
