"""Forgetting what is old."""

import asyncio

import pytest

from perdure.core.clock import to_datetime
from perdure.core.errors import TokenUsed
from perdure.core.lifecycle import Status
from perdure.engine import retention
from perdure.engine.drafts import OneTimeToken
from perdure.engine.engine import Engine
from perdure.engine.resources import EngineSettings, Resources
from perdure.store import history, logs, packets, runs, workers
from perdure.store.database import Database, Tx
from perdure.testing.clock import FakeClock
from perdure.wire.runs import TriggerRun, UpdateMetadata
from perdure.wire.workers import LogLine, SendLogs
from tests.support.make import Make

DAY = 86_400_000
SETTINGS = EngineSettings(run_retention_ms=10 * DAY, log_retention_ms=5 * DAY)
KINDS = ("payload", "metadata", "seed", "output", "error")


@pytest.fixture
async def engine(db: Database, telemetry: Database, clock: FakeClock) -> Engine:
    return Engine(Resources(db=db, telemetry=telemetry, clock=clock, settings=SETTINGS))


async def log(make: Make, run: str, lines: int = 1) -> None:
    time = to_datetime(make.engine.resources.clock.now())
    line = LogLine(run_id=run, attempt=1, time=time, level="info", source="stdout", message="x")
    await make.engine.logs.append(make.environment, SendLogs(worker_id="worker_1", lines=[line] * lines))


async def lines_of(make: Make, run: str) -> int:
    return len(await make.engine.resources.telemetry.read(logs.of_run, run, after=0, limit=1000))


async def kept(make: Make, *ids: str) -> list[str]:
    return [run.id for run in await make.engine.resources.db.read(runs.of_ids, ids)]


async def what_belongs_to(tx: Tx, run: str) -> list[int]:
    """Return how many packets, tags, attempts and events a run has."""
    return [
        len(await packets.of_runs(tx, [run], *KINDS)),
        len(await history.tags_of(tx, [run])),
        len(await history.attempts_of(tx, [run])),
        len(await history.events_of(tx, run)),
    ]


async def test_a_run_is_forgotten_with_all_that_belongs_to_it(engine: Engine, make: Make, clock: FakeClock):
    run = (await make.run(status=Status.COMPLETED)).id
    await engine.tags.add(make.environment, run, ["t"])
    await engine.metadata.update(make.environment, run, UpdateMetadata(metadata={"m": 1}))
    await log(make, run, 3)
    assert 0 not in await engine.resources.db.read(what_belongs_to, run)

    clock.forward("10d")
    await engine.retention.run_once()
    assert await kept(make, run) == [run]

    clock.forward(0.001)
    await engine.retention.run_once()
    assert await kept(make, run) == []
    assert await engine.resources.db.read(what_belongs_to, run) == [0, 0, 0, 0]
    assert await lines_of(make, run) == 0


@pytest.mark.parametrize("status", [Status.DELAYED, Status.PENDING_VERSION, Status.QUEUED, Status.EXECUTING])
async def test_a_run_that_lives_is_kept_with_its_log(
    engine: Engine, make: Make, clock: FakeClock, status: Status
):
    run = (await make.run(status=status)).id
    await log(make, run)
    clock.forward("1000d")

    await engine.retention.run_once()

    assert (await kept(make, run), await lines_of(make, run)) == ([run], 1)


async def test_the_end_counts_and_not_the_beginning(engine: Engine, make: Make, clock: FakeClock):
    run = (await make.run(status=Status.QUEUED)).id
    clock.forward("100d")
    await engine.cancel.cancel(make.environment, run)
    clock.forward("10d")

    await engine.retention.run_once()

    assert await kept(make, run) == [run]


async def test_logs_are_forgotten_before_their_runs(engine: Engine, make: Make, clock: FakeClock):
    old = (await make.run(status=Status.COMPLETED)).id
    await log(make, old)
    clock.forward("4d")
    recent = (await make.run(status=Status.COMPLETED)).id
    await log(make, recent)
    clock.forward("2d")

    await engine.retention.run_once()

    assert await kept(make, old, recent) == [old, recent]
    assert [await lines_of(make, run) for run in (old, recent)] == [0, 1]


