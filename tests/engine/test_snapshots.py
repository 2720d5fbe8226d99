"""The stored states of a run as they are shown, and as a replay begins at them."""

import base64
from datetime import timedelta
from typing import Any

import pytest

from perdure.core.clock import to_datetime
from perdure.core.errors import BadOption, NotFound
from perdure.testing.clock import FakeClock
from perdure.wire.runs import ReplayRun
from perdure.wire.waits import CreateToken, FrameView, RestoreFrom, Snapshots, Wait, WaitKind
from perdure.wire.workers import Assignment, Checkpointed, Parked, Pinned
from tests.support.make import TASK, Make

STATE = base64.b64encode(b"a coroutine").decode()
FRAMES = [
    FrameView(
        function="tasks.shop.order",
        module="tasks.shop",
        file="shop.py",
        line=7,
        locals={"total": "3", "n": "1"},
    ),
    FrameView(function="tasks.shop.pay", module="tasks.shop", file="shop.py", line=2, locals={"total": "4"}),
]


async def shown(make: Make, run: str) -> Snapshots:
    return await make.engine.snapshots.list(make.environment, run)


async def stored(make: Make) -> str:
    """Make a run with two checkpoints, parked after them."""
    worker = await make.worker()
    run = await make.trigger(payload={"n": 1})
    (held,) = await make.claim(worker)
    ref: dict[str, Any] = {"run_id": run, "fence": held.fence, "snapshot": STATE, "frames": FRAMES}
    wait = Wait(kind=WaitKind.RUN, subject=await make.trigger())
    await make.report(
        worker,
        Checkpointed(**ref, key="fetched", data={"rows": 3}),
        Checkpointed(**ref, key="charged"),
        Parked(**ref, waits=[wait]),
    )
    return run


async def replayed(make: Make, run: str, snapshot: str, **more: Any) -> Assignment:
    """Replay a run from a state; return what a worker is handed for it."""
    locals = more.pop("locals", {})
    changes = ReplayRun(begin=RestoreFrom(snapshot=snapshot, locals=locals), **more)
    made = await make.engine.replays.replay(make.environment, run, changes)
    (held,) = [one for one in await make.claim(await make.worker(), slots=9) if one.run_id == made.id]
    return held


async def test_a_wait_is_shown_with_what_is_known_of_it(make: Make, clock: FakeClock):
    worker = await make.worker()
    run, child = await make.trigger(), await make.trigger()
    (held, _) = await make.claim(worker, slots=2)
    token, _ = await make.engine.tokens.create(make.environment, CreateToken(timeout="1h"))
    waits = [Wait(kind=WaitKind.RUN, subject=child), Wait(kind=WaitKind.TOKEN, subject=token.id)]
    await make.report(worker, Parked(run_id=run, fence=held.fence, snapshot=STATE, waits=waits))

    of_run, of_token = (await shown(make, run)).waits
    assert (of_run.subject, of_run.task, of_run.status) == (child, TASK, "DEQUEUED")
    assert (of_token.subject, of_token.until) == (token.id, to_datetime(clock.now()) + timedelta(hours=1))


async def test_checkpoints_are_shown_with_their_data(make: Make):
    wait, charged, fetched = (await shown(make, await stored(make))).snapshots

    assert (fetched.number, fetched.key, fetched.data) == (1, "fetched", {"rows": 3})
    assert (charged.key, charged.data, wait.kind) == ("charged", None, "wait")
    assert wait.frames == FRAMES


async def test_a_run_that_waits_in_memory_says_why_and_for_what(make: Make, clock: FakeClock):
    worker = await make.worker()
    run = await make.trigger()
    (held,) = await make.claim(worker)
    until = to_datetime(clock.now()) + timedelta(seconds=9)
    wait = Wait(kind=WaitKind.TIME, subject="9 s", until=until)
    reason = "local 'lock' of tasks.pay can't be stored"
    await make.report(worker, Pinned(run_id=run, fence=held.fence, waits=[wait], reason=reason))

    found = await shown(make, run)
    assert (found.pinned, [one.until for one in found.waits], found.snapshots) == (reason, [until], [])


async def test_a_run_that_does_not_wait_is_shown_without_waits(make: Make):
    run = await stored(make)
    await make.engine.cancel.cancel(make.environment, run)

    found = await shown(make, run)
    assert (found.waits, found.pinned, len(found.snapshots)) == ([], None, 3)


@pytest.mark.parametrize(("name", "number"), [("fetched", 1), ("2", 2), ("last", 3)])
async def test_a_replay_begins_at_a_checkpoint_a_number_or_the_last(make: Make, name: str, number: int):
    run = await stored(make)
    held = await replayed(make, run, name)

    assert (held.snapshot, held.snapshot_number, held.payload) == (STATE, 1, '{"n":1}')
    (begun,) = (await shown(make, held.run_id)).snapshots
    assert (begun.key, begun.frames) == ({1: "fetched", 2: "charged", 3: None}[number], FRAMES)


async def test_what_a_replay_changes_is_handed_out(make: Make):
    run = await stored(make)
    plain = await replayed(make, run, "last")
    changed = await replayed(make, run, "last", locals={"order.total": 5, "n": 2}, payload={"n": 9})

    assert plain.changes is not None
    assert (plain.changes.locals, plain.changes.parameters) == ({}, False)
    assert changed.changes is not None
    assert (changed.changes.locals, changed.changes.parameters) == ({"order.total": 5, "n": 2}, True)
    assert changed.payload == '{"n":9}'


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("fetch", "; there are 3 (a wait), charged, fetched; did you mean fetched?"),
        ("9", "; there are 3 (a wait), charged, fetched"),
    ],
)
async def test_a_state_that_is_not_there_is_told_with_those_that_are(make: Make, name: str, told: str):
    run = await stored(make)

    with pytest.raises(NotFound) as caught:
        await replayed(make, run, name)
    assert str(caught.value) == f"Run {run} has no stored state {name}{told}"


async def test_a_run_without_states_says_so(make: Make):
    run = await make.trigger()

    with pytest.raises(NotFound, match="has not waited yet, nor come to a checkpoint"):
        await replayed(make, run, "last")


@pytest.mark.parametrize(
    ("local", "hint"),
    [("totle", "total, n; did you mean total?"), ("pay.n", "total, n"), ("x.n", "total, n; did you mean n?")],
)
async def test_a_local_that_is_not_there_is_told_with_those_that_are(make: Make, local: str, hint: str):
    run = await stored(make)

    with pytest.raises(BadOption) as caught:
        await replayed(make, run, "last", locals={local: 1})
    assert str(caught.value) == f"There is no local {local} in state 3; there are {hint}"
