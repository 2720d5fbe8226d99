"""Both clients, against a real server."""

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel

from perdure import (
    AsyncClient,
    BadOption,
    Client,
    Debounce,
    Forbidden,
    NotFound,
    UnknownOption,
    Unprocessable,
)
from perdure.core.lifecycle import Status
from perdure.wire.runs import MetadataOperation, UpdateMetadata
from perdure.wire.waits import FrameView
from perdure.wire.workers import Checkpointed
from tests.client.conftest import KEY, HandWorker, each, got
from tests.support.processes import Server


class Order(BaseModel):
    number: int
    amount: Decimal


async def test_a_triggered_run_is_retrieved_with_its_payload(client: Any, task_id: str):
    made = await got(client.trigger(task_id, Order(number=1, amount=Decimal("9.90")), tags=["a", "b"]))

    run = await got(client.runs.retrieve(made.id))
    assert (run.payload, sorted(run.tags), made.is_cached) == (
        {"number": 1, "amount": "9.90"},
        ["a", "b"],
        False,
    )


async def test_options_reach_the_run_in_pythons_spelling(client: Any, task_id: str):
    options = {
        "delay": timedelta(hours=1),
        "ttl": "30m",
        "max_attempts": 7,
        "machine": "micro",
        "priority": 5,
        "metadata": {"since": datetime(2026, 1, 1, tzinfo=UTC)},
        "concurrency_key": "user-1",
    }
    run = await got(client.runs.retrieve((await got(client.trigger(task_id, None, **options))).id))

    assert (run.status, run.max_attempts, run.machine, run.priority, run.concurrency_key, run.metadata) == (
        Status.DELAYED, 7, "micro", 5, "user-1", {"since": "2026-01-01T00:00:00Z"},
    )  # fmt: skip


async def test_a_burst_of_triggers_is_one_run(client: Any, task_id: str):
    calm = Debounce("user:1", delay=60, mode="trailing", max_delay=timedelta(hours=1))

    made = [await got(client.trigger(task_id, number, debounce=calm)) for number in (1, 2)]

    run = await got(client.runs.retrieve(made[0].id))
    assert (made[1].id, made[0].is_cached, made[1].is_cached) == (run.id, False, True)
    assert (run.payload, run.status) == (2, "DELAYED")
    with pytest.raises(BadOption, match=r"debounce can't be 'user:1'; it takes Debounce"):
        await got(client.trigger(task_id, debounce="user:1"))
    with pytest.raises(BadOption, match=r"debounce\.mode can't be 'last'"):
        Debounce("user:1", "5s", mode="last")  # type: ignore[arg-type]


async def test_an_unknown_option_is_told_with_the_nearest(client: Any, task_id: str):
    with pytest.raises(UnknownOption, match="did you mean max_attempts"):
        await got(client.trigger(task_id, None, max_atempts=3))


@pytest.mark.parametrize("options", [{"max_attempts": 0}, {"machine": "huge"}, {"tags": ["x" * 200]}])
async def test_a_bad_value_is_told_under_the_name_the_user_gave(client: Any, options: dict[str, Any]):
    with pytest.raises(BadOption, match=next(iter(options))):
        await got(client.trigger("t", None, **options))


async def test_a_delay_without_time_zone_is_refused(client: Any):
    with pytest.raises(BadOption, match="time zone"):
        await got(client.trigger("t", None, delay=datetime(2026, 1, 1)))  # noqa: DTZ001


async def test_a_key_gives_the_first_run_again_until_it_is_reset(client: Any, task_id: str):
    first = await got(client.trigger(task_id, 1, idempotency_key="k"))
    second = await got(client.trigger(task_id, 2, idempotency_key="k"))
    await got(client.idempotency_keys.reset(task_id, "k"))
    third = await got(client.trigger(task_id, 3, idempotency_key="k"))

    assert (second.id, second.is_cached) == (first.id, True)
    assert (third.id == first.id, third.is_cached) == (False, False)


