"""A worker against a real server: every way a run can end, and every way either of them can go away."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from perdure.client import AsyncClient
from perdure.core.errors import ProjectUnloadable, Unauthorized
from perdure.core.lifecycle import Status
from perdure.worker import main as program
from perdure.worker.options import WorkerOptions
from tests.support import processes
from tests.worker.driver import PATIENCE, await_death, await_text
from tests.worker.world import KEY, World


def settings(folder: Path) -> dict[str, str]:
    return {"PERDURE_SECRET_KEY": KEY, "PERDURE_DATABASE_URL": f"sqlite:///{folder / 'perdure.db'}"}


@pytest.fixture
async def world(tmp_path: Path, project: Path) -> AsyncIterator[World]:
    with processes.server(tmp_path, **settings(tmp_path)) as server:
        async with AsyncClient(server.url, KEY) as client:
            yield World(server, client, project)


@pytest.mark.parametrize("start", ["fork", "spawn"])
async def test_runs_of_every_isolation_complete(world: World, start: str):
    async with world.worker(start=start):
        runs = await asyncio.gather(
            world.run("add", {"a": 1, "b": 2}),
            world.run("add-sync", {"a": 3, "b": 4}),
            world.run("pid-fresh"),
            world.run("pid-shared"),
        )

    assert {run.status for run in runs} == {Status.COMPLETED}
    assert [run.output for run in runs[:2]] == [3, 7]


async def test_a_task_gets_its_process_again_and_a_fresh_one_never_does(world: World):
    async with world.worker():
        reused = {(await world.run("pid")).output for _ in range(3)}
        fresh = {(await world.run("pid-fresh")).output for _ in range(3)}

    assert len(reused) == 1
    assert len(fresh) == 3


async def test_many_async_runs_share_one_process_beyond_all_cores(world: World):
    async with world.worker(concurrency=40):
        runs = await asyncio.gather(*(world.run("meet-shared", {"count": 40}) for _ in range(40)))

    assert len({run.output for run in runs}) == 1


async def test_a_plain_function_is_not_run_in_a_shared_process(world: World):
    async with world.worker():
        shared = await world.run("pid-shared")
        plain = await world.run("pid-shared-sync")

    assert plain.status == Status.COMPLETED
    assert plain.output != shared.output


async def test_a_task_that_wants_a_container_is_told_what_there_is(world: World):
    async with world.worker():
        run = await world.run("contained")

    assert run.error is not None
    assert "containers" in run.error.message
    assert '"fresh"' in run.error.message


@pytest.mark.parametrize(
    ("task", "payload", "status", "words"),
    [
        ("os-exit", {"code": 3}, Status.CRASHED, "exit code 3"),
        ("segfault", {}, Status.CRASHED, "SIGSEGV"),
        ("kill", {"number": int(signal.SIGKILL)}, Status.CRASHED, "SIGKILL"),
        ("sys-exit", {"code": 1}, Status.CRASHED, "sys.exit(1)"),
        ("fail", {}, Status.FAILED, "no good"),
    ],
)
async def test_a_death_fails_its_own_run_and_no_other(
    world: World, task: str, payload: dict, status: Status, words: str
):
    async with world.worker():
        other = await world.trigger("pause", {"seconds": 0.5})
        run = await world.run(task, payload)

        assert run.status == status
        assert run.error is not None
        assert words in run.error.message
        assert (await world.end(other)).status == Status.COMPLETED


@pytest.mark.parametrize("task", ["grow", "grow-child"])
async def test_out_of_memory_names_machine_limit_and_next_step(world: World, task: str):
    async with world.worker(memory_seconds=0.02):
        payload = {"megabytes": 400, **({"seconds": 60} if task == "grow" else {})}
        run = await world.run(task, payload)

    assert run.status == Status.CRASHED
    assert run.error is not None
    for word in (task, "micro", "256 MB", "small-1x"):
        assert word in run.error.message


@pytest.mark.parametrize("task", ["sleep", "sleep-sync", "sleep-shared"])
async def test_a_canceled_run_ends_in_its_process(world: World, task: str, tmp_path: Path):
    mark = tmp_path / "mark"
    async with world.worker():
        run = await world.trigger(task, {"mark": str(mark)})
        await asyncio.to_thread(await_text, mark, "began")

        await world.client.runs.cancel(run)

        if task != "sleep-shared":
            await asyncio.to_thread(await_text, mark, "canceled")
        assert (await world.end(run)).status == Status.CANCELED


@pytest.mark.parametrize("task", ["stubborn", "hold-interpreter"])
async def test_a_run_that_does_not_end_when_canceled_is_killed(world: World, task: str, tmp_path: Path):
    mark = tmp_path / "mark"
    async with world.worker(cancel_seconds=0.3):
        run = await world.trigger(task, {"mark": str(mark)})
        words = await asyncio.to_thread(await_text, mark, "began")

        await world.client.runs.cancel(run)

        await asyncio.to_thread(await_death, int(words[1]))


async def test_a_stubborn_run_in_a_shared_process_takes_no_other_with_it(world: World, tmp_path: Path):
    mark = tmp_path / "mark"
    async with world.worker(cancel_seconds=0.3):
        run = await world.trigger("stubborn-shared", {"mark": str(mark)})
        words = await asyncio.to_thread(await_text, mark, "began")
        other = await world.trigger("pause-shared", {"seconds": 2})

        await world.client.runs.cancel(run)

        await asyncio.to_thread(await_text, mark, "refused")
        assert (await world.end(other)).status == Status.COMPLETED
        await asyncio.to_thread(await_death, int(words[1]))


@pytest.mark.parametrize("task", ["sleep", "hold-interpreter"])
async def test_max_duration_ends_what_can_and_what_can_not_be_interrupted(
    world: World, task: str, tmp_path: Path
):
    async with world.worker(cancel_seconds=0.3):
        run = await world.run(task, {"mark": str(tmp_path / "mark")}, max_duration=1)

    assert run.status == Status.TIMED_OUT
    assert run.error is not None
    assert "max_duration" in run.error.message


async def test_an_executor_is_replaced_after_a_run_that_left_a_thread(world: World):
    async with world.worker():
        pids = [(await world.run("leave-thread")).output for _ in range(2)]
        run = await world.trigger("leave-thread")
        await world.end(run)

    assert pids[0] != pids[1]
    assert "straggler" in await world.log_of(run)


async def test_a_task_that_triggers_another_leaves_nothing_behind(world: World):
    async with world.worker():
        pids = {(await world.run("trigger-add")).output for _ in range(2)}

    assert len(pids) == 1


async def test_a_zygote_that_dies_is_replaced(world: World):
    async with world.worker():
        zygote = psutil.Process(int((await world.run("parent-pid")).output))

        zygote.kill()

        assert (await world.run("add", {"a": 1, "b": 2})).output == 3


async def test_what_a_task_logs_reaches_the_run(world: World):
    async with world.worker():
        run = await world.trigger("log", {"count": 3})
        await world.end(run)

    log = await world.log_of(run)
    assert "line 0" in log
    assert "line 2" in log


async def test_metadata_reaches_the_run_before_a_flush_returns(world: World):
    async with world.worker():
        run = await world.run("count", {"times": 5})

    assert run.status == Status.COMPLETED
    assert run.metadata == {"done": 5}


async def test_a_drain_lets_runs_finish_and_takes_no_more(world: World):
    async with world.worker(concurrency=1) as supervisor:
        first = await world.trigger("pause", {"seconds": 0.5})
        await world.until(first, Status.EXECUTING)
        second = await world.trigger("pause", {"seconds": 0})

        supervisor.drain()

        assert (await world.end(first)).status == Status.COMPLETED
    assert (await world.client.runs.retrieve(second)).status == Status.QUEUED
    assert (await world.client.workers()).workers == []


async def test_what_does_not_finish_in_time_is_handed_back(world: World, tmp_path: Path):
    mark = tmp_path / "mark"
    async with world.worker(drain_seconds=0.2) as supervisor:
        run = await world.trigger("sleep-sync", {"mark": str(mark)})
        words = await asyncio.to_thread(await_text, mark, "began")
        supervisor.drain()

    await asyncio.to_thread(await_death, int(words[1]))
    assert (await world.client.runs.retrieve(run)).status == Status.QUEUED


async def test_a_worker_goes_on_through_a_restart_of_its_server(world: World, tmp_path: Path):
    mark = tmp_path / "mark"
    async with world.worker():
        running = await world.trigger("pause", {"seconds": 1.5})
        await world.until(running, Status.EXECUTING)
        world.server.stop(signal.SIGKILL)

        with processes.server(tmp_path, **settings(tmp_path), PERDURE_PORT=world.port):
            assert (await world.end(running)).status == Status.COMPLETED
            later = await world.run("add", {"a": 1, "b": 1})
            assert later.output == 2
            assert (await world.client.runs.retrieve(running)).attempt_count == 1
    assert not mark.exists()


async def test_a_wrong_key_is_an_error_and_no_endless_trying(world: World):
    supervisor = program.build(
        world.project, api_url=world.server.url, secret_key="tr_dev_ffffffffffffffffffffffff"
    )

    with pytest.raises(Unauthorized):
        await asyncio.wait_for(supervisor.run(), PATIENCE)


async def test_a_project_that_ends_the_interpreter_is_an_error(world: World, tmp_path: Path):
    (tmp_path / "perdure.toml").write_text('project = "ends"\n')
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "ends.py").write_text("import os\nos._exit(1)\n")
    supervisor = program.build(tmp_path, api_url=world.server.url, secret_key=KEY)

    with pytest.raises(ProjectUnloadable):
        await asyncio.wait_for(supervisor.run(), PATIENCE)


@pytest.mark.parametrize("start", ["fork", "spawn"])
async def test_a_worker_can_be_stopped_while_it_imports(world: World, start: str, tmp_path: Path):
    (tmp_path / "tasks").mkdir()
    mark = tmp_path / "mark"
    code = f"import time\nopen({str(mark)!r}, 'w').write('began')\ntime.sleep(3600)\n"
    (tmp_path / "tasks" / "slow.py").write_text(code)
    options = WorkerOptions(start=start)  # type: ignore[arg-type]
    supervisor = program.build(tmp_path, options, api_url=world.server.url, secret_key=KEY)
    work = asyncio.create_task(supervisor.run())
    await asyncio.to_thread(await_text, mark, "began")

    supervisor.drain()

    await asyncio.wait_for(work, PATIENCE)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_drains_a_worker_program(world: World, number: int):
    with world.worker_process() as process:
        run = await world.trigger("pause", {"seconds": 0.5})
        await world.until(run, Status.EXECUTING)

        process.send_signal(number)

        assert await asyncio.to_thread(process.wait, PATIENCE) == program.DONE
    assert (await world.end(run)).status == Status.COMPLETED


async def test_a_second_signal_stops_at_once(world: World, tmp_path: Path):
    mark = tmp_path / "mark"
    with world.worker_process() as process:
        run = await world.trigger("sleep", {"mark": str(mark)})
        await asyncio.to_thread(await_text, mark, "began")

        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)

        assert await asyncio.to_thread(process.wait, PATIENCE) == program.DONE
    assert (await world.client.runs.retrieve(run)).status == Status.QUEUED


@pytest.mark.parametrize("task", ["sleep", "hold-interpreter"])
async def test_user_code_does_not_outlive_a_worker_that_is_killed(world: World, task: str, tmp_path: Path):
    mark = tmp_path / "mark"
    with world.worker_process() as process:
        await world.trigger(task, {"mark": str(mark)})
        words = await asyncio.to_thread(await_text, mark, "began")

        os.kill(process.pid, signal.SIGKILL)

        await asyncio.to_thread(await_death, int(words[1]))


async def test_a_worker_with_a_wrong_key_ends_with_its_own_code(world: World):
    with world.worker_process(PERDURE_SECRET_KEY="tr_dev_ffffffffffffffffffffffff") as process:
        assert await asyncio.to_thread(process.wait, PATIENCE) == program.WRONG_KEY


async def test_a_poll_waits_while_all_slots_are_taken_and_still_hears_of_a_cancellation(
    world: World, tmp_path: Path
):
    mark = tmp_path / "mark"
    async with world.worker(concurrency=1):
        run = await world.trigger("sleep", {"mark": str(mark)})
        await asyncio.to_thread(await_text, mark, "began")
        waiting = await world.trigger("add", {"a": 2, "b": 2})

        await world.client.runs.cancel(run)

        assert (await world.end(waiting)).output == 4


def test_concurrency_is_ten_per_core():
    assert WorkerOptions().concurrency == 10 * len(os.sched_getaffinity(0))
