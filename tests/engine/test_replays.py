"""Running a run again, as it was or changed."""

import json
from typing import Any

import pytest

from perdure.core.errors import BadOption, NotFound
from perdure.core.lifecycle import Status
from perdure.engine.engine import Engine
from perdure.store.rows import Run
from perdure.store.views import RunView
from perdure.testing.clock import START, FakeClock
from perdure.wire.manifests import QueueManifest
from perdure.wire.runs import MetadataOperation, ReplayRun, TriggerRun, UpdateMetadata
from tests.support.make import Make, manifest


async def replay(make: Make, run: str, **changes: Any) -> RunView:
    made = await make.engine.replays.replay(make.environment, run, ReplayRun(**changes))
    assert made.id != run
    return await make.engine.runs.get(make.environment, made.id)


SAME = [
    "task",
    "queue",
    "concurrency_key",
    "priority",
    "ttl_ms",
    "max_attempts",
    "max_duration_ms",
    "machine",
    "region",
    "is_test",
]


async def test_a_replay_is_a_new_run_like_the_original(make: Make, clock: FakeClock):
    run = await make.trigger(
        payload={"n": [1, "é"]},
        tags=["b", "a"],
        metadata={"m": 1},
        queue={"name": "side"},
        concurrency_key="user-1",
        priority=7,
        ttl="1500ms",
        max_attempts=4,
        max_duration=2.5,
        machine="micro",
        region="eu",
        test=True,
    )
    clock.forward(1)

    again = await replay(make, run)

    original = await make.row(run)
    assert [getattr(again.run, name) for name in SAME] == [getattr(original, name) for name in SAME]
    assert (again.run.replay_of, again.run.created_at) == (run, START + 1000)
    assert again.tags == ["a", "b"]
    assert {kind: json.loads(packet.data) for kind, packet in again.packets.items()} == {
        "payload": {"n": [1, "é"]},
        "metadata": {"m": 1},
    }


async def test_what_belongs_to_one_occasion_is_not_repeated(make: Make):
    parent = await make.trigger()
    run = await make.trigger(
        delay="1h", idempotency_key="once", parent_run_id=parent, resume_parent_on_completion=True
    )

    again = (await replay(make, run)).run

    assert (again.delayed_until, again.idempotency_key, again.parent, again.root) == (None,) * 4
    assert (again.depth, again.waited_by_parent) == (0, 0)


@pytest.mark.parametrize(
    ("changes", "column", "value"),
    [
        ({"queue": "other"}, "queue", "other"),
        ({"concurrency_key": "user-2"}, "concurrency_key", "user-2"),
        ({"concurrency_key": None}, "concurrency_key", None),
        ({"machine": "large-1x"}, "machine", "large-1x"),
        ({"version": "20260101.7"}, "locked_version", "20260101.7"),
        ({"region": "us"}, "region", "us"),
        ({"delay": "1h"}, "delayed_until", START + 3_600_000),
        ({"ttl": "2m"}, "ttl_ms", 120_000),
        ({"ttl": 0}, "ttl_ms", None),
        ({"idempotency_key": "k", "idempotency_key_ttl": "1h"}, "idempotency_key", "k"),
        ({"max_attempts": 9}, "max_attempts", 9),
        ({"max_duration": 60}, "max_duration_ms", 60_000),
        ({"priority": 3}, "priority", 3),
    ],
)
async def test_each_change_changes_one_thing(make: Make, changes: dict[str, Any], column: str, value: object):
    await make.version(manifest(), version="20260101.7", queues=[QueueManifest(name="other")])
    run = await make.trigger(concurrency_key="user-1", ttl="1m", machine="micro", priority=1)

    again: Run = (await replay(make, run, **changes)).run

    assert getattr(again, column) == value


async def test_payload_tags_and_metadata_are_changed(make: Make):
    run = await make.trigger(payload={"n": 1}, tags=["a"], metadata={"m": 1})

    again = await replay(
        make,
        run,
        payload='{"json":{"n":2}}',
        payload_type="application/super+json",
        tags="b",
        metadata={"m": 2},
    )

    payload = again.packets["payload"]
    assert (payload.type, payload.data) == ("application/super+json", '{"json":{"n":2}}')
    assert (again.tags, again.packets["metadata"].data) == (["b"], '{"m":2}')


async def test_a_run_without_a_payload_is_replayed_without(make: Make):
    made = await make.engine.enqueue.trigger(make.environment, "hello", TriggerRun())

    assert (await replay(make, made.id)).packets == {}


async def test_a_payload_can_be_changed_to_null(make: Make):
    run = await make.trigger(payload={"n": 1})

    assert (await replay(make, run, payload=None)).packets["payload"].data == "null"


async def test_a_replay_begins_with_the_metadata_of_the_trigger(engine: Engine, make: Make):
    given, none = await make.trigger(metadata={"progress": 0}), await make.trigger()
    for run in (given, none):
        for value in (50, 100):
            done = MetadataOperation(type="set", key="progress", value=value)
            await engine.metadata.update(make.environment, run, UpdateMetadata(operations=[done]))

    assert (await replay(make, given)).packets["metadata"].data == '{"progress":0}'
    assert (await replay(make, none)).packets["metadata"].data == "{}"


@pytest.mark.parametrize("status", [Status.DELAYED, Status.EXECUTING, Status.COMPLETED, Status.FAILED])
async def test_a_run_is_replayed_wherever_it_is_in_its_life(make: Make, status: Status):
    run = await make.run(status=status)

    assert (await replay(make, run.id)).run.status == "QUEUED" if run.version else "PENDING_VERSION"
    assert await make.row(run.id) == run


async def test_a_replay_that_can_not_be_made_is_refused(engine: Engine, make: Make):
    run = await make.trigger()

    with pytest.raises(BadOption, match="lock_to_version"):
        await replay(make, run, version="20200101.1")
    with pytest.raises(BadOption, match="delay"):
        await replay(make, run, delay="soon")
    with pytest.raises(NotFound, match=run):
        await engine.replays.replay(await make.another_environment(), run, ReplayRun())