async def test_a_list_goes_through_all_pages(client: Any, task_id: str):
    made = [(await got(client.trigger(task_id, n))).id for n in range(5)]

    listed = await each(client.runs.list(task=task_id, size=2))

    assert [run.id for run in listed] == made[::-1]


async def test_a_list_is_filtered(client: Any, task_id: str):
    kept = (await got(client.trigger(task_id, 1, tags="keep", delay="1h"))).id
    await got(client.trigger(task_id, 2))

    listed = await each(client.runs.list(task=[task_id], tag="keep", status=["DELAYED"]))

    assert [run.id for run in listed] == [kept]


async def test_an_unknown_filter_is_told_with_the_nearest(client: Any):
    with pytest.raises(UnknownOption, match="did you mean status"):
        await each(client.runs.list(statuss="FAILED"))


async def test_a_run_is_canceled_replayed_and_rescheduled(client: Any, task_id: str):
    first = (await got(client.trigger(task_id, {"a": 1}, delay="1h"))).id
    later = await got(client.runs.reschedule(first, "2h"))
    await got(client.runs.cancel(first))
    second = await got(client.runs.replay(first, payload={"a": 2}, tags=["again"]))

    assert later.delayed_until > datetime.now(UTC) + timedelta(minutes=110)
    assert (await got(client.runs.retrieve(first))).status == Status.CANCELED
    copy = await got(client.runs.retrieve(second))
    assert (copy.payload, copy.tags) == ({"a": 2}, ["again"])


async def test_a_run_that_is_not_delayed_can_not_be_rescheduled(client: Any, task_id: str, hand: HandWorker):
    made = await got(client.trigger(task_id, 1))

    with pytest.raises(Unprocessable):
        await got(client.runs.reschedule(made.id, "1h"))


async def test_a_result_is_waited_for(client: Any, task_id: str, hand: HandWorker, server: Server):
    made = await got(client.trigger(task_id, 1))
    async with AsyncClient(server.url, KEY) as other:
        waiting = asyncio.ensure_future(other.runs.result(made.id, timeout="30s"))
        await hand.succeed('{"x":1}')
        result = await waiting

    assert (result.ok, result.output) == (True, '{"x":1}')
    assert (await got(client.runs.poll(made.id))).output == {"x": 1}


async def test_a_result_that_does_not_come_in_time_is_told(client: Any, task_id: str):
    made = await got(client.trigger(task_id, 1, delay="1h"))

    with pytest.raises(TimeoutError, match=made.id):
        await got(client.runs.result(made.id, timeout=0))


async def test_waiting_for_a_run_that_does_not_exist_ends_at_once(client: Any):
    with pytest.raises(NotFound):
        await got(client.runs.result("run_00000000000000000000000nope"))


async def test_tags_metadata_and_events_of_a_run(client: Any, task_id: str, hand: HandWorker):
    run = (await got(client.trigger(task_id, 1, tags=["a"]))).id
    await got(client.runs.add_tags(run, "b", "c"))
    change = UpdateMetadata(operations=[MetadataOperation(type="increment", key="n", value=2)])
    changed = await got(client.runs.update_metadata(run, change))
    await hand.succeed()

    assert changed == await got(client.runs.metadata(run)) == {"n": 2}
    assert sorted((await got(client.runs.retrieve(run))).tags) == ["a", "b", "c"]
    events = await each(client.runs.events(run, follow=True))
    assert [event.sequence for event in events] == sorted(event.sequence for event in events)
    assert len(events) >= 3


async def test_what_the_key_belongs_to_and_who_works(client: Any, task_id: str, hand: HandWorker):
    assert (await got(client.whoami())).slug == "dev"
    assert task_id in [task.id for task in (await got(client.tasks())).tasks]
    assert "hand" in [worker.name for worker in (await got(client.workers())).workers]