async def test_more_than_a_batch_is_forgotten_in_one_round(
    engine: Engine, make: Make, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(retention, "BATCH", 2)
    monkeypatch.setattr(retention, "LINES", 3)
    ended, living = [], []
    for _ in range(5):
        ended.append((await make.run(status=Status.COMPLETED)).id)
        living.append((await make.run(status=Status.DELAYED)).id)
        for run in (ended[-1], living[-1]):
            await log(make, run, 2)
    clock.forward("6d")

    await engine.retention.run_once()
    assert [await lines_of(make, run) for run in ended] == [0] * 5
    assert [await lines_of(make, run) for run in living] == [2] * 5

    clock.forward("6d")
    await engine.retention.run_once()
    assert await kept(make, *ended, *living) == sorted(living)


async def test_a_run_stays_as_long_as_its_key(engine: Engine, make: Make, clock: FakeClock):
    run = await make.trigger(idempotency_key="k", idempotency_key_ttl="30d")
    await engine.cancel.cancel(make.environment, run)
    clock.forward("20d")
    await engine.retention.run_once()
    assert await make.trigger(idempotency_key="k") == run

    clock.forward("10d")
    await engine.retention.run_once()
    assert await kept(make, run) == []
    assert await make.trigger(idempotency_key="k") != run


async def test_expired_keys_are_forgotten_and_others_not(engine: Engine, make: Make, clock: FakeClock):
    await make.trigger(idempotency_key="short", idempotency_key_ttl="1m")
    long = await make.trigger(idempotency_key="long", idempotency_key_ttl="1h")
    clock.forward("1m")

    assert await engine.retention.run_once() == 1

    assert await engine.retention.run_once() == 0
    assert await make.trigger(idempotency_key="long") == long


async def test_an_expired_key_that_is_forgotten_while_it_is_taken_makes_a_run(
    engine: Engine, make: Make, clock: FakeClock
):
    first = await make.trigger(idempotency_key="k", idempotency_key_ttl="1m")
    for _ in range(5):
        clock.forward("1m")
        run, _ = await asyncio.gather(
            make.trigger(idempotency_key="k", idempotency_key_ttl="1m"), engine.retention.run_once()
        )
        assert run != first
        first = run


async def test_a_token_that_was_used_stays_used_when_its_run_is_forgotten(
    engine: Engine, make: Make, clock: FakeClock
):
    token = OneTimeToken("fingerprint", expires_at=clock.now() + 100 * DAY)
    run = (await engine.enqueue.trigger(make.environment, "t", TriggerRun(), token=token)).id
    await engine.cancel.cancel(make.environment, run)
    clock.forward("11d")
    await engine.retention.run_once()
    assert await kept(make, run) == []

    with pytest.raises(TokenUsed):
        await engine.enqueue.trigger(make.environment, "t", TriggerRun(), token=token)


async def test_a_worker_is_forgotten_when_nobody_has_heard_of_it_for_long(
    engine: Engine, make: Make, clock: FakeClock
):
    await make.worker()
    clock.forward("8d")
    worker = await make.worker()

    assert await engine.retention.run_once() == 1

    found = await engine.resources.db.read(workers.connected, make.environment.id, since=0)
    assert [one.id for one, _ in found] == [worker.id]


async def test_what_is_to_be_kept_for_ever_is_kept(db: Database, telemetry: Database, clock: FakeClock):
    settings = EngineSettings(run_retention_ms=None, log_retention_ms=None)
    engine = Engine(Resources(db=db, telemetry=telemetry, clock=clock, settings=settings))
    make = await Make.begin(engine)
    run = (await make.run(status=Status.COMPLETED)).id
    await log(make, run)
    clock.forward("9999d")

    await engine.retention.run_once()

    assert (await kept(make, run), await lines_of(make, run)) == ([run], 1)
