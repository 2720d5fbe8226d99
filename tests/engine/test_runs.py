"""Looking at runs: in full, in lists, and when they have ended."""

import asyncio
from typing import Any

import pytest

from perdure.core.errors import BadOption, NotFound
from perdure.core.lifecycle import Status
from perdure.engine.engine import Engine
from perdure.store.run_lists import FEW, RunPage
from perdure.testing.clock import START, FakeClock
from perdure.wire.runs import RunFilter
from tests.support.make import Make, manifest


async def page(make: Make, **filters: Any) -> RunPage:
    return await make.engine.runs.list(make.environment, RunFilter(**filters))


async def listed(make: Make, **filters: Any) -> list[str]:
    return [glance.run.id for glance in (await page(make, **filters)).runs]


async def trigger(make: Make, clock: FakeClock, task: str = "t", **options: Any) -> str:
    """Trigger a run a second after the one before."""
    clock.forward(1)
    return await make.trigger(task, **options)


async def test_a_run_is_shown_with_all_that_belongs_to_it(engine: Engine, make: Make):
    worker = await make.worker()
    root = await make.trigger(payload={"a": [1]}, tags=["x", "y"], metadata={"m": 1})
    (held,) = await make.claim(worker)
    await make.start(worker, held)
    child = await make.trigger(parent_run_id=root, metadata={"c": 1})
    await make.succeed(worker, held, '"out"')

    view = await engine.runs.get(make.environment, root)

    assert view.run == await make.row(root)
    assert {kind: packet.data for kind, packet in view.packets.items()} == {
        "payload": '{"a":[1]}',
        "metadata": '{"m":1}',
        "output": '"out"',
    }
    assert view.tags == ["x", "y"]
    assert [attempt.number for attempt in view.attempts] == [1]
    assert (view.parent, view.root) == (None, None)
    (shown,) = view.children
    assert (shown.run.id, shown.packets["metadata"].data) == (child, '{"c":1}')


async def test_a_run_of_another_environment_is_not_found(engine: Engine, make: Make):
    run = await make.trigger()
    other = await make.another_environment()

    with pytest.raises(NotFound, match=run):
        await engine.runs.get(other, run)
    with pytest.raises(NotFound, match=run):
        await engine.runs.result(other, run, wait=0)
    assert (await engine.runs.list(other, RunFilter())).runs == []


async def test_pages_hold_every_run_once_while_new_ones_come(make: Make, clock: FakeClock):
    made = [await trigger(make, clock) for _ in range(7)][::-1]
    first = await page(make, size=3)
    await trigger(make, clock)
    second = await page(make, size=3, after=first.runs[-1].run.id)
    third = await page(make, size=3, after=second.runs[-1].run.id)

    pages = [[glance.run.id for glance in one.runs] for one in (first, second, third)]
    assert pages == [made[:3], made[3:6], made[6:]]
    assert [one.has_older for one in (first, second, third)] == [True, True, False]
    assert [one.has_newer for one in (first, second, third)] == [False, True, True]


async def test_pages_go_back_the_way_they_came(make: Make, clock: FakeClock):
    made = [await trigger(make, clock) for _ in range(7)][::-1]

    back = await page(make, size=3, before=made[6])
    further = await page(make, size=3, before=back.runs[0].run.id)
    end = await page(make, size=3, before=made[0])

    assert [glance.run.id for glance in back.runs] == made[3:6]
    assert (back.has_older, back.has_newer) == (True, True)
    assert [glance.run.id for glance in further.runs] == made[:3]
    assert (further.has_older, further.has_newer) == (True, False)
    assert (list(end.runs), end.has_newer) == ([], False)


@pytest.mark.parametrize("named", ["few", "many"])
async def test_pages_of_a_filter_are_the_same_however_many_runs_it_names(
    make: Make, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, named: str
):
    monkeypatch.setattr("perdure.store.run_lists.FEW", FEW if named == "few" else 2)
    made = []
    for _ in range(6):
        made.insert(0, await trigger(make, clock, tags=["mine", "ours"]))
        await trigger(make, clock, tags=["yours"])

    first = await page(make, tag="mine,ours", size=4)
    second = await page(make, tag="mine,ours", size=4, after=first.runs[-1].run.id)
    back = await page(make, tag="mine,ours", size=4, before=second.runs[0].run.id)

    assert [glance.run.id for glance in first.runs] == made[:4]
    assert [glance.run.id for glance in second.runs] == made[4:]
    assert [glance.run.id for glance in back.runs] == made[:4]
    assert (first.has_older, second.has_older, back.has_newer) == (True, False, False)


