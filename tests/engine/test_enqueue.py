"""Triggers: where a run begins, what makes it happen once, and what is refused."""

import asyncio
from datetime import UTC, datetime

import pytest

from perdure.core.errors import BadOption, PerdureError
from perdure.core.lifecycle import Status
from perdure.engine.drafts import NewRun
from perdure.engine.engine import Engine
from perdure.engine.resources import EngineSettings, Resources
from perdure.store import history, packets
from perdure.store.database import Database
from perdure.testing.clock import START, FakeClock
from perdure.wire.manifests import QueueManifest
from perdure.wire.runs import KeyOptions, QueueChoice, TriggerOptions, TriggerRun
from tests.support.make import Make, manifest


async def test_a_run_of_a_known_task_stands_in_the_queue_its_task_names(make: Make):
    await make.version(manifest(queue=QueueManifest(name="mail")))

    row = await make.row(await make.trigger())

    assert (row.status, row.queue) == ("QUEUED", "mail")
    assert row.place == START


async def test_a_run_goes_to_the_queue_its_trigger_names(make: Make):
    await make.version(manifest(), queues=[QueueManifest(name="mail")])

    row = await make.row(await make.trigger(queue=QueueChoice(name="mail"), concurrency_key="ada"))

    assert (row.queue, row.concurrency_key) == ("mail", "ada")


async def test_a_queue_that_no_code_defines_is_refused_and_the_nearest_named(make: Make):
    await make.version(manifest(), queues=[QueueManifest(name="mail")])

    with pytest.raises(
        BadOption, match=r"queue can't be 'mial'; it takes one that code defines \(did you mean mail\?\)"
    ):
        await make.trigger(queue=QueueChoice(name="mial"))


async def test_queues_are_those_of_the_environment(make: Make):
    await make.version(manifest(), queues=[QueueManifest(name="mail")])
    elsewhere = await Make.begin(make.engine)
    await elsewhere.version(manifest())

    with pytest.raises(BadOption, match="mail"):
        await elsewhere.trigger(queue=QueueChoice(name="mail"))


async def test_a_run_whose_task_and_queue_are_unknown_waits_until_both_are_defined(
    make: Make, engine: Engine
):
    run = await make.trigger("greet", queue=QueueChoice(name="mail"), ttl=0)

    await make.worker(manifest("greet"))
    assert await engine.pending.run_once() == 0
    reasons = (await engine.reasons.why(make.environment, run)).reasons
    assert reasons[0].message == "No version of the code defines queue mail."

    await make.worker(manifest("greet"), version="20260102.1", queues=[QueueManifest(name="mail")])
    assert await engine.pending.run_once() == 1
    assert (await make.row(run)).queue == "mail"


async def test_a_run_of_an_unknown_task_waits_until_a_worker_knows_it(make: Make, engine: Engine):
    run = await make.trigger("greet", ttl=0)
    assert await make.status(run) == "PENDING_VERSION"

    worker = await make.worker(manifest("greet", queue=QueueManifest(name="mail")))
    assert await engine.pending.run_once() == 1

    assert (await make.row(run)).queue == "mail"
    assert [held.run_id for held in await make.claim(worker)] == [run]


async def test_the_payload_is_kept_as_a_packet(make: Make, engine: Engine):
    await make.version(manifest())
    run = await make.trigger(payload={"ä": [1, None]}, metadata={"step": 1})

    found = await engine.resources.db.read(packets.of_runs, [run], "payload", "metadata")

    assert {(p.kind, p.type, p.data) for p in found} == {
        ("payload", "application/json", '{"ä":[1,null]}'),
        ("metadata", "application/json", '{"step":1}'),
    }


async def test_half_a_surrogate_pair_in_a_payload_is_stored_escaped(make: Make):
    worker = await make.worker()
    await make.trigger(payload="\ud800")

    (held,) = await make.claim(worker)

    assert held.payload == '"\\ud800"'


async def test_a_run_without_payload_has_no_packet(make: Make, engine: Engine):
    await make.version(manifest())
    triggered = await engine.enqueue.trigger(make.environment, "hello", TriggerRun())

    assert await engine.resources.db.read(packets.of_runs, [triggered.id], "payload") == []


async def test_a_text_packet_is_kept_as_it_is(make: Make):
    worker = await make.worker()
    await make.trigger(payload="hello", payload_type="text/plain")

    (held,) = await make.claim(worker)

    assert (held.payload, held.payload_type) == ("hello", "text/plain")


