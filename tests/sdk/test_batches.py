"""Batches of a real worker of a real server: triggered, streamed, waited for, read."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from perdure import (
    BadOption,
    BatchFailed,
    OutsideRun,
    PayloadInvalid,
    RunFailed,
    UnknownOption,
    batch,
    configure,
    idempotency_key,
)
from perdure.sdk.handle import clients
from perdure.wire.batches import BatchStatus
from tests.sdk.bulk import (
    Order,
    Parcel,
    blocking,
    double,
    fan_out,
    impatient,
    mixed,
    nothing,
    ouroboros,
    parked_twice,
    ship,
    sleepy,
    streamed,
    twice,
)
from tests.support import processes

KEY = "tr_dev_0123456789abcdef0123456789abcdef"
PATIENCE = "90s"


@pytest.fixture(scope="module", autouse=True)
def _world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A server, and a worker of the project."""
    root = tmp_path_factory.mktemp("bulk")
    (root / "tasks").mkdir()
    shutil.copy(Path(__file__).with_name("bulk.py"), root / "tasks")
    with (
        processes.server(root, PERDURE_SECRET_KEY=KEY) as server,
        processes.worker(root, server, key=KEY, log=root / "worker.log"),
    ):
        configure(server.url, KEY)
        yield
        clients.blocking.close()


async def test_results_come_in_the_order_of_the_items_and_in_their_types():
    handle = await double.batch_trigger([{"n": 3}, double.item(-1), double.options(tags="t").item(n=5)])
    results = await handle.results(PATIENCE)

    assert [(item.index, item.task, item.ok, item.output) for item in results] == [
        (0, "double", True, 6),
        (1, "double", False, None),
        (2, "double", True, 10),
    ]
    assert results[0].unwrap() == 6
    with pytest.raises(
        RunFailed, match=rf"{results[1].run_id} of task double ended as FAILED: AbortRun: -1 is"
    ):
        results[1].unwrap()
    with pytest.raises(
        BatchFailed, match=r"1 of 3 items of the batch did not succeed: item 1: Run run_\w+ of"
    ):
        results.unwrap()
    assert (await handle.retrieve()).status is BatchStatus.COMPLETED
    assert (await clients.asynchronous.runs.retrieve(results[2].run_id or "")).tags == ["t"]


async def test_runs_of_different_tasks_are_one_batch():
    handle = await batch.trigger([double.item(2), ship.item(Order(number=7))])
    first, second = await handle.results(PATIENCE)

    assert (first.output, second.output) == (4, Parcel(number=7, weight="1.5"))  # type: ignore[arg-type]
    assert [run.task async for run in handle.runs()] == ["double", "ship"]


def test_blocking_code_triggers_batches_too():
    handle = double.batch_trigger_sync({"n": n} for n in range(3))

    assert handle.results_sync(PATIENCE).unwrap() == [0, 2, 4]
    assert handle.retrieve_sync().id == batch.retrieve_sync(handle.id).id == handle.id
    assert [run.result_sync(PATIENCE) for run in handle.runs_sync()] == [0, 2, 4]
    other = batch.trigger_sync([double.item(1)])
    assert other.results_sync(PATIENCE).unwrap() == [2]


async def test_a_task_that_takes_a_whole_value_has_it_as_an_item():
    handle = await ship.batch_trigger([{"number": 1}, Order(number=2)])

    assert [parcel.number for parcel in (await handle.results(PATIENCE)).unwrap()] == [1, 2]


async def test_more_than_a_thousand_items_are_one_batch_to_the_user():
    async def items() -> AsyncIterator[dict[str, int]]:
        for n in range(2_500):
            yield {"n": n}

    handle = await double.options(delay="1h").batch_trigger(items())
    assert (len(handle.ids), handle.count) == (3, 2_500)
    whole = await handle.retrieve()
    assert (whole.id, whole.run_count, len(whole.runs)) == (handle.id, 2_500, 2_500)
    payload = (await clients.asynchronous.runs.retrieve(whole.runs[1_700])).payload
    assert payload == {"n": 1_700}
    assert await handle.cancel() == 2_500
    results = await handle.results(PATIENCE)
    assert [item.index for item in results] == list(range(2_500))
    assert {item.status for item in results} == {"CANCELED"}


async def test_a_key_of_the_batch_gives_the_same_runs():
    first, second = [
        await double.options(idempotency_key="once").batch_trigger([{"n": 1}, {"n": 2}]) for _ in range(2)
    ]
    assert first.ids == second.ids
    keyed = await batch.trigger([double.item(1)], idempotency_key="twice")
    again = await batch.trigger([double.item(1)], idempotency_key="twice")
    assert keyed.id == again.id