async def test_each_filter_narrows_the_list(make: Make, clock: FakeClock):
    await make.version(manifest("a"), version="20260101.7", current=False)
    clock.forward("1h")
    plain = await trigger(make, clock, "a", tags=["x"])
    special = await trigger(
        make, clock, "b", tags=["x", "y"], queue={"name": "side"}, test=True, machine="micro", region="eu"
    )
    child = await trigger(make, clock, "b", delay="1d", parent_run_id=plain)
    grandchild = await trigger(make, clock, "a", parent_run_id=child, lock_to_version="20260101.7")
    everything = [grandchild, child, special, plain]

    at = {run: (await make.row(run)).created_at for run in everything}
    for filters, expected in (
        ({}, everything),
        ({"status": "DELAYED"}, [child]),
        ({"status": "DELAYED,QUEUED"}, [grandchild, child]),
        ({"status": "COMPLETED"}, []),
        ({"status": "PENDING_VERSION,COMPLETED"}, [special, plain]),
        ({"task": "b"}, [child, special]),
        ({"task": "a, b"}, everything),
        ({"version": "20260101.7"}, [grandchild]),
        ({"tag": "y"}, [special]),
        ({"tag": "x,nope"}, [special, plain]),
        ({"is_test": True}, [special]),
        ({"is_test": False}, [grandchild, child, plain]),
        ({"created_from": str(at[child])}, [grandchild, child]),
        ({"created_to": str(at[special])}, [special, plain]),
        ({"created_from": "2026-01-01T01:00:02+00:00", "created_to": str(at[special])}, [special]),
        ({"created_from": "1969-01-01T00:00:00Z"}, everything),
        ({"created_to": "999999999999999"}, everything),
        ({"period": "1s"}, [grandchild, child]),
        ({"period": "9999w"}, everything),
        ({"batch": "batch_none"}, []),
        ({"schedule": "sched_none"}, []),
        ({"bulk_action": "bulk_none"}, []),
        ({"queue": "side"}, [special]),
        ({"queue": "task/a"}, [grandchild, plain]),
        ({"machine": "micro,large-1x"}, [special]),
        ({"region": "eu"}, [special]),
        ({"root": plain}, [grandchild, child]),
        ({"parent": plain}, [child]),
        ({"parent": plain, "status": "QUEUED"}, []),
        ({"root": plain, "task": "a"}, [grandchild]),
        ({"status": "", "tag": " , "}, everything),
    ):
        assert await listed(make, **filters) == expected, filters


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": "RUNNING"},
        {"machine": "huge"},
        {"period": "soon"},
        {"created_from": "yesterday"},
        {"created_to": "2026-01-01T00:00:00"},
        {"after": "nonsense"},
        {"before": "run_\0"},
        {"tag": "a\0b"},
    ],
)
async def test_a_filter_with_a_wrong_value_is_refused(make: Make, wrong: dict[str, str]):
    with pytest.raises(BadOption, match=next(iter(wrong.values())).split("\0")[0]):
        await page(make, **wrong)


async def test_a_wrong_status_is_told_the_right_ones(make: Make):
    with pytest.raises(BadOption) as refused:
        await page(make, status="QUEUED,RUNNING")

    assert "RUNNING" in str(refused.value)
    assert all(status in str(refused.value) for status in Status)


async def test_a_result_is_there_once_the_run_has_ended(engine: Engine, make: Make):
    run = await make.run(status=Status.EXECUTING)
    done = await make.run(status=Status.COMPLETED)

    assert await engine.runs.result(make.environment, run.id, wait=0) is None
    view = await engine.runs.result(make.environment, done.id, wait=0)

    assert view is not None
    assert view.run == done


@pytest.mark.parametrize("how", ["succeed", "fail", "cancel"])
async def test_who_waits_for_a_result_has_it_when_the_run_ends(engine: Engine, make: Make, how: str):
    worker = await make.worker(manifest(retry={"maxAttempts": 1}))
    run = await make.trigger()
    (held,) = await make.claim(worker)
    waiting = asyncio.create_task(engine.runs.result(make.environment, run, wait=30))
    await asyncio.sleep(0)

    if how == "cancel":
        await engine.cancel.cancel(make.environment, run)
    else:
        await getattr(make, how)(worker, held)

    view = await waiting
    assert view is not None
    assert view.run.finished_at == START