async def test_a_delayed_run_is_not_handed_out_before_its_moment(
    make: Make, engine: Engine, clock: FakeClock
):
    worker = await make.worker()
    run = await make.trigger(delay="1h")
    assert await make.status(run) == "DELAYED"

    clock.forward("59m")
    await engine.timers.run_once()
    assert await make.claim(worker) == []

    clock.forward("1m")
    await engine.timers.run_once()
    assert [held.run_id for held in await make.claim(worker)] == [run]


@pytest.mark.parametrize("delay", ["2026-01-01T01:00:00Z", datetime(2026, 1, 1, 1, tzinfo=UTC), "1h"])
async def test_a_delay_is_a_duration_or_a_moment(make: Make, delay: str | datetime):
    row = await make.row(await make.trigger(delay=delay))

    assert row.delayed_until == START + 3_600_000


async def test_a_delay_in_the_past_is_none(make: Make):
    await make.version(manifest())

    row = await make.row(await make.trigger(delay="2025-01-01T00:00:00Z"))

    assert (row.status, row.delayed_until) == ("QUEUED", None)


async def test_a_run_expires_that_nobody_claims_before_its_ttl_ends(
    make: Make, engine: Engine, clock: FakeClock
):
    await make.version(manifest())
    run = await make.trigger(ttl="10s")

    clock.forward("10s")
    await engine.timers.run_once()

    assert await make.status(run) == "EXPIRED"


async def test_a_claimed_run_does_not_expire(make: Make, engine: Engine, clock: FakeClock):
    worker = await make.worker()
    run = await make.trigger(ttl=10)
    await make.claim(worker)

    clock.forward("10s")
    await engine.timers.run_once()

    assert await make.status(run) == "DEQUEUED"


async def test_the_ttl_of_a_delayed_run_counts_from_the_end_of_its_delay(
    make: Make, engine: Engine, clock: FakeClock
):
    await make.version(manifest())
    run = await make.trigger(delay="1h", ttl="10s")

    clock.forward("1h")
    await engine.timers.run_once()
    assert await make.status(run) == "QUEUED"

    clock.forward("10s")
    await engine.timers.run_once()
    assert await make.status(run) == "EXPIRED"


@pytest.mark.parametrize(
    ("kind", "of_task", "option", "expected"),
    [
        ("dev", None, None, 600_000),
        ("dev", None, 0, None),
        ("dev", 5_000, None, 5_000),
        ("dev", 0, None, None),
        ("prod", None, None, None),
        ("prod", 5_000, "1m", 60_000),
    ],
)
async def test_the_ttl_is_the_triggers_then_the_tasks_then_the_environments(
    engine: Engine, kind: str, of_task: int | None, option: str | int | None, expected: int | None
):
    make = await Make.begin(engine, type=kind)
    await make.version(manifest(ttl_ms=of_task))

    assert (await make.row(await make.trigger(ttl=option))).ttl_ms == expected


async def test_the_same_idempotency_key_gives_the_same_run(make: Make, engine: Engine):
    await make.version(manifest(), manifest("other"))
    command = TriggerRun(options=TriggerOptions(idempotency_key="k"))

    first = await engine.enqueue.trigger(make.environment, "hello", command)
    again = await engine.enqueue.trigger(make.environment, "hello", command)
    other = await engine.enqueue.trigger(make.environment, "other", command)

    assert (again.id, again.is_cached, first.is_cached) == (first.id, True, False)
    assert other.id != first.id


async def test_one_key_many_times_at_once_makes_one_run(make: Make, engine: Engine):
    await make.version(manifest())
    command = TriggerRun(options=TriggerOptions(idempotency_key="k"))

    many = [engine.enqueue.trigger(make.environment, "hello", command) for _ in range(20)]
    triggered = await asyncio.gather(*many)

    assert len({one.id for one in triggered}) == 1
    assert [one.is_cached for one in triggered].count(False) == 1


async def test_servers_that_trigger_with_one_key_at_the_same_moment_make_one_run(make: Make, engine: Engine):
    await make.version(manifest())
    command = TriggerRun(options=TriggerOptions(idempotency_key="k"))
    servers = [engine, *(Engine(engine.resources) for _ in range(4))]

    many = [server.enqueue.trigger(make.environment, "hello", command) for server in servers]
    triggered = await asyncio.gather(*many)

    assert len({one.id for one in triggered}) == 1


async def test_a_key_is_free_again_when_its_time_is_over(make: Make, clock: FakeClock):
    await make.version(manifest())
    first = await make.trigger(idempotency_key="k", idempotency_key_ttl="60s")

    clock.forward("59s")
    assert await make.trigger(idempotency_key="k", idempotency_key_ttl="60s") == first

    clock.forward("1s")
    assert await make.trigger(idempotency_key="k", idempotency_key_ttl="60s") != first


