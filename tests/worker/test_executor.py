"""An executor, over its pipe: what becomes of an attempt, whatever the user's code does."""

import json
import signal
from pathlib import Path

import pytest

from perdure.wire.executor import Changed, Flush, Flushed
from perdure.wire.values import ErrorCode
from perdure.wire.workers import Canceled, Failed, Succeeded
from perdure.worker.executor import MOST_ABANDONED
from tests.worker.driver import ExecutorDriver, ZygoteDriver, await_death, await_text


@pytest.mark.parametrize("task", ["add", "add-sync"])
def test_a_task_returns(executor: ExecutorDriver, task: str):
    result = executor.run(task, {"a": 2, "b": 3}).result

    assert isinstance(result, Succeeded)
    assert json.loads(result.output or "") == 5


def test_an_executor_runs_one_after_the_other(executor: ExecutorDriver):
    pids = {executor.run("pid").result.output for _ in range(3)}

    assert pids == {str(executor.pid)}


def test_an_error_is_told(executor: ExecutorDriver):
    result = executor.run("fail").result

    assert isinstance(result, Failed)
    assert (result.how, result.error.name, result.error.message) == ("fail", "ValueError", "no good")


def test_a_task_that_is_not_there_is_told(executor: ExecutorDriver):
    result = executor.run("nothing").result

    assert isinstance(result, Failed)
    assert result.error.code == ErrorCode.NO_TASK
    assert "nothing" in (result.error.message or "")


@pytest.mark.parametrize(
    ("task", "payload"),
    [("sys-exit", {"code": 4}), ("sys-exit-sync", {"code": 4}), ("sys-exit-inside", {})],
)
def test_sys_exit_fails_the_run_and_not_the_process(executor: ExecutorDriver, task: str, payload: dict):
    result = executor.run(task, payload).result

    assert isinstance(result, Failed)
    assert "sys.exit" in (result.error.message or "")
    assert task in (result.error.message or "")
    assert executor.run("pid").result.output == str(executor.pid)


@pytest.mark.parametrize(
    ("task", "payload", "status"),
    [
        ("os-exit", {"code": 3}, 3),
        ("segfault", {}, -signal.SIGSEGV),
        ("kill", {"number": signal.SIGKILL}, -signal.SIGKILL),
    ],
)
def test_the_way_a_process_died_is_seen(forking: ZygoteDriver, task: str, payload: dict, status: int):
    executor = forking.executor()

    executor.start(task, payload)

    assert list(executor.messages()) == []
    assert forking.status_of(executor.pid) == status


@pytest.mark.parametrize("task", ["sleep", "sleep-sync"])
def test_a_canceled_run_ends(executor: ExecutorDriver, task: str, tmp_path: Path):
    mark = tmp_path / "mark"
    run = executor.start(task, {"mark": str(mark)})
    await_text(mark, "began")

    executor.stop(run)

    assert isinstance(executor.finish().result, Canceled)
    assert "canceled" in mark.read_text()
    assert executor.run("pid").result.output == str(executor.pid)


@pytest.mark.parametrize("task", ["sleep", "sleep-sync"])
def test_a_run_that_is_canceled_before_it_begins_does_not_begin(
    executor: ExecutorDriver, task: str, tmp_path: Path
):
    run = executor.start(task, {"mark": str(tmp_path / "mark")})
    executor.stop(run)

    assert isinstance(executor.finish().result, Canceled)


def test_async_code_that_blocks_is_canceled_too(executor: ExecutorDriver):
    run = executor.start("block", {"seconds": 600})
    executor.stop(run)

    assert isinstance(executor.finish().result, Canceled)


@pytest.mark.parametrize("task", ["sleep", "sleep-sync"])
def test_max_duration_ends_a_run(executor: ExecutorDriver, task: str):
    result = executor.run(task, max_duration=0.2).result

    assert isinstance(result, Failed)
    assert (result.how, result.error.code) == ("time_out", ErrorCode.TOO_LONG)
    assert "0.2 seconds" in (result.error.message or "")


def test_a_blocked_loop_is_told_with_task_seconds_and_line(executor: ExecutorDriver):
    executor.run("block", {"seconds": 1.8})
    executor.run("pid")

    warnings = executor.warnings()
    assert "Task block has blocked the event loop" in warnings
    assert "bad.py" in warnings
    assert "in block" in warnings
    assert "seconds in all" in warnings