async def test_a_public_token_reads_what_its_scope_says_and_nothing_else(
    client: Any, task_id: str, server: Server
):
    mine = (await got(client.trigger(task_id, 1))).id
    other = (await got(client.trigger(task_id, 2))).id
    token = await got(client.auth.create_public_token([f"read:runs:{mine}"]))

    with Client(server.url, token) as browser:
        assert browser.runs.retrieve(mine).id == mine
        with pytest.raises(Forbidden):
            browser.runs.retrieve(other)


async def test_an_id_with_a_slash_is_one_segment(client: Any):
    made = await got(client.trigger("mail/send now", 1))

    assert (await got(client.runs.retrieve(made.id))).task_identifier == "mail/send now"


async def test_one_client_serves_many_threads(server: Server, task_id: str):
    made: list[str] = []
    with Client(server.url, KEY) as client:
        threads = [
            threading.Thread(target=lambda: made.append(client.trigger(task_id, 1).id)) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(set(made)) == 8


def test_one_client_serves_one_loop_after_another_and_several_at_once(server: Server, task_id: str):
    client = AsyncClient(server.url, KEY)
    made: list[str] = []

    async def trigger() -> None:
        made.append((await client.trigger(task_id, 1)).id)

    asyncio.run(trigger())
    asyncio.run(trigger())
    threads = [threading.Thread(target=lambda: asyncio.run(trigger())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(made)) == 6


async def test_a_replay_begins_at_a_stored_state_with_other_locals(
    client: Any, hand: HandWorker, task_id: str
):
    run = (await got(client.trigger(task_id, {"n": 1}))).id
    held = await hand.claim()
    frames = [FrameView(function="tasks.f", module="tasks", file="f.py", line=1, locals={"total": "3"})]
    await hand.report(
        Checkpointed(
            run_id=held.run_id, fence=held.fence, key="half", data=[1], snapshot="YWJj", frames=frames
        )
    )

    (state,) = (await got(client.runs.snapshots(run))).snapshots
    replay = await got(client.runs.replay(run, from_="half", locals={"total": Decimal("9.90")}))
    assert (state.key, state.data, state.frames) == ("half", [1], frames)
    assert [each.key for each in (await got(client.runs.snapshots(replay))).snapshots] == ["half"]
    with pytest.raises(NotFound, match="no stored state hlaf; there is only half"):
        await got(client.runs.replay(run, from_="hlaf"))
    with pytest.raises(BadOption, match="There is no local totle in half; there is only total"):
        await got(client.runs.replay(run, from_=1, locals={"totle": 1}))
    with pytest.raises(BadOption, match="from_ beside it"):
        await got(client.runs.replay(run, locals={"total": 1}))


async def test_the_ttl_of_the_environment_is_set_and_reset(client: Any):
    given = await got(client.environment.set_default_ttl(timedelta(hours=1)))
    never = await got(client.environment.set_default_ttl(0))
    reset = await got(client.environment.set_default_ttl(None))

    assert (given.default_ttl, never.default_ttl, reset.default_ttl) == ("1h", None, "10m")


async def test_why_and_bump_are_asked_of_a_run(client: Any, task_id: str):
    delayed = (await got(client.trigger(task_id, delay="1h"))).id

    told = await got(client.runs.why(delayed))
    assert (told.run, told.reasons[0].code) == (delayed, "delayed")
    with pytest.raises(Unprocessable, match="delayed until"):
        await got(client.runs.bump(delayed))
    with pytest.raises(NotFound):
        await got(client.runs.why("run_nobody"))


async def test_a_bumped_run_is_the_first_in_its_line(client: Any, task_id: str, hand: HandWorker):
    await got(client.queues.pause(f"task/{task_id}"))
    first, second = [(await got(client.trigger(task_id))).id for _ in range(2)]

    assert (await got(client.runs.why(second))).reasons[-1].position == 1
    await got(client.runs.bump(second))

    assert (await got(client.runs.why(second))).reasons[-1].position == 0
    assert (await got(client.runs.why(first))).reasons[-1].position == 1
    assert "queue_paused" in [one.code for one in (await got(client.runs.why(first))).reasons]