async def test_options_are_checked_by_name():
    with pytest.raises(UnknownOption, match="did you mean tags"):
        double.item(1).options(tag="x")  # type: ignore[call-arg]
    assert (await double.batch_trigger([double.item(1).options(tags="x")])).count == 1


@pytest.mark.parametrize(
    ("items", "error", "message"),
    [
        ([{"n": 1}, {"n": "many"}], PayloadInvalid, "Item 1: The payload does not fit task double: n: Input"),
        ([{"n": 1}, {"m": 1}], TypeError, r"Item 1: double\(\) missing a required argument: 'n'"),
        ([5], PayloadInvalid, r"Item 0: .*5 is no mapping of its parameters, such as .\"n\": ….*task.item"),
        ([ship.item(Order(number=1))], BadOption, r"Item 0: .*batch_trigger can't be 'ship'.*several tasks"),
        ({"n": 1}, BadOption, "Option items can't be {'n': 1}; it takes a list"),
        (7, BadOption, "Option items can't be 7"),
    ],
)
async def test_a_malformed_item_is_named_before_anything_is_sent(
    items: Any, error: type[Exception], message: str
):
    with pytest.raises(error, match=message):
        await double.batch_trigger(items)
    with pytest.raises(error, match=message):
        double.batch_trigger_sync(items)


async def test_a_malformed_item_far_on_says_what_was_sent():
    items = [{"n": n} for n in range(1_000)] + [{"n": "x"}]

    with pytest.raises(PayloadInvalid, match="Item 1000: ") as told:
        await double.options(delay="1h").batch_trigger(items)
    assert told.value.__notes__ == ["The 1000 items sent before it are triggered."]


async def test_a_batch_of_several_tasks_takes_items_only():
    with pytest.raises(BadOption, match=r"Item 0: Option item can't be .*; it takes task\.item"):
        await batch.trigger([{"n": 1}])  # type: ignore[list-item]


async def test_waits_for_batches_are_only_there_in_tasks():
    with pytest.raises(OutsideRun):
        _ = double.batch_trigger_and_wait([])
    with pytest.raises(OutsideRun):
        batch.trigger_and_wait_sync([])


async def test_a_batch_of_no_items_is_nothing():
    handle = await double.batch_trigger([])

    assert (handle.id, handle.ids, handle.count) == ("", (), 0)
    assert list(await handle.results()) == []
    assert await (await nothing.trigger()).result(PATIENCE) == 0


async def test_a_task_waits_for_a_batch():
    assert await (await fan_out.trigger(20)).result(PATIENCE) == [2 * n for n in range(20)]


async def test_a_task_waits_for_runs_of_different_tasks_some_of_which_fail():
    told = await (await mixed.trigger()).result(PATIENCE)

    assert [line[:2] for line in told] == [
        ["double", True],
        ["ship", True],
        ["double", False],
        ["double", True],
    ]
    assert [line[2] for line in told][::3] == [2, 6]
    assert "AbortRun: -1 is below zero" in told[2][3]


async def test_a_task_waits_for_a_batch_that_is_streamed():
    assert await (await streamed.trigger(30)).result(PATIENCE) == sum(2 * n for n in range(30))


async def test_the_same_key_twice_is_one_run():
    first, second, third = await (await twice.trigger()).result(PATIENCE)

    assert first == second != third


async def test_a_batch_that_nobody_wants_any_more_is_canceled():
    run = await (await impatient.trigger()).result(PATIENCE)

    children = [one async for one in clients.asynchronous.runs.list(parent=run, task="sleepy")]
    assert [child.status.value for child in children] == ["CANCELED", "CANCELED"]
    assert sleepy.id == "sleepy"


async def test_a_batch_with_the_waiting_run_in_it_ends():
    key = idempotency_key("snake", scope="global")
    first, second = await (await ouroboros.options(idempotency_key=key).trigger("snake")).result(PATIENCE)

    assert "can't wait for" in first
    assert second == "fine"


async def test_a_plain_function_waits_for_a_batch():
    assert await (await blocking.trigger()).result(PATIENCE) == [2, 4]


async def test_a_run_that_is_tried_again_has_the_runs_it_triggered_before(tmp_path: Path):
    handle = await parked_twice.trigger(str(tmp_path))

    assert await handle.result(PATIENCE) == [0, 2, 4]
    children = [one async for one in clients.asynchronous.runs.list(parent=handle.id)]
    assert len(children) == 3
