"""Runs that failed for good are kept for people, where code asks for it."""

import pytest

from perdure.core.errors import BadOption, NotFound
from perdure.core.lifecycle import DEAD, Status
from perdure.engine.dead_letters import Handled, LetterPage
from perdure.engine.engine import Engine
from perdure.engine.resources import Resources
from perdure.store.database import Database
from perdure.store.rows import Worker
from perdure.testing.clock import FakeClock
from perdure.wire.dead_letters import ChooseLetters, DeadLetterFilter
from perdure.wire.manifests import QueueManifest
from perdure.wire.workers import RetryChoice
from tests.support.make import Make, manifest

SHARED = QueueManifest(name="mail", dead_letters=True)


@pytest.fixture
async def engine(db: Database, telemetry: Database, clock: FakeClock) -> Engine:
    return Engine(Resources(db=db, telemetry=telemetry, clock=clock))


@pytest.fixture
async def worker(make: Make) -> Worker:
    """Of a task that asks for letters, one whose queue does, and one that does not."""
    return await make.worker(
        manifest("kept", dead_letters=True), manifest("mailed", queue=SHARED), manifest("plain")
    )


async def dead(make: Make, worker: Worker, task: str, how: str = "fail", **options) -> str:
    """Let a run of a task fail for good."""
    run = await make.trigger(task, {"n": 1}, **options)
    (held,) = await make.claim(worker)
    await make.start(worker, held)
    await make.fail(worker, held, how=how, retry=RetryChoice(skip=True))
    return run


async def listed(make: Make, **wanted) -> LetterPage:
    return await make.engine.dead_letters.list(make.environment, DeadLetterFilter(**wanted))


async def runs_of(make: Make, **wanted) -> list[str]:
    return [view.letter.run for view in (await listed(make, **wanted)).letters]


async def redrive(make: Make, **chosen) -> Handled:
    return await make.engine.dead_letters.redrive(make.environment, ChooseLetters(**chosen))


async def test_a_task_and_a_queue_may_ask_for_it(make: Make, worker: Worker):
    kept, mailed = await dead(make, worker, "kept"), await dead(make, worker, "mailed")
    elsewhere = await dead(make, worker, "plain", queue={"name": "mail"})
    await dead(make, worker, "plain")

    assert sorted(await runs_of(make)) == sorted([kept, mailed, elsewhere])


@pytest.mark.parametrize("how", ["fail", "crash", "time_out", "break"])
async def test_every_way_to_fail_for_good_is_one(make: Make, worker: Worker, how: str):
    run = await dead(make, worker, "kept", how)

    (view,) = (await listed(make)).letters
    assert view.letter.run == run
    assert Status(view.letter.status) in DEAD
    assert view.error is not None
    assert "no luck" in view.error.data


async def test_what_is_tried_again_canceled_or_expired_is_none(make: Make, worker: Worker, clock: FakeClock):
    await make.trigger("kept")
    (held,) = await make.claim(worker)
    await make.fail(worker, held)
    canceled = await make.trigger("kept", delay="1h")
    await make.engine.cancel.cancel(make.environment, canceled)
    await make.trigger("plain", queue={"name": "mail"}, ttl="1s")
    clock.forward("2s")
    await make.engine.timers.run_once()

    assert await runs_of(make, state="all") == []


async def test_the_code_that_is_live_decides(make: Make, worker: Worker):
    await make.version(manifest("kept"), manifest("plain", dead_letters=True), version="20260102.1")

    await dead(make, worker, "kept")
    mailed = await dead(make, worker, "kept", queue={"name": "mail"})
    plain = await dead(make, worker, "plain")

    # It says nothing of queue mail, which stays as it was.
    assert await runs_of(make) == [plain, mailed]


async def test_a_redriven_letter_makes_a_run_like_the_first(make: Make, worker: Worker):
    run = await dead(make, worker, "kept", tags=["a"], metadata={"m": 1}, max_attempts=7)

    done = await redrive(make, runs=[run])

    made = await make.engine.runs.get(make.environment, done.runs[run])
    first = await make.engine.runs.get(make.environment, run)
    assert (made.run.replay_of, made.run.status, made.run.max_attempts) == (run, "QUEUED", 7)
    assert (list(made.tags), made.packets["payload"].data) == (["a"], first.packets["payload"].data)
    assert made.packets["metadata"].data == '{"m":1}'
    (view,) = (await listed(make, state="redriven")).letters
    assert (view.letter.redriven_as, await runs_of(make)) == (made.run.id, [])
    assert [held.run_id for held in await make.claim(worker, slots=9)] == [made.run.id]