@pytest.mark.parametrize(
    ("how", "is_kept"),
    [("succeed", True), ("fail", False), ("crash", False), ("time_out", False), ("break", False)],
)
async def test_a_key_is_kept_by_a_run_that_succeeds_and_freed_by_one_that_fails(
    make: Make, how: str, is_kept: bool
):
    worker = await make.worker()
    first = await make.trigger(idempotency_key="k", max_attempts=1)
    (held,) = await make.claim(worker)
    await (make.succeed(worker, held) if how == "succeed" else make.fail(worker, held, how=how))

    assert (await make.trigger(idempotency_key="k") == first) is is_kept


async def test_a_request_that_is_sent_twice_makes_one_run(make: Make, engine: Engine, clock: FakeClock):
    await make.version(manifest())

    async def send() -> str:
        triggered = await engine.enqueue.trigger(
            make.environment, "hello", TriggerRun(payload=1), request_key="5f0c"
        )
        return triggered.id

    first = await send()
    assert await send() == first

    clock.forward("1d")
    assert await send() != first


async def test_the_key_as_the_user_wrote_it_is_kept(make: Make):
    run = await make.trigger(
        idempotency_key="ab" * 32, idempotency_key_options=KeyOptions(key="order-1", scope="global")
    )

    assert (await make.row(run)).idempotency_key_options == '{"key":"order-1","scope":"global"}'


async def test_a_child_knows_its_parent_its_root_and_its_depth(make: Make):
    root = await make.trigger()
    child = await make.trigger(parent_run_id=root)
    grandchild = await make.row(await make.trigger(parent_run_id=child))

    assert (grandchild.parent, grandchild.root, grandchild.depth) == (child, root, 2)


async def test_a_parent_in_another_environment_is_unknown(make: Make, engine: Engine):
    other = await Make.begin(engine)
    stranger = await other.trigger()

    with pytest.raises(BadOption, match="parent_run_id"):
        await make.trigger(parent_run_id=stranger)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("delay", "soon"),
        ("delay", "2026-13-01T00:00:00Z"),
        ("delay", "2026-01-02T00:00:00"),
        ("ttl", "ten minutes"),
        ("idempotency_key_ttl", "tomorrow"),
        ("parent_run_id", "run_none"),
        ("lock_to_version", "20200101.1"),
        ("metadata", [1]),
        ("priority", float("inf")),
        ("tags", ["a\0b"]),
    ],
)
async def test_a_bad_option_is_named_and_nothing_is_stored(make: Make, option: str, value: object):
    keys = {"idempotency_key": "k"} if option == "idempotency_key_ttl" else {}

    with pytest.raises(BadOption, match=option):
        await make.trigger(**keys, **{option: value})


async def test_one_bad_trigger_does_not_hurt_the_others_of_its_commit(make: Make, engine: Engine):
    await make.version(manifest())
    commands = [
        TriggerRun(),
        TriggerRun(options=TriggerOptions(delay="soon")),
        TriggerRun(options=TriggerOptions(parent_run_id="run_none")),
        TriggerRun(payload=1),
    ]
    new = [NewRun(environment=make.environment, task="hello", command=command) for command in commands]

    answers = await engine.enqueue.trigger_many(new)

    assert [isinstance(answer, PerdureError) for answer in answers] == [False, True, True, False]


async def test_tags_are_stored_once_each(make: Make, engine: Engine):
    run = await make.trigger(tags=["b", "a", "b"])

    assert await engine.resources.db.read(history.tags_of, [run]) == {run: ["a", "b"]}


async def test_every_status_can_be_made(make: Make):
    for status in set(Status) - {Status.WAITING, Status.CANCELED, Status.EXPIRED}:
        assert (await make.run(status=status)).status == status


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"slug": "prod-eu", "type": "prod"}, 1_000),
        ({"slug": "prod-us", "type": "prod"}, 2_000),
        ({"slug": "next", "type": "stg"}, 3_000),
        ({"slug": "dev", "type": "dev"}, None),
    ],
)
async def test_the_ttl_of_an_environment_is_by_its_name_its_type_or_that_of_the_rest(
    db: Database, environment: dict[str, str], expected: int | None
):
    settings = EngineSettings(ttl_ms={"prod-eu": 1_000, "prod": 2_000, "*": 3_000, "dev": 0})
    make = await Make.begin(Engine(Resources(db=db, telemetry=db, settings=settings)), **environment)

    row = await make.row(await make.trigger())

    assert row.ttl_ms == expected
