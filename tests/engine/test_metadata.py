"""Metadata: what is noted on runs while they run."""

import asyncio
from typing import Any

import pytest

from perdure.core.errors import BadMetadata, NotFound, TooLarge
from perdure.engine.engine import Engine
from perdure.engine.metadata import LIMIT
from perdure.wire.runs import MetadataOperation, UpdateMetadata
from perdure.wire.workers import MetadataChanged
from tests.support.make import Make


def do(type: str, key: str | None = None, value: Any = None) -> MetadataOperation:
    return MetadataOperation(type=type, key=key, value=value)  # type: ignore[arg-type]


async def update(make: Make, run: str, *operations: MetadataOperation, **more: Any) -> dict[str, Any]:
    command = UpdateMetadata(operations=list(operations), **more)
    return await make.engine.metadata.update(make.environment, run, command)


async def shown(make: Make, run: str) -> dict[str, Any]:
    return await make.engine.metadata.get(make.environment, run)


async def test_a_run_without_metadata_has_an_empty_object(make: Make):
    assert await shown(make, await make.trigger()) == {}


async def test_operations_are_done_in_their_order(make: Make):
    run = await make.trigger(metadata={"n": 1, "list": ["a", "b"], "old": True})

    after = await update(
        make,
        run,
        do("set", "status", "busy"),
        do("increment", "n", 2.5),
        do("append", "list", "c"),
        do("remove", "list", "a"),
        do("delete", "old"),
        do("set", "$.steps[1].done", True),
    )

    assert after == {
        "n": 3.5,
        "list": ["b", "c"],
        "status": "busy",
        "steps": [None, {"done": True}],
    }
    assert await shown(make, run) == after


async def test_metadata_by_itself_takes_the_place_of_all(engine: Engine, make: Make):
    run = await make.trigger(metadata={"n": 1})

    after = await engine.metadata.update(make.environment, run, UpdateMetadata(metadata={"m": 2}))

    assert after == await shown(make, run) == {"m": 2}


async def test_a_parent_and_a_root_are_changed_through_their_child(make: Make):
    root = await make.trigger()
    parent = await make.trigger(parent_run_id=root)
    child = await make.trigger(parent_run_id=parent)

    after = await update(
        make,
        child,
        do("set", "me", 1),
        parent_operations=[do("increment", "done", 1)],
        root_operations=[do("append", "all", child)],
    )

    assert after == {"me": 1}
    assert (await shown(make, parent), await shown(make, root)) == ({"done": 1}, {"all": [child]})


async def test_a_run_without_a_parent_is_its_own(make: Make):
    run = await make.trigger()

    after = await update(
        make, run, parent_operations=[do("set", "p", 1)], root_operations=[do("set", "r", 2)]
    )

    assert after == {"p": 1, "r": 2}


async def test_changes_made_at_once_lose_nothing(make: Make):
    root = await make.trigger()
    children = [await make.trigger(parent_run_id=root) for _ in range(3)]

    await asyncio.gather(
        *(update(make, run, parent_operations=[do("increment", "n", 1)]) for run in children * 10)
    )

    assert await shown(make, root) == {"n": 30}


@pytest.mark.parametrize(
    "wrong",
    [
        do("set", "__proto__", 1),
        do("set", "$.a.constructor.b", 1),
        do("delete", "$.prototype"),
        do("set", None, 1),
        do("set", "$.a[", 1),
        do("increment", "n", "much"),
        do("update", None, [1]),
    ],
)
async def test_what_can_not_be_done_is_refused_and_nothing_changes(make: Make, wrong: MetadataOperation):
    run = await make.trigger(metadata={"n": 1})

    with pytest.raises(BadMetadata):
        await update(make, run, do("set", "before", 1), wrong)

    assert await shown(make, run) == {"n": 1}


async def test_metadata_over_the_limit_is_refused(make: Make):
    run = await make.trigger(metadata={"n": 1})

    with pytest.raises(TooLarge, match=str(LIMIT)):
        await update(make, run, do("set", "text", "é" * (LIMIT // 2)))

    assert await shown(make, run) == {"n": 1}


async def test_what_a_worker_reports_is_noted(make: Make):
    worker = await make.worker()
    parent = await make.trigger()
    await make.claim(worker)
    run = await make.trigger(parent_run_id=parent)
    (held,) = await make.claim(worker)
    ref: dict[str, Any] = {"run_id": run, "fence": held.fence}

    verdicts = await make.report(
        worker,
        MetadataChanged(**ref, operations=[do("set", "a", 1)], parent_operations=[do("increment", "n", 1)]),
        MetadataChanged(**ref, operations=[do("increment", "a", 1)], tags=["x", "y", "x"]),
        MetadataChanged(**ref, tags=["y", *(f"t{n}" for n in range(20))]),
    )

    assert [verdict.ok for verdict in verdicts] == [True] * 3
    assert (await shown(make, run), await shown(make, parent)) == ({"a": 2}, {"n": 1})
    tags = (await make.engine.runs.get(make.environment, run)).tags
    assert sorted(tags) == sorted(["x", "y", *(f"t{n}" for n in range(8))])


async def test_of_what_a_worker_reports_only_what_can_not_be_is_left_out(
    make: Make, caplog: pytest.LogCaptureFixture
):
    worker = await make.worker()
    run = await make.trigger()
    (held,) = await make.claim(worker)
    changes = [
        do("set", "a", 1),
        do("set", "__proto__", 2),
        do("set", "huge", "x" * LIMIT),
        do("set", "b", 3),
    ]

    (verdict,) = await make.report(worker, MetadataChanged(run_id=run, fence=held.fence, operations=changes))

    assert verdict.ok
    assert await shown(make, run) == {"a": 1, "b": 3}
    assert [record.message.count("left out") for record in caplog.records] == [1, 1]


async def test_a_run_that_is_not_there_has_none(engine: Engine, make: Make):
    other = await Make.begin(engine)
    run = await other.trigger()

    with pytest.raises(NotFound, match=run):
        await shown(make, run)
    with pytest.raises(NotFound, match=run):
        await update(make, run, do("set", "a", 1))