def test_a_hundred_megabytes_of_print_are_cut(executor: ExecutorDriver):
    result = executor.run("print", {"lines": 100_000, "width": 1000}).result

    assert isinstance(result, Succeeded)
    printed = [line for line in executor.lines if line.source == "stdout"]
    assert sum(len(line.message) for line in printed) <= 8 * 1024 * 1024
    assert "The log is cut here" in executor.warnings()
    dropped = 100_000 - len(printed)
    assert f"{dropped:,} more lines were dropped" in executor.warnings()


def test_one_endless_line_is_cut(executor: ExecutorDriver):
    executor.run("print", {"lines": 1, "width": 30_000_000})

    assert max(len(line.message) for line in executor.lines) < 200_000


def test_log_lines_come_in_order_and_before_the_result(executor: ExecutorDriver):
    executor.run("log", {"count": 5000})

    lines = [line for line in executor.lines if line.source == "logger"]
    assert [line.message for line in lines] == [f"line {number}" for number in range(5000)]
    assert lines[-1].properties == {"number": 4999}


def test_a_result_over_the_limit_is_refused(executor: ExecutorDriver):
    assert isinstance(executor.run("big", {"size": 9 * 1024**2}).result, Succeeded)

    result = executor.run("big", {"size": 11 * 1024**2}).result

    assert isinstance(result, Failed)
    assert result.error.code == ErrorCode.BAD_OUTPUT
    assert "big" in (result.error.message or "")


def test_a_flush_is_answered_after_what_came_before(executor: ExecutorDriver):
    executor.start("count", {"times": 10})
    changed = executor.next()
    asked = executor.next()
    assert isinstance(changed, Changed)
    assert isinstance(asked, Flush)
    assert len(changed.change.operations) == 10

    executor.send(Flushed(run_id=asked.run_id, number=asked.number))

    assert isinstance(executor.finish().result, Succeeded)


@pytest.mark.parametrize(
    ("task", "words"),
    [("leave-thread", "1 thread behind: straggler"), ("leave-task", "1 asyncio task behind")],
)
def test_what_a_run_left_running_ends_the_process(executor: ExecutorDriver, task: str, words: str):
    finished = executor.run(task)

    assert isinstance(finished.result, Succeeded)
    assert finished.is_spent
    assert words in executor.warnings()


@pytest.mark.parametrize("hide", [False, True])
def test_a_child_that_a_run_left_is_killed(executor: ExecutorDriver, hide: bool):
    finished = executor.run("leave-child", {"hide": hide})

    assert isinstance(finished.result, Succeeded)
    assert finished.is_spent
    assert "behind, which were killed: s" in executor.warnings()
    await_death(int(finished.result.output or ""))


def test_a_worker_thread_of_asyncio_is_nothing_left_behind(executor: ExecutorDriver):
    assert not executor.run("thread-of-asyncio").is_spent


def test_many_runs_share_a_process(forking: ZygoteDriver):
    executor = forking.executor(is_shared=True)

    for _ in range(20):
        executor.start("meet-shared", {"count": 20})

    assert {executor.finish().result.output for _ in range(20)} == {str(executor.pid)}


def test_in_a_shared_process_one_run_is_canceled_and_the_others_go_on(forking: ZygoteDriver):
    executor = forking.executor(is_shared=True)
    canceled = executor.start("sleep-shared")
    executor.start("meet-shared", {"count": 1})

    executor.stop(canceled)

    results = {executor.finish().result for _ in range(2)}
    assert {type(result) for result in results} == {Canceled, Succeeded}


def test_an_idle_executor_ends_when_it_is_let_go(forking: ZygoteDriver):
    executor = forking.executor()
    executor.run("pid")

    executor.sock.close()

    assert forking.status_of(executor.pid) == 0


def test_a_busy_executor_ends_with_its_supervisor(forking: ZygoteDriver, tmp_path: Path):
    executor = forking.executor()
    mark = tmp_path / "mark"
    executor.start("child-and-sleep", {"mark": str(mark)})
    child = int(await_text(mark, str(executor.pid))[0])

    executor.sock.close()

    assert forking.status_of(executor.pid) == -signal.SIGKILL
    await_death(child)


def test_an_executor_in_which_many_runs_have_parked_is_spent(executor: ExecutorDriver):
    ends = [executor.run("rest") for _ in range(MOST_ABANDONED)]

    assert {end.result.type for end in ends} == {"parked"}
    assert [end.is_spent for end in ends] == [False] * (MOST_ABANDONED - 1) + [True]
