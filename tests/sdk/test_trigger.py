"""A task that is triggered, run by a real worker of a real server, and waited for."""

import asyncio
import shutil
import threading
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from perdure import PayloadInvalid, RunFailed, configure
from perdure.core.lifecycle import Status
from perdure.sdk.handle import clients
from tests.sdk.shop import Receipt, add, charge, double, parent, refuse
from tests.support import processes

KEY = "tr_dev_0123456789abcdef0123456789abcdef"
PATIENCE = "60s"


@pytest.fixture(scope="module", autouse=True)
def _world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A server, and a worker of the shop."""
    root = tmp_path_factory.mktemp("shop")
    (root / "tasks").mkdir()
    shutil.copy(Path(__file__).with_name("shop.py"), root / "tasks")
    with (
        processes.server(root, PERDURE_SECRET_KEY=KEY) as server,
        processes.worker(root, server, key=KEY, log=root / "worker.log"),
    ):
        configure(server.url, KEY)
        yield
        clients.blocking.close()


async def test_a_run_gives_back_what_the_task_returns_in_its_type():
    handle = await charge.trigger(order="o1", amount=Decimal("9.90"))

    assert await handle.result(PATIENCE) == Receipt(order="o1", amount=Decimal("9.90"))
    assert await handle.status() == Status.COMPLETED


def test_blocking_code_triggers_and_waits_too():
    handle = add.trigger_sync(20, b=22)

    assert handle.result_sync(PATIENCE) == 42
    assert handle.status_sync() == Status.COMPLETED


async def test_a_run_that_failed_raises_its_error():
    handle = await refuse.trigger("sold out")

    with pytest.raises(RunFailed, match=rf"{handle.id} of task refuse ended as FAILED: AbortRun: sold out"):
        await handle.result(PATIENCE)


async def test_a_replay_by_the_handle_begins_in_the_middle_and_is_typed_as_the_run():
    handle = await double.trigger(Decimal(2))
    assert await handle.result(PATIENCE) == Receipt(order="o1", amount=Decimal(4))
    (state,) = (await handle.snapshots()).snapshots

    other = await handle.replay(from_="ordered", locals={"order": "o2"}, payload={"amount": "3"})

    assert (state.key, state.data) == ("ordered", {"order": "o1"})
    assert await other.result(PATIENCE) == Receipt(order="o2", amount=Decimal(6))


def test_blocking_code_replays_too():
    handle = double.trigger_sync(Decimal(2))
    handle.result_sync(PATIENCE)
    again = handle.replay_sync(from_=handle.snapshots_sync().snapshots[0].number)

    assert again.result_sync(PATIENCE) == Receipt(order="o1", amount=Decimal(4))


async def test_options_are_for_one_trigger():
    handle = await add.options(delay="1h").options(tags=["later"]).trigger(1)

    assert await handle.status() == Status.DELAYED
    await handle.cancel()
    assert await handle.status() == Status.CANCELED


async def test_the_payload_is_checked_before_anything_is_sent():
    with pytest.raises(PayloadInvalid, match="task add: a: "):
        await add.trigger("many")  # type: ignore[arg-type]


async def test_keys_of_a_run_are_its_own():
    first, second, third, run = await (await parent.trigger()).result(PATIENCE)
    again, _, same, _ = await (await parent.trigger()).result(PATIENCE)

    assert (first == second, first == again, third == same) == (True, False, True)
    assert (await clients.asynchronous.runs.retrieve(first)).related_runs.parent.id == run  # type: ignore[union-attr]


def test_tasks_are_triggered_from_many_loops_and_threads():
    ids: list[str] = []

    async def trigger() -> None:
        ids.append((await add.trigger(1)).id)

    threads = [threading.Thread(target=lambda: asyncio.run(trigger())) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(ids)) == 5