async def test_asked_twice_a_letter_makes_one_run(make: Make, worker: Worker):
    run = await dead(make, worker, "kept")

    assert (await redrive(make, runs=[run])).runs == (await redrive(make, runs=[run, run])).runs
    assert len(await make.claim(worker, slots=10)) == 1


async def test_all_of_a_filter_are_redriven_or_discarded(make: Make, worker: Worker, clock: FakeClock):
    first, second = await dead(make, worker, "kept"), await dead(make, worker, "mailed")
    clock.forward("1h")
    third = await dead(make, worker, "kept", "crash")

    assert await runs_of(make, queue="mail,other") == [second]
    assert await runs_of(make, status="CRASHED") == [third]
    assert await runs_of(make, period="30m") == [third]
    assert [*(await redrive(make, all=True, task="kept", period="30m")).runs] == [third]
    discarded = await make.engine.dead_letters.discard(make.environment, ChooseLetters(all=True))
    assert sorted(discarded.runs) == sorted([first, second])
    assert await runs_of(make, state="all") == [third]


async def test_many_are_redriven_in_batches(make: Make, worker: Worker, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("perdure.engine.dead_letters.BATCH", 2)
    monkeypatch.setattr("perdure.engine.dead_letters.MAX_LETTERS", 4)
    dying = [await dead(make, worker, "kept") for _ in range(5)]

    first = await redrive(make, all=True)
    rest = await redrive(make, all=True)

    assert (len(first.runs), first.has_more, len(rest.runs), rest.has_more) == (4, True, 1, False)
    assert {*first.runs, *rest.runs} == set(dying)


async def test_pages_follow_the_time_of_the_failure(make: Make, worker: Worker, clock: FakeClock):
    dying = []
    for _ in range(5):
        dying.append(await dead(make, worker, "kept"))
        clock.forward("1s")

    first = await listed(make, size=3)
    rest = await listed(make, size=3, after=first.next)

    assert [view.letter.run for view in [*first.letters, *rest.letters]] == dying[::-1]
    assert rest.next is None


async def test_a_run_is_not_forgotten_while_its_letter_is_on_the_list(
    make: Make, worker: Worker, clock: FakeClock
):
    run, other, plain = [await dead(make, worker, task) for task in ("kept", "mailed", "plain")]
    clock.forward("365d")
    await make.engine.retention.run_once()

    assert [await known(make, one) for one in (run, other, plain)] == [True, True, False]
    again = (await redrive(make, runs=[run])).runs[run]
    await make.engine.dead_letters.discard(make.environment, ChooseLetters(runs=[other]))
    await make.engine.retention.run_once()

    assert [await known(make, one) for one in (run, other, again)] == [False, False, True]
    assert await runs_of(make, state="all") == []


async def known(make: Make, run: str) -> bool:
    try:
        return bool(await make.engine.runs.get(make.environment, run))
    except NotFound:
        return False


async def test_bad_choices_are_named(make: Make, worker: Worker):
    run = await dead(make, worker, "plain")

    with pytest.raises(NotFound, match=f"There is no dead letter of run {run}"):
        await redrive(make, runs=[run])
    with pytest.raises(NotFound, match="There is no dead letter of run run_x"):
        await make.engine.dead_letters.get(make.environment, "run_x")
    with pytest.raises(BadOption, match=r"Say which dead letters: runs=\[…\], or all=true"):
        await redrive(make)
    with pytest.raises(BadOption, match="by runs or by filters, not both: leave out task"):
        await redrive(make, runs=[run], task="plain")
    with pytest.raises(BadOption, match="it takes CRASHED, FAILED, SYSTEM_FAILURE, TIMED_OUT"):
        await listed(make, status="COMPLETED")
    with pytest.raises(BadOption, match=r"what pagination\.next said"):
        await listed(make, after="7")


async def test_another_environment_sees_none_of_them(make: Make, worker: Worker):
    run = await dead(make, worker, "kept")
    other = await make.another_environment()

    with pytest.raises(NotFound):
        await make.engine.dead_letters.redrive(other, ChooseLetters(runs=[run]))
    assert not (await make.engine.dead_letters.list(other, DeadLetterFilter())).letters
